"""Every command in a console block of a document, run as it stands, in the order in which it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.support.documents import ROOT, blocks, files, steps
from tests.support.installation import Installation, Published, fill
from tests.support.markets import observation, sportybet
from tests.support.reader import NOT_RUN, Reader
from worker.app.kafka import admin_of
from worker.app.settings import Settings
from worker.local.services import LocalServices
from worker.storage.engine import create_engine
from worker.synthetic.scrape import generate_scrape

pytestmark = pytest.mark.services

RUN_ELSEWHERE: Final = {
    "docs/editing.md": "tests/integration/commands/test_editing_document.py, on a table of its own",
    "docs/commands.md": "generated; its blocks are synopses, and test_examples.py has the examples",
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


@pytest.fixture(scope="module")
def addresses(breakable_services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An installation under the default names, as somebody has it who has run it for a while."""
    given = {
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": breakable_services.kafka,
        "MARKETMAP_DATABASE_URL": breakable_services.postgres,
    }
    settings = Settings(
        kafka_bootstrap_servers=breakable_services.kafka,
        database_url=breakable_services.postgres,
        http_port=0,
    )
    prepared = prepare(settings, tmp_path_factory.mktemp("prepared"))
    with ThreadPoolExecutor(1) as thread:  # the tests' event loops stay untouched
        thread.submit(asyncio.run, prepared).result()
    return given


async def prepare(settings: Settings, folder: Path) -> None:
    await fill(settings.database_url or "")
    engine = create_engine(settings.database_url or "")
    installation = Installation(settings, engine, admin_of(settings), folder)
    try:
        await installation.make_topics()
        await installation.publish([*scrape(), *unreadable(), *unmapped()])
        installation.start_worker()
        await installation.caught_up()
        assert await installation.stop_worker() == 0
    finally:
        installation.end()
        await engine.dispose()


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
    market = sportybet("800117", prices={"Yes": "2", "No": "1.8"})
    return [("observations.sportybet", b"1", observation("sportybet", [market]), []) for _ in range(3)]


@pytest.fixture
def reader(addresses: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    document: Path = request.getfixturevalue("document")
    for name, content in files(document).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    starts_services = any(step.command.startswith("marketmap services up") for step in steps(document))
    reader = Reader(tmp_path, {} if starts_services else addresses)
    try:
        yield reader
    finally:
        reader.kill()
        LocalServices(tmp_path / ".local").stop(purge=True)


@pytest.mark.parametrize("document", WITH_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_of_a_document_does_what_the_document_says(document: Path, reader: Reader) -> None:
    for step in steps(document):
        reader.take(step)
    reader.leave()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_stands_in_a_console_block_where_it_is_run(document: Path) -> None:
    elsewhere = [block for block in blocks(document) if block.language != "console"]
    words = {line.split()[0] for block in elsewhere for line in block.text.splitlines() if line.strip()}
    assert words & PROGRAMS == set()
