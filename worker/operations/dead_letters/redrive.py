"""Sends dead letters back to where they came from, each exactly once.

A letter and the mark that it went back are written in one Kafka transaction. Whoever redrives takes over the
one transactional id first, and with it ends what an earlier process left open; then it reads the marks. So no
letter is lost and none goes back twice, wherever a process was killed, and however many are started.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Final, Protocol

from worker.kafka.connections import admin_of, client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing
from worker.kafka.topics import largest_output
from worker.operations.dead_letters.letters import Ids, Letter, LetterFilter, RedriveMark, Stranger
from worker.operations.dead_letters.returning import (
    RedriveReport,
    Rules,
    Signature,
    back,
    refusal,
    size,
)
from worker.operations.dead_letters.topic import ReadProgress, entries_of, redriven_ids
from worker.settings.connected import KafkaSettings

# An open transaction holds up who reads what is committed: a killed process must not leave one for long.
_TRANSACTION_S: Final = 20.0
_MOST_AT_ONCE: Final = 500
_AROUND_A_RECORD: Final = 1024


class TransactionSender(Protocol):
    async def send(self, outputs: Sequence[Outgoing]) -> None:
        """Publish all, in one transaction, or none."""


async def redrive(
    settings: KafkaSettings,
    choice: LetterFilter,
    signature: Signature,
    *,
    max_times: int,
    limit: int | None,
    dry_run: bool,
    progress: ReadProgress,
) -> RedriveReport:
    """Send the chosen letters back, oldest first within a partition, unless they have gone back already.

    Raises TransientError when Kafka is away or another redrive takes over; the same call may follow.
    """
    rules = await _rules(settings, max_times)
    async with _sender(settings, rules, dry_run=dry_run) as sender:
        run = _Run(settings, choice, signature, rules, sender)
        run.gone = await redriven_ids(settings, progress)
        async with aclosing(entries_of(settings, "redriving", progress)) as entries:
            async for entry in entries:
                if limit is not None and run.outcome.redriven + len(run.waiting) >= limit:
                    break
                await run.take(entry)
        await run.flush()
        run.outcome.not_found = run.missing()
        return run.outcome


class _Run:
    """One redrive under way: letters wait until they are worth a transaction."""

    def __init__(
        self,
        settings: KafkaSettings,
        choice: LetterFilter,
        signature: Signature,
        rules: Rules,
        sender: TransactionSender | None,
    ) -> None:
        self._choice = choice
        self._signature = signature
        self._rules = rules
        self._sender = sender
        self._max_bytes = settings.batch_max_bytes
        self._waiting_bytes = 0
        self._seen: set[str] = set()
        self.waiting: list[Letter] = []
        self.gone = Ids()
        self.outcome = RedriveReport()

    async def take(self, entry: Letter | RedriveMark | Stranger) -> None:
        if isinstance(entry, Stranger) and entry.place in self._choice.places:
            self._seen.add(str(entry.place))
            self.outcome.refuse(entry.place, "NOT_A_DEAD_LETTER")
        if not isinstance(entry, Letter) or not self._choice.takes(entry, is_redriven=False):
            return
        if self._choice.names_letters:
            self._seen |= {str(entry.place), entry.told.id}
        if entry.told.id in self.gone:
            self.outcome.already += 1
            return
        code = refusal(entry, self._rules)
        if code is not None:
            self.outcome.refuse(entry.place, code)
            return
        await self._put(entry)

    async def _put(self, letter: Letter) -> None:
        self.gone.add(letter.told.id)
        self.waiting.append(letter)
        self._waiting_bytes += size(letter.record)
        if self._waiting_bytes >= self._max_bytes or len(self.waiting) >= _MOST_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Send what waits, in one transaction."""
        if self.waiting and self._sender is not None:
            pairs = [back(letter, self._rules, self._signature) for letter in self.waiting]
            await self._sender.send([output for pair in pairs for output in pair])
        self.outcome.redriven += len(self.waiting)
        self.outcome.bytes += self._waiting_bytes
        self.waiting, self._waiting_bytes = [], 0

    def missing(self) -> list[str]:
        """What was named and is not there."""
        return sorted(
            ({str(place) for place in self._choice.places} | self._choice.ids) - self._seen
        )


async def _rules(settings: KafkaSettings, max_times: int) -> Rules:
    admin = admin_of(settings)
    names = list(settings.topics.observations.values())
    await admin.topic_ids(names)
    partitions = {name: topic.partitions for name, topic in (await admin.topics(names)).items()}
    max_bytes = settings.max_message_bytes - _AROUND_A_RECORD
    return Rules(partitions, settings.topics.dead, max_times, max_bytes)


def _sender(
    settings: KafkaSettings, rules: Rules, *, dry_run: bool
) -> AbstractAsyncContextManager[TransactionSender | None]:
    if dry_run:
        return nullcontext()
    return fenced_outputs(
        client_connection(settings),
        f"{rules.dead_topic}-redrive",
        max_bytes=largest_output(settings),
        timeout_s=_TRANSACTION_S,
    )
