"""Fixtures for tests of the ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.ledger import Ledger, MissRow
from worker.storage.watermarks import WatermarkKey, WatermarkMove

TOPIC_ID = "c29tZS10b3BpYy1pZF8tMQ"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MISS = MissRow(
    source="sportybet",
    external_market_id="800117",
    market_name="Player To Be Booked",
    sample_outcomes='[{"odds": "2.1", "label": "Yes"}]',
    reason="UNKNOWN_MARKET",
    mapping_version=7,
    first_seen_at=NOON,
    last_seen_at=NOON,
    occurrence_count=1,
    event_hashes=[5, 7],
)


@pytest.fixture
def miss() -> MissRow:
    return MISS


@pytest.fixture
def move() -> Callable[..., list[WatermarkMove]]:
    """`move(expected, next_offset, partition=0)`: the moves of a batch of one partition."""

    def build(expected: int, next_offset: int, partition: int = 0) -> list[WatermarkMove]:
        return [WatermarkMove(TOPIC_ID, "observations", partition, expected, next_offset)]

    return build


@pytest.fixture
async def ledger(engine: AsyncEngine) -> Ledger:
    """A ledger with partitions 0 and 1 open, at 0."""
    ledger = Ledger(engine, "workers")
    await ledger.open_partitions(
        [WatermarkKey(TOPIC_ID, "observations", number) for number in (0, 1)]
    )
    return ledger


@pytest.fixture
def rows(engine: AsyncEngine) -> Callable[..., Any]:
    """`await rows(sql, **parameters)`: run one statement in a transaction of its own, return its rows."""

    async def run(sql: str, **parameters: object) -> Sequence[Row[Any]]:
        async with engine.begin() as connection:
            result = await connection.execute(text(sql), parameters)
            return result.all() if result.returns_rows else []

    return run


class Wire:
    """A TCP proxy in front of Postgres that reads what the client sends.

    `executed` lists it: the text of a simple query, "prepared" for one run of a prepared statement.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self.url = ""
        self.executed: list[str] = []
        self.lose: str | None = None
        self.lose_answer_to: str | None = None

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection(self._server.hostname, self._server.port)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._forward(reader, upstream[1]))
                pumps.create_task(self._answer(upstream[0], writer))
        except* ConnectionError:
            pass
        finally:
            for end in (writer, upstream[1]):
                end.close()

    async def _forward(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        kind_length = 0  # only the first message, the greeting, has no kind
        try:
            while True:
                head = await client.readexactly(kind_length + 4)
                body = await client.readexactly(int.from_bytes(head[kind_length:]) - 4)
                self._note(head[:kind_length], body)
                if self._last_is(self.lose):
                    raise ConnectionResetError
                server.write(head + body)
                kind_length = 1
        except asyncio.IncompleteReadError:
            raise ConnectionResetError from None

    def _note(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self.executed.append(body.rstrip(b"\0").decode())
        if kind == b"B":
            self.executed.append("prepared")

    def _last_is(self, what: str | None) -> bool:
        return what is not None and "".join(self.executed[-1:]).startswith(what)

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while answer := await server.read(65536):
            if self._last_is(self.lose_answer_to):
                break
            client.write(answer)
        raise ConnectionResetError


@pytest.fixture
async def wire(migrated: str) -> AsyncIterator[Wire]:
    wire = Wire(migrated)
    async with await asyncio.start_server(wire.accept, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        address = urlsplit(migrated)
        user = address.netloc.rpartition("@")[0]
        wire.url = urlunsplit(
            address._replace(netloc=f"{user}@127.0.0.1:{port}", query="sslmode=disable")
        )
        yield wire
