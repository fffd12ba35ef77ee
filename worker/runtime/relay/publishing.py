"""Publishes every change of a mapping: each audit row in order, and none left out without a word.

Theory of operation. Triggers write an audit row for every change of a mapping, in the transaction of the
change. The relay reads that log and publishes it; nobody has to remember to publish anything.

- At least once. The relay publishes the rows after its cursor, waits for every acknowledgement, then moves
  the cursor. A relay that dies in between leaves rows that the next relay publishes again, under the same
  ids.
- In order. Audit ids are in the order of commits. The rows of a mapping have its canonical id as key, and so
  share a partition.
- One leader. Any number of relays run; one holds an advisory lock of Postgres and leads, the others stand by
  and ask for the lock once a second. The lock lives as long as the leader's connection. The server ends a
  connection that has been silent for too long, so a frozen leader does not keep the lead.
- Fenced. A frozen leader may wake up after another has taken over. Its producer is transactional, under an id
  that all relays share: the new leader's start fences the old one off. The database refuses its cursor too,
  because the cursor only moves from where its owner believes it to be.
- A row that no message can be made of is skipped, with an error in the log and a metric: one row must not
  stop all that follow.

A relay that cannot reach Postgres or Kafka gives the lead up, waits and tries again. It does not exit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

import structlog

from worker.kafka.connections import admin_of, client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing
from worker.runtime.relay.mapping_changed import UnpublishableChangeError, mapping_changed
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.retried_work import RetriedWork
from worker.settings.connected import ConnectedSettings
from worker.storage.audit import AuditRow
from worker.storage.lead import Lead, leading

log = structlog.get_logger()

_AT_ONCE: Final = 200
_PUBLISH_S: Final = 15.0
# A record's key, headers and framing, in addition to its value.
_AROUND_A_VALUE: Final = 1024


class Sender(Protocol):
    async def send(self, outputs: Sequence[Outgoing]) -> None: ...


OnPublished = Callable[[Sequence[AuditRow], Callable[[], Awaitable[None]]], Awaitable[object]]


class Relay(RetriedWork):
    """Publishes while it leads.

    ``on_published`` is called with changes that are published, in order, each at least once, before the
    cursor moves. If it raises StorageError, the relay gives the lead up as for an error of its own. Whatever
    it does in parts, it calls its second argument after each: a lead that is silent for too long is lost.
    """

    name = "relay"
    stuck = "the relay neither publishes nor waits nor fails"
    not_begun = "the relay neither leads nor stands by"

    def __init__(
        self,
        settings: ConnectedSettings,
        metrics: RelayMetrics,
        *,
        retry_delay: Callable[[int], float],
        on_published: OnPublished | None = None,
    ) -> None:
        super().__init__(retry_delay)
        self._settings = settings
        self._topic = settings.topics.changes
        self._admin = admin_of(settings)
        self._metrics = metrics
        self._on_published = on_published
        self._publish_timeout_s = min(_PUBLISH_S, settings.publish_timeout_s)

    def _gave_up(self, error: str, attempt: int) -> None:
        self._metrics.lost()
        log.warning("relay_gave_up_the_lead", error=error, attempt=attempt)

    async def _work(self) -> None:
        url = self._settings.database_url
        silence_s = self._longest_silence_s
        async with leading(
            url, self._topic, silence_s=silence_s, on_standby=self._stand_by
        ) as lead:
            await self._lead(lead)

    def _stand_by(self) -> None:
        self._goes_on()
        self._metrics.stands_by()

    @property
    def _longest_silence_s(self) -> float:
        """The longest time between two statements: a publication and a wait, with some room."""
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
            self._goes_on()
            self._metrics.leads(lead.version)
            log.info("relay_leads", topic=self._topic, version=lead.version)
            while True:
                if not await self.publish_next(lead, outputs):
                    await self._rest(lead.wait(self._settings.relay_poll_s))

    async def publish_next(self, lead: Lead, outputs: Sender) -> int:
        """Publish the next changes and move the cursor; return how many."""
        self.moved()
        rows = await lead.changes(_AT_ONCE)
        self._metrics.pending(await lead.pending())
        if rows:
            encoded = [output for row in rows if (output := self._encode(row)) is not None]
            if encoded:
                await outputs.send(encoded)
            if self._on_published is not None:
                await self._on_published(rows, partial(self._still_leads, lead))
            await lead.advance(rows[-1].id)
            self._metrics.published(len(encoded), lead.version)
            self._metrics.skipped(len(rows) - len(encoded))
            log.info("changes_published", changes=len(encoded), version=lead.version)
        return len(rows)

    async def _still_leads(self, lead: Lead) -> None:
        self.moved()
        self._metrics.pending(await lead.pending())

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
