"""Announces markets that are missed for the first time: each at least once.

The table says which rows are not announced yet. If a process dies between counting and announcing, the next
process announces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from pydantic import ValidationError

from schemas import UnmappedMarket, describe_faults
from worker.ingest.planning.encode import unmapped_market
from worker.kafka.record import Outgoing
from worker.storage.columns.json_columns import decode_json
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger, UnannouncedMarket

log = structlog.get_logger()

_AT_ONCE: Final = 200
_POLL_S: Final = 30.0


class MessageSender(Protocol):
    async def send(self, outputs: list[Outgoing]) -> None: ...


class Announcer:
    def __init__(
        self,
        ledger: Ledger,
        outputs: MessageSender,
        topic: str,
        *,
        retry_delay: Callable[[int], float],
    ) -> None:
        self._ledger = ledger
        self._outputs = outputs
        self._topic = topic
        self._retry_delay = retry_delay
        self._wanted = asyncio.Event()

    def wake(self) -> None:
        self._wanted.set()

    async def run(self) -> None:
        """Announce until cancelled. Raises what publishing raises."""
        attempt = 0
        while True:
            try:
                while await self._announce_some() == _AT_ONCE:
                    pass
                attempt = 0
                await self._rest(_POLL_S)
            except StorageUnavailable as error:
                log.warning("announcing_waits", error=str(error))
                await self._rest(self._retry_delay(attempt))
                attempt += 1

    async def _announce_some(self) -> int:
        self._wanted.clear()
        async with self._ledger.unannounced(_AT_ONCE) as rows:
            messages = [message for row in rows if (message := _message(row)) is not None]
            await self._outputs.send(
                [unmapped_market(self._topic, message) for message in messages]
            )
            return len(rows)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            return


def _message(row: UnannouncedMarket) -> UnmappedMarket | None:
    """Return the message of a row; None if somebody wrote the row in another form: it is not announced."""
    try:
        return _validated(row)
    except ValidationError as error:
        log.warning("market_not_announced", id=row.id, faults=describe_faults(error))
        return None


def _validated(row: UnannouncedMarket) -> UnmappedMarket:
    samples = decode_json(row.sample_outcomes or "[]")
    return UnmappedMarket.model_validate(
        {
            "schema_version": 1,
            "source": row.source,
            "external_market_id": row.external_market_id,
            "market_name": row.market_name,
            "reason": row.reason,
            "sample_outcomes": samples,
            "first_seen_at": row.first_seen_at.isoformat(),  # as text, its year is checked
            "mapping_version": row.mapping_version,
        }
    )
