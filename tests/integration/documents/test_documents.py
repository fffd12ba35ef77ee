"""Every command in a console block of a document, run as it stands, in the order in which it stands."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.support.markets import observation, sportybet
from tests.support.people.command_tree import every_command
from tests.support.people.documents import ROOT, Step, blocks, files, steps
from tests.support.people.reader import NOT_RUN, Reader
from tests.support.services.installation import DEFAULT_NAMES, Published, fill, installed
from tests.unit.schemas.test_raw_reply import SPORTYBET
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.services import LocalServices

pytestmark = pytest.mark.services

RUN_ELSEWHERE: Final = {
    "docs/editing.md": "tests/integration/commands/test_editing_document.py, on a table of its own",
    "docs/commands.md": "its blocks are synopses; the examples are run below",
}
DOCUMENTS: Final = [
    document
    for document in (
        *ROOT.glob("*.md"),
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "clients/python/README.md",
    )
    if str(document.relative_to(ROOT)) not in RUN_ELSEWHERE
]
WITH_COMMANDS: Final = [document for document in DOCUMENTS if steps(document)]
PROGRAMS: Final = {"marketmap", "curl", "python", *NOT_RUN}
EXAMPLES_NOT_RUN: Final = {
    "demo": "tests/integration/test_demo.py runs it",
    "bench": "it measures for minutes",
    "lag": "--watch never ends",
    "run worker": "it never ends; the documents run it",
    "run relay": "as run worker",
    "run snapshot": "as run worker; tests/integration/snapshot runs it",
    "run insight": "as run worker; tests/integration/insight runs it",
    "run console": "as run worker; tests/integration/console runs it",
    "suggestions show": "it takes a suggestion of insight; tests/integration/commands/test_suggestions.py",
    "suggestions accept": "as suggestions show",
    "evidence show": "it takes evidence of insight; tests/integration/commands/test_alarms.py",
    "events show": "it takes an event that insight watches; tests/integration/console runs it",
    "events proofs": "as events show",
    "alarms show": "it takes an alarm of insight; tests/integration/commands/test_alarms.py",
    "alarms acknowledge": "as alarms show",
    "alarms close": "as alarms show",
    "drafts show": "it takes the number of a draft; docs/editing.md shows one",
    "drafts edit": "as drafts show",
    "drafts remove": "as drafts show",
    "drafts propose": "as drafts show",
    "drafts withdraw": "as drafts show",
    "drafts import": "it takes a grid that was exported; docs/editing.md imports one",
    "changes show": "it takes the number of a change set; docs/editing.md shows one",
    "changes diff": "as changes show",
    "changes approve": "as changes show",
    "changes send-back": "as changes show",
    "changes what-if": "as changes show",
    "changes comment": "as changes show",
    "changes revert": "as changes show",
    "console users add": "it asks for a password; tests/integration/console adds users",
    "console users list": "as console users add",
    "console users remove": "as console users add",
    "replay show": "it takes the id of a replay that was; docs/runbook.md shows one",
    "mappings rollback": "version 42 is not one of that mapping; docs/editing.md goes back to one that is",
}
MARKET: Final = """
canonical_id: player_booked
name: Player To Be Booked
sportybet_id: "800118"
outcome_mapping:
  - {canonical_id: "yes", sportybet_desc: "Yes"}
"""


@pytest.fixture(scope="module")
def addresses(
    breakable_services: LocalServices, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """An installation under the default names, as somebody has it who has run it for a while."""
    given = {
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": breakable_services.kafka,
        "MARKETMAP_DATABASE_URL": breakable_services.postgres,
    }
    prepared = prepare(breakable_services, tmp_path_factory.mktemp("prepared"))
    with ThreadPoolExecutor(1) as thread:  # the tests' event loops stay untouched
        thread.submit(asyncio.run, prepared).result()
    return given


async def prepare(services: LocalServices, folder: Path) -> None:
    await fill(services.postgres)
    async with installed(
        services.kafka, services.postgres, folder, **DEFAULT_NAMES
    ) as installation:
        await installation.publish([*scrape(), *unreadable(), *unmapped()])
        installation.start_worker()
        await installation.caught_up()
        assert await installation.stop_worker() == 0


def scrape() -> list[Published]:
    generated = generate_scrape(seed=1, events=6, started_at=datetime.now(UTC), size="slim")
    return [
        (f"observations.{seen.platform}", seen.key.encode(), orjson.dumps(seen.observation), [])
        for seen in generated
    ]


def unreadable() -> list[Published]:
    """Dead letters of two kinds, in every partition."""
    wrong_shape: Any = {"S_1X2_1": "2"}
    return [
        ("observations.sportybet", str(number).encode(), value, [])
        for number in range(40)
        for value in (b"{", observation("sportybet", wrong_shape))
    ]


def unmapped() -> list[Published]:
    """A market that no mapping knows, missed a few times."""
    market = sportybet("830101", prices={"Yes": "2", "No": "1.8"})
    return [
        ("observations.sportybet", b"1", observation("sportybet", [market]), []) for _ in range(3)
    ]


@pytest.fixture
def reader(
    addresses: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Reader]:
    document: Path = request.getfixturevalue("document")
    for name, content in files(document).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    starts_services = any(
        step.command.startswith("marketmap services up") for step in steps(document)
    )
    reader = Reader(tmp_path, {} if starts_services else addresses)
    try:
        yield reader
    finally:
        reader.kill()
        LocalServices(tmp_path / ".local").stop(purge=True)


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_does_what_the_document_says(
    document: Path, reader: Reader
) -> None:
    for step in steps(document):
        reader.take(step)
    reader.leave()


def test_the_example_of_every_command_runs(addresses: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "observations.jsonl").write_bytes(
        observation(
            "sportybet",
            [sportybet("18", "total=2.5", prices={"Over 2.5": "1.9", "Under 2.5": "1.9"})],
        )
    )
    (tmp_path / "market.yaml").write_text(MARKET)
    (tmp_path / "sportybet-reply.json").write_bytes(orjson.dumps(SPORTYBET))
    reader = Reader(tmp_path, addresses)
    for leaf in every_command():
        if leaf.name == "unmapped map":
            (tmp_path / "market.yaml").unlink()  # a draft overwrites nothing
        if leaf.name not in EXAMPLES_NOT_RUN:
            reader.take(
                Step(ROOT / "docs/commands.md", 0, as_typed(["marketmap", *leaf.example]), 0)
            )


def as_typed(words: list[str]) -> str:
    """A command line of these words; a pipe is a pipe."""
    return " ".join(word if word == "|" else shlex.quote(word) for word in words)


def test_examples_that_are_not_run_are_of_commands_that_are_there() -> None:
    assert set(EXAMPLES_NOT_RUN) <= {leaf.name for leaf in every_command()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_stands_in_a_console_block_where_it_is_run(document: Path) -> None:
    elsewhere = [block for block in blocks(document) if block.language != "console"]
    words = {
        line.split()[0] for block in elsewhere for line in block.text.splitlines() if line.strip()
    }
    assert words & PROGRAMS == set()
