"""Reads a compacted topic: the present state at once, then every change of it.

A compacted topic keeps the last record of each key. So a reader that starts at its beginning has the state as
it is now when it comes to where the topic ended; what follows are changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from .access import KafkaAccess, access_of
from .compacted_state import KafkaRecord
from .connecting import consumer, translated
from .errors import ClientError

_POLL_MS: Final = 200
_PATIENCE_S: Final = 30.0


class CompactedTopic:
    """A topic that is read from its beginning. Read ``present`` to its end, then ``changes``."""

    def __init__(
        self, access: KafkaAccess, client: AIOKafkaConsumer, ends: dict[TopicPartition, int]
    ) -> None:
        self._access = access
        self._client = client
        self._ends = ends

    async def present(self) -> AsyncIterator[KafkaRecord]:
        """Yield the records up to where the topic ended when it was opened, and then stop.

        Raises ClientError, NO_ANSWER, when the brokers give nothing for half a minute.
        """
        # Offsets are not records: markers of transactions and compacted records have some, too. So the
        # client's position says how far reading has come, not the last record.
        silent_since_s: float | None = None
        while unread := await self._unread():
            with translated(self._access):
                fetched = await self._client.getmany(*unread, timeout_ms=_POLL_MS)
            for records in fetched.values():
                for record in records:
                    yield record
            if fetched:
                silent_since_s = None
            elif silent_since_s is None:
                silent_since_s = time.monotonic()
            elif time.monotonic() - silent_since_s > _PATIENCE_S:
                raise _no_answer(unread[0].topic)

    async def changes(self) -> AsyncIterator[KafkaRecord]:
        """Yield every further record, without end."""
        while True:
            with translated(self._access):
                record = await self._client.getone()
            yield record

    async def _unread(self) -> list[TopicPartition]:
        with translated(self._access):
            async with asyncio.timeout(_PATIENCE_S):
                positions = {place: await self._client.position(place) for place in self._ends}
        return [place for place, end in self._ends.items() if positions[place] < end]


@asynccontextmanager
async def compacted(
    topic: str, brokers: KafkaAccess | str | None = None
) -> AsyncIterator[CompactedTopic]:
    """Open a topic by its usual name, such as `odds.latest`, in no group. Raises ClientError."""
    access = access_of(brokers)
    async with consumer(access, access.topic(topic)) as client:
        with translated(access):
            ends = await client.end_offsets(client.assignment())
        yield CompactedTopic(access, client, dict(ends))


def _no_answer(topic: str) -> ClientError:
    return ClientError(
        "NO_ANSWER",
        f"the brokers gave nothing of {topic} for {_PATIENCE_S:g} s",
        "check that they run, and try again",
    )
