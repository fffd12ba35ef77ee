"""Publishes every change of a mapping: each audit row in order.

Of all relays one leads. It publishes the rows after the cursor, waits for every acknowledgement, then moves
the cursor; so a relay that dies leaves at most rows that the next one publishes again, under the same ids.

A row of which no message can be made is skipped, counted and logged: it would otherwise stop every relay at
each start, since nobody can take it out of the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from worker.domain.errors import TransientError
from worker.kafka.connections import admin_of, client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing
from worker.runtime.liveness.watchdog import Awaited
from worker.runtime.relay.mapping_changed import UnpublishableChangeError, mapping_changed
from worker.runtime.relay.metrics import RelayMetrics
from worker.settings.connected import ConnectedSettings
from worker.storage.audit import AuditRow
from worker.storage.errors import StorageError
from worker.storage.lead import Lead, leading

log = structlog.get_logger()

_STANDS: Final = "the relay neither publishes nor waits nor fails"
_AT_ONCE: Final = 200
_PUBLISH_S: Final = 15.0
# A record's key, headers and framing beside its value.
_AROUND_A_VALUE: Final = 1024


class Sender(Protocol):
    async def send(self, outputs: Sequence[Outgoing]) -> None: ...


class Relay:
    """Runs until cancelled; waits for what is away. ``failed`` says why it cannot lead, None if it could.

    ``on_published`` is told of changes that are published, in order, each at least once: before the cursor
    moves. A StorageError of it is the relay's own.
    """

    def __init__(
        self,
        settings: ConnectedSettings,
        metrics: RelayMetrics,
        *,
        retry_delay: Callable[[int], float],
        on_published: Callable[[Sequence[AuditRow]], Awaitable[object]] | None = None,
    ) -> None:
        self._settings = settings
        self._topic = settings.topics.changes
        self._admin = admin_of(settings)
        self._metrics = metrics
        self._retry_delay = retry_delay
        self._on_published = on_published
        self._publish_timeout_s = min(_PUBLISH_S, settings.publish_timeout_s)
        self.failed: str | None = None
        self._turns = 0
        self._rests = True  # until it runs, nothing should move

    async def run(self) -> None:
        attempt = 0
        self._rests = False
        while True:
            try:
                await self._lead_when_possible()
            except (StorageError, TransientError) as error:
                attempt = 0 if self.failed is None else attempt + 1
                self.failed = str(error)
                self._turns += 1
                self._metrics.lost()
                log.warning("relay_gave_up_the_lead", error=str(error), attempt=attempt)
                await self._rest(asyncio.sleep(self._retry_delay(attempt)))

    @property
    def has_turned(self) -> bool:
        """Whether it has done anything yet: published, stood by, or failed."""
        return self._turns > 0

    def standings(self) -> list[Awaited]:
        """What should move: it leads, fails or stands by, unless it waits for its next turn."""
        return [] if self._rests else [Awaited("relay", self._turns, _STANDS)]

    async def _rest(self, waiting: Awaitable[None]) -> None:
        self._rests = True
        try:
            await waiting
        finally:
            self._rests = False

    async def _lead_when_possible(self) -> None:
        url = self._settings.database_url
        silence_s = self._longest_silence_s
        async with leading(
            url, self._topic, silence_s=silence_s, on_standby=self._stand_by
        ) as lead:
            await self._lead(lead)

    def _stand_by(self) -> None:
        self.failed = None
        self._turns += 1
        self._metrics.stands_by()

    @property
    def _longest_silence_s(self) -> float:
        """Between two questions to the database there are at most a publication and a wait."""
        return 2 * self._publish_timeout_s + 2 * self._settings.relay_poll_s

    async def _lead(self, lead: Lead) -> None:
        self._metrics.pending(await lead.pending())
        await self._admin.topics.ids([self._topic])
        max_bytes = self._settings.max_message_bytes
        async with fenced_outputs(
            client_connection(self._settings),
            f"{self._topic}-relay",
            max_bytes=max_bytes,
            timeout_s=self._publish_timeout_s,
        ) as outputs:
            self.failed = None
            self._metrics.leads(lead.version)
            log.info("relay_leads", topic=self._topic, version=lead.version)
            while True:
                if not await self.publish_next(lead, outputs):
                    await self._rest(lead.wait(self._settings.relay_poll_s))

    async def publish_next(self, lead: Lead, outputs: Sender) -> int:
        """Publish the next changes and move the cursor; how many."""
        self._turns += 1
        rows = await lead.changes(_AT_ONCE)
        self._metrics.pending(await lead.pending())
        if rows:
            encoded = [output for row in rows if (output := self._encode(row)) is not None]
            if encoded:
                await outputs.send(encoded)
            if self._on_published is not None:
                await self._on_published(rows)
            await lead.advance(rows[-1].id)
            self._metrics.published(len(encoded), lead.version)
            self._metrics.skipped(len(rows) - len(encoded))
            log.info("changes_published", changes=len(encoded), version=lead.version)
        return len(rows)

    def _encode(self, row: AuditRow) -> Outgoing | None:
        """The record of a row; None of one that is skipped."""
        max_bytes = self._settings.max_message_bytes - _AROUND_A_VALUE
        try:
            encoded = mapping_changed(self._topic, row, max_bytes=max_bytes)
        except UnpublishableChangeError as error:
            log.error(  # noqa: TRY400  (what is wrong is the row, not the program)
                "change_not_published",
                version=row.id,
                canonical_id=row.canonical_id,
                error=str(error),
            )
            return None
        if not encoded.is_whole:
            log.warning("change_not_whole", version=row.id, canonical_id=row.canonical_id)
        return encoded.output
