"""Sends dead letters back to the topics they came from, each exactly once.

Theory of operation. There is no table of what was redriven: the topic of dead letters is its own record.
When a letter is sent back, two records are written in ONE Kafka transaction: the original, to its topic, and
a mark with the letter's id, to the topic of dead letters. A letter with a committed mark is done.

1. Take over the transactional id. All redrives of an installation share one, so Kafka aborts what an earlier
   process left open, and fences that process off: from here on nobody else can commit a mark.
2. Only then read all marks that are committed (`redriven_ids`). Read before step 1, the marks could miss one
   that the other process was just committing, and its letter would be sent twice.
3. Read the letters, up to the end of the topic as it is now. Skip those with a mark, refuse those that cannot
   go back (`refusal`), and collect the rest until they are worth a transaction.
4. Send each collection in one transaction: all originals and all marks, or none of them.

What can go wrong:
- The process is killed, in whatever place: the transaction is committed as a whole or aborted as a whole. The
  next run reads the marks and continues. `dead redrive` is therefore safe to repeat.
- Two redrives run at once: the second fences off the first, which ends with a TransientError.
- The record dies again: it becomes a NEW letter with a new id and a count of redrives; ``max_times`` ends
  the circle.
- Retention deletes old records: a mark is written after its letter, to the same partition, so it is never
  deleted before its letter.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Final, Protocol

from worker.kafka.connections import admin_of, client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing
from worker.kafka.topic_specs import largest_output
from worker.operations.dead_letters.letters import Ids, Letter, LetterFilter, RedriveMark, Stranger
from worker.operations.dead_letters.redrive_rules import (
    RedriveReport,
    Rules,
    Signature,
    back,
    refusal,
    size,
)
from worker.operations.dead_letters.topic_reader import ReadProgress, entries_of, redriven_ids
from worker.settings.connected import KafkaSettings

# An open transaction blocks readers of committed records: a killed process must not leave one open for long.
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
    """Send the matching letters back, oldest first within a partition, unless they were sent back before.

    Raises TransientError when Kafka is unavailable or another redrive takes over; the call may be repeated.
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
    """One redrive in progress: letters are collected until they are worth a transaction."""

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
            self._seen |= {str(entry.place), entry.details.id}
        if entry.details.id in self.gone:
            self.outcome.already += 1
            return
        code = refusal(entry, self._rules)
        if code is not None:
            self.outcome.refuse(entry.place, code)
            return
        await self._put(entry)

    async def _put(self, letter: Letter) -> None:
        self.gone.add(letter.details.id)
        self.waiting.append(letter)
        self._waiting_bytes += size(letter.record)
        if self._waiting_bytes >= self._max_bytes or len(self.waiting) >= _MOST_AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Send the letters collected so far, in one transaction."""
        if self.waiting and self._sender is not None:
            pairs = [back(letter, self._rules, self._signature) for letter in self.waiting]
            await self._sender.send([output for pair in pairs for output in pair])
        self.outcome.redriven += len(self.waiting)
        self.outcome.bytes += self._waiting_bytes
        self.waiting, self._waiting_bytes = [], 0

    def missing(self) -> list[str]:
        """Return the names that were given and match no letter."""
        return sorted(
            ({str(place) for place in self._choice.places} | self._choice.ids) - self._seen
        )


async def _rules(settings: KafkaSettings, max_times: int) -> Rules:
    admin = admin_of(settings)
    names = list(settings.topics.observations.values())
    await admin.topics.ids(names)
    partitions = {
        name: topic.partitions for name, topic in (await admin.topics.states(names)).items()
    }
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
