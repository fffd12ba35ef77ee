"""A worker of an older version, its real process, keeps working while the schema is migrated to this one.

Its source is taken from the history of the repository. It runs with the libraries of today, and without the
compiled part, whose interface is another: its own release would have brought its own.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.conftest import Services
from tests.support.markets import CATALOGUE, observation
from tests.support.players import AWAY, HOME, sold
from tests.support.services.installation import (
    Installation,
    Published,
    installed,
    temporary_database,
)
from tests.support.stream import ids, resolved, stream
from worker.kafka.record import RawRecord
from worker.storage.engine import transaction
from worker.storage.mappings import import_mappings
from worker.storage.migrate import current, known_revision, upgrade

pytestmark = pytest.mark.services

ROOT: Final = Path(__file__).parents[3]
# The last commit before the wings, and the last one before mappings of players.
COMMITS: Final = (
    "5f3211d",
    "003f2bd^",
)
FOLDERS: Final = ("worker", "schemas", "clients", "alembic", "alembic.ini", "catalogue")
NO_COMPILED_PART: Final = 'raise ImportError("it is of another release")\n'
SLOWLY: Final = {"MARKETMAP_BATCH_MAX_RECORDS": "4"}
EARLY, LATE, LAST = 300, 300, 600
TOTAL: Final = EARLY + LATE + LAST
OF_PLAYERS: Final = 30


def archived(commit: str, folder: Path) -> Path:
    """The source of a commit; the test is skipped where the history does not reach so far."""
    git = ["git", "-C", str(ROOT), "archive", commit, *FOLDERS]
    try:
        archive = subprocess.run(git, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"there is no {commit} in the history: {error}")
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    without = folder / "without_compiled_part"
    without.mkdir()
    (without / "market_mapping_recall.py").write_text(NO_COMPILED_PART, encoding="utf-8")
    return folder


def newest_revision(source: Path) -> str:
    return max(file.name for file in (source / "alembic" / "versions").glob("0*.py"))[:4]


def run_old(installation: Installation, source: Path, *arguments: str) -> None:
    """Run a command of the older version."""
    subprocess.run(
        [sys.executable, "-m", "worker.cli", *arguments],
        cwd=source,
        env=installation.environment | without_compiled_part(source),
        check=True,
        capture_output=True,
    )


def without_compiled_part(source: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(source / "without_compiled_part")}


def of_players(number: int) -> Published:
    """A market of players, which the older worker does not know, next to one that it knows."""
    scorers = sold(
        "40", ("Antuna, Uriel (Pumas UNAM)", "sr:player:1", "7.2"), specifier="type=prematch"
    )
    key = f"players {number}"
    value = observation("sportybet", [scorers], id=key, home=HOME, away=AWAY)
    return "observations.sportybet", key.encode(), value, []


@dataclass
class Seen:
    outputs: list[RawRecord]
    counts: Counter[tuple[str, str]]
    opened: dict[int, int]
    exit_codes: Sequence[int]
    done_when_migrated: tuple[int, int]
    revisions: tuple[str | None, str | None]
    dead: int


async def rollout(installation: Installation, source: Path, url: str) -> Seen:
    """Old worker and schema; then the new schema, the new catalogue, and a new worker next to the old one."""
    catalogue = next((source / "catalogue").glob("[fm]*.json"))
    run_old(
        installation,
        source,
        *("mappings", "import", str(catalogue), "--actor", "ada", "--reason", "the old catalogue"),
    )
    before = await current(url)
    await installation.publish(stream(EARLY))
    installation.start_older_worker(source, **SLOWLY, **without_compiled_part(source))
    await installation.progressed(20)
    started_with = (await installation.backlog()).done
    await upgrade(url)
    async with transaction(installation.engine) as connection:
        await import_mappings(connection, CATALOGUE, actor="ada", reason="the new catalogue")
    await installation.publish(stream(LATE, EARLY))
    await installation.publish([of_players(number) for number in range(OF_PLAYERS)])
    await installation.progressed(EARLY + 20)
    ended_with = (await installation.backlog()).done
    installation.start_worker(**SLOWLY)
    await installation.logged("partition_opened", 1)
    await installation.publish(stream(LAST, EARLY + LATE))
    await installation.publish([of_players(number) for number in range(OF_PLAYERS)])
    await installation.caught_up()
    assert installation.running() == [0, 1]
    opened = {
        number: [line["event"] for line in installation.log_of(number)].count("partition_opened")
        for number in (0, 1)
    }
    exit_codes = [await installation.stop_worker(number) for number in (0, 1)]
    return Seen(
        await resolved(installation),
        await installation.counts(),
        opened,
        exit_codes,
        (started_with, ended_with),
        (before, await current(url)),
        len(await installation.consume("observations.dead")),
    )


@pytest.fixture(params=COMMITS)
async def seen(request: Any, services: Services, tmp_path: Path) -> Seen:
    source = archived(request.param, tmp_path / "source")
    async with temporary_database(services.postgres) as url:
        await upgrade(url, newest_revision(source))
        async with installed(services.kafka, url, tmp_path, partitions=6) as installation:
            return await rollout(installation, source, url)


def first_of_each(outputs: Sequence[RawRecord]) -> list[dict[str, Any]]:
    """The resolved events, each source record once."""
    by_id = dict(zip(ids(outputs), outputs, strict=True))
    return [orjson.loads(record.value or b"") for record in by_id.values()]


async def test_an_older_worker_goes_on_while_the_schema_is_migrated_and_next_to_a_new_worker(
    seen: Seen,
) -> None:
    before, now = seen.revisions
    assert (before, now) != (now, now)
    assert now == known_revision()
    started_with, ended_with = seen.done_when_migrated
    assert started_with < EARLY  # it was at work when the schema changed
    assert ended_with >= EARLY  # and went on alone
    assert all(seen.opened.values())
    assert list(seen.exit_codes) == [0, 0]
    assert seen.dead == 0

    events = first_of_each(seen.outputs)
    numbered = [event for event in events if event["event"]["home"] != HOME]
    assert Counter(int(event["event"]["home"]) for event in numbered) == Counter(range(TOTAL))
    assert len(events) == TOTAL + 2 * OF_PLAYERS
    for event in numbered:
        (market,) = event["markets"]
        assert market["canonical_id"] == "1x2_ft"
        prices = {outcome["outcome"]: outcome["odds"] for outcome in market["outcomes"]}
        assert prices == {"home": 2.1, "draw": 3.2, "away": 3.6}
    of_players = [event for event in events if event["event"]["home"] == HOME]
    for event in of_players:
        assert event["markets"] == []
        found = event.get("participant_markets", [])
        # The older worker misses the market; the new one resolves it. Nobody takes it for another.
        assert [market["canonical_id"] for market in found] in ([], ["anytime_goalscorer_ft"])
        assert bool(found) != bool(event["misses"])
    assert {"participant_markets" in event for event in of_players} == {True, False}

    missed = Counter(
        ("sportybet", miss["external_market_id"]) for event in events for miss in event["misses"]
    )
    assert seen.counts == missed
    assert missed["sportybet", "900001"] == TOTAL
