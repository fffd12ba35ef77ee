"""A mapping is created with a backfill: what was missed before is published again with it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import REPLAY_HEADER
from tests.support.people.commands import SIGNED, Finished, command
from tests.support.services.installation import Installation
from tests.support.stream import expected_counts, resolved, stream
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

TOTAL = 28
MARKET = "seventh 3"
CANONICAL = "third_of_seven"
AGAIN = ("--json", "--republish", "1h")
CREATE = ("mappings", "create", *SIGNED, "--json", "--backfill", "1h", "--file")


@dataclass
class Seen:
    dry: Finished
    created: Finished
    outputs: list[RawRecord]
    counts: Any
    runs: Any


def canonical_ids(record: RawRecord) -> set[str]:
    return {market["canonical_id"] for market in orjson.loads(record.value or b"")["markets"]}


async def scenario(installation: Installation) -> Seen:
    file = installation.folder / "mapping.json"
    mapping = {"canonical_id": CANONICAL, "name": "Third", "sportybet_id": MARKET}
    outcomes = [{"canonical_id": "yes", "sportybet_desc": "Yes"}]
    file.write_text(json.dumps(mapping | {"outcome_mapping": outcomes}))
    await installation.publish(stream(TOTAL))
    installation.start_worker()
    await installation.caught_up()
    dry = await command(installation, *CREATE, str(file), "--dry-run")
    assert await installation.query("SELECT 1 FROM user_market_mappings WHERE name = 'Third'") == []
    created = await command(installation, *CREATE, str(file))
    assert await installation.stop_worker() == 0
    runs = (await command(installation, "replay", "list", "--json")).json
    return Seen(dry, created, await resolved(installation), await installation.counts(), runs)


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, index_poll_s=0.5)
    return outcome


def test_a_dry_run_shows_the_change_and_the_plan(seen: Seen) -> None:
    said = seen.dry.json
    assert (said["dry_run"], said["backfill"]["records"]) == (True, TOTAL)


def test_events_that_missed_the_market_come_again_and_hold_it(seen: Seen) -> None:
    replay_id = seen.created.json["backfill"]["id"].encode()
    again = [record for record in seen.outputs if REPLAY_HEADER in dict(record.headers)]
    assert len(again) == TOTAL // 7 == len(seen.outputs) - TOTAL
    for record in again:
        assert CANONICAL in canonical_ids(record)
        assert dict(record.headers)[REPLAY_HEADER] == replay_id
        version = orjson.loads(record.value or b"")["mapping_version"]
        assert version >= seen.created.json["version"]


def test_before_it_the_market_was_missed(seen: Seen) -> None:
    live = [record for record in seen.outputs if REPLAY_HEADER not in dict(record.headers)]
    assert not any(CANONICAL in canonical_ids(record) for record in live)


def test_nothing_is_counted_by_a_backfill(seen: Seen) -> None:
    assert seen.counts == expected_counts(TOTAL)


def test_the_backfill_is_recorded_with_the_mapping_it_is_for(seen: Seen) -> None:
    (run,) = seen.runs
    assert (run["state"], run["reason"]) == ("DONE", f"backfill of {CANONICAL}: because")
    assert run["filters"]["markets"] == [f"sportybet:{MARKET}"]


async def test_without_a_cluster_nothing_is_created(installation: Installation) -> None:
    file = installation.folder / "mapping.yaml"
    outcomes = '[{"canonical_id": "yes", "sportybet_desc": "Yes"}]'
    file.write_text(
        f"canonical_id: {CANONICAL}\nname: Third\nsportybet_id: x\noutcome_mapping: {outcomes}\n"
    )
    away = {"MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "MARKETMAP_ADMIN_TIMEOUT_S": "1"}
    answer = await command(installation, *CREATE, str(file), **away)
    assert answer.code == 1
    assert await installation.query("SELECT 1 FROM user_market_mappings WHERE name = 'Third'") == []


def versions(records: list[RawRecord], replay_id: str) -> list[set[str]]:
    """The canonical ids of each event that this replay published again."""
    return [
        canonical_ids(record)
        for record in records
        if dict(record.headers).get(REPLAY_HEADER) == replay_id.encode()
    ]


@pytest.fixture(scope="module")
def changed(in_installation: Any) -> dict[str, list[set[str]]]:
    """What was published again by each change of a mapping, by the name of the command."""
    outcome: dict[str, list[set[str]]] = in_installation(every_change, index_poll_s=0.5)
    return outcome


async def suggest(installation: Installation, file: Path) -> None:
    """Create the mapping of a file, and suggest it for the market."""
    created = await command(
        installation, "mappings", "create", "--file", str(file), *SIGNED, "--json"
    )
    await installation.query(
        """
        INSERT INTO suggestion
            (source, external_market_id, rank, market_name, canonical_id, version, line_kind,
                outcomes, unmatched, evidence, events, likeness, confidence, is_confident, reason)
        VALUES ('sportybet', :market, 1, 'Third', :canonical, :version, 'none',
            '{"Yes": "yes"}', '[]', '{}', 12, 0.9, 0.98, true, 'from other bookmakers')
        RETURNING rank
        """,
        market=MARKET,
        canonical=CANONICAL,
        version=created.json["version"],
    )


async def every_change(installation: Installation) -> dict[str, list[set[str]]]:
    file = installation.folder / "mapping.json"
    mapping = {"canonical_id": CANONICAL, "name": "Third", "sportybet_id": MARKET}
    outcomes = [{"canonical_id": "yes", "sportybet_desc": "Yes"}]
    file.write_text(json.dumps(mapping | {"outcome_mapping": outcomes}))
    catalogue = installation.folder / "catalogue.json"
    entry = mapping | {"outcome_mapping": outcomes, "priority": 3}
    catalogue.write_text(json.dumps({"format": 1, "mappings": [entry]}))
    await installation.publish(stream(TOTAL))
    installation.start_worker()
    await installation.caught_up()
    replays: dict[str, str] = {}
    version = 0
    for name, arguments in {
        "map": ("unmapped", "map", "sportybet", MARKET, "--file", str(file)),
        "update": ("mappings", "update", CANONICAL, "--set", "sportybet_id=x"),
        "rollback": ("mappings", "rollback", CANONICAL),
        "deactivate": ("mappings", "deactivate", CANONICAL),
        "activate": ("mappings", "activate", CANONICAL),
        "import": ("mappings", "import", str(catalogue)),
        "delete": ("mappings", "delete", CANONICAL),
    }.items():
        more = (str(version),) if name == "rollback" else ()
        said = await command(installation, *arguments, *more, *SIGNED, *AGAIN)
        assert said.code == 0, said
        version = said.json["version"] if name == "map" else version
        replays[name] = said.json["backfill"]["id"]
    drafted = await command(
        installation, "drafts", "create", "--file", str(file), "--propose", *SIGNED, "--json"
    )
    number = str(drafted.json["change_set"])
    for name in ("approve", "revert"):
        said = await command(installation, "changes", name, number, *SIGNED, *AGAIN)
        replays[name] = said.json["backfill"]["id"]
    file.write_text(json.dumps(mapping | {"sportybet_id": "x", "outcome_mapping": outcomes}))
    await suggest(installation, file)
    said = await command(
        installation, "suggestions", "accept", "sportybet", MARKET, *SIGNED, *AGAIN
    )
    replays["accept"] = said.json["backfill"]["id"]
    assert await installation.stop_worker() == 0
    records = await resolved(installation)
    return {name: versions(records, replay_id) for name, replay_id in replays.items()}


@pytest.mark.parametrize("name", ["map", "rollback", "activate", "import", "approve", "accept"])
def test_a_change_that_maps_the_market_publishes_it_again_with_the_mapping(
    changed: dict[str, list[set[str]]], name: str
) -> None:
    assert len(changed[name]) == TOTAL // 7
    assert all(CANONICAL in ids for ids in changed[name])


@pytest.mark.parametrize("name", ["update", "deactivate", "delete", "revert"])
def test_a_change_that_takes_the_market_away_publishes_it_again_without(
    changed: dict[str, list[set[str]]], name: str
) -> None:
    assert len(changed[name]) == TOTAL // 7
    assert not any(CANONICAL in ids for ids in changed[name])


async def test_a_change_of_nothing_publishes_nothing(installation: Installation) -> None:
    arguments = ("mappings", "activate", "1x2_ft", *SIGNED, "--json", "--republish", "1h")
    said = await command(installation, *arguments)
    assert (said.code, said.json["action"], said.json["backfill"]) == (0, "NONE", None)


async def test_a_revert_that_is_tried_has_a_plan_and_one_that_waits_publishes_nothing(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    deactivated = await command(installation, "mappings", "deactivate", "1x2_ft", *SIGNED, "--json")
    assert deactivated.code == 0, deactivated
    (change_set,) = (await command(installation, "changes", "list", "--limit", "1", "--json")).json
    revert = ("changes", "revert", str(change_set["change_set"]), *SIGNED, "--republish", "1h")
    tried = await command(installation, *revert, "--dry-run")
    assert tried.code == 0, tried
    assert "1 mapping would be restored" in tried.stderr
    assert tried.stdout.index("1x2_ft") < tried.stdout.index("observations.sportybet")
    planned = (await command(installation, *revert, "--dry-run", "--json")).json
    assert (planned["backfill"]["records"], planned["change_set"]) == (TOTAL, None)
    assert [one["canonical_id"] for one in planned["changes"]] == ["1x2_ft"]
    await command(installation, "changes", "four-eyes", "on", *SIGNED)
    for more in ((), ("--dry-run",)):
        waits = await command(installation, *revert, *more)
        assert waits.code == 0, waits
        said = "Nothing is published again: approve it with --republish.\n"
        assert waits.stderr.endswith(said)
    assert (await command(installation, "replay", "list", "--json")).json == []


async def test_a_wrong_duration_changes_nothing(installation: Installation) -> None:
    said = await command(
        installation, "mappings", "deactivate", "1x2_ft", *SIGNED, "--republish", "soon"
    )
    assert said.code == 2
    active = "SELECT is_active FROM user_market_mappings WHERE canonical_id = '1x2_ft'"
    assert [row[0] for row in await installation.query(active)] == [True]
