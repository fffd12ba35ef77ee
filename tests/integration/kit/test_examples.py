"""The examples of the kit, run as programs on a real worker and real Kafka."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from tests.support.people.wheels import ROOT
from tests.support.services.installation import PATIENCE_S, Installation
from tests.support.services.snapshots import read_through, start_snapshot
from tests.unit.schemas.test_raw_reply import SPORTYBET
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.ports import pick_free

pytestmark = pytest.mark.services

KIT = ROOT / "clients" / "python"
EXAMPLES = KIT / "examples"


def environment(installation: Installation) -> dict[str, str]:
    return installation.environment | {"PYTHONPATH": str(KIT)}


async def run(installation: Installation, name: str, *arguments: str | Path) -> str:
    """What an example prints until it ends by itself."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        env=environment(installation),
        cwd=installation.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
async def scraped(installation: Installation) -> Installation:
    """An installation that has resolved a scrape, and holds the newest odds of it."""
    seen = list(generate_scrape(seed=3, events=4, started_at=datetime.now(UTC), size="slim"))
    await installation.publish(
        (f"observations.{each.platform}", each.key.encode(), orjson.dumps(each.observation), [])
        for each in seen
    )
    installation.start_worker()
    start_snapshot(installation)
    await installation.caught_up()
    await read_through(installation)
    return installation


async def test_the_examples_for_readers_show_what_was_resolved(scraped: Installation) -> None:
    listed = await run(scraped, "read_latest")
    assert {line.split()[0] for line in listed.splitlines()} == {"betpawa", "sportybet", "bet9ja"}
    board = await run(scraped, "three_book_board")
    assert any(line.startswith("1x2_ft None {'home'") for line in board.splitlines())
    assert await first_line(scraped, "follow_resolved")


async def first_line(installation: Installation, name: str) -> str:
    """The first line of an example that never ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", EXAMPLES / f"{name}.py",
        env=environment(installation), stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await process.stdout.readline()).decode()
    finally:
        process.kill()
        await process.wait()


async def test_a_raw_reply_that_an_example_publishes_is_resolved(
    installation: Installation, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.json"
    reply.write_bytes(orjson.dumps(SPORTYBET))
    assert "sent sportybet" in await run(installation, "publish_raw_reply", reply)
    installation.start_worker()
    await installation.caught_up()
    (record,) = await installation.consume("odds.resolved")
    assert orjson.loads(record.value or b"")["platform"] == "sportybet"


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_that_reaches_no_broker_ends_with_one_sentence(
    example: Path, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.json"
    reply.write_bytes(orjson.dumps(SPORTYBET))
    servers = {"MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{pick_free(1)[0]}"}
    done = subprocess.run(
        [sys.executable, example, *([reply] if "reply" in example.name else [])],
        env=os.environ | servers | {"PYTHONPATH": str(KIT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert line.startswith(f"{example.stem}: BROKERS_UNREACHABLE: ")


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_has_about_15_lines_of_code(example: Path) -> None:
    lines = example.read_text(encoding="utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 15


@pytest.mark.parametrize(
    ("example", "document"),
    [
        ("publish_raw_reply", "scrapers"),
        ("follow_resolved", "downstream"),
        ("read_latest", "downstream"),
        ("three_book_board", "downstream"),
    ],
)
def test_a_document_shows_the_example_as_it_is(example: str, document: str) -> None:
    page = (ROOT / "docs" / f"{document}.md").read_text(encoding="utf-8")
    assert f"```py\n{(EXAMPLES / f'{example}.py').read_text(encoding='utf-8')}```" in page
