"""Judges what the window holds, a step at a time, and stores the findings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.insight.drift.canary import ShapeCanary
from worker.insight.judging import Judge
from worker.insight.stepped_over import stepping_over
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.findings import (
    alarm_row,
    evidence_rows,
    proof_row,
    sample_rows,
    suggestion_rows,
)
from worker.insight.watching.judgement import (
    EventVerdicts,
    MappedMarket,
    MissedMarket,
    Proved,
    SampleRow,
)
from worker.insight.watching.metrics import InsightMetrics
from worker.insight.watching.miss_days import MissDays
from worker.insight.watching.published_grades import GradePublisher
from worker.insight.watching.reading import ObservationReader
from worker.insight.watching.steps import rest_after, timed
from worker.insight.watching.stored import (
    pack_together,
)
from worker.insight.watching.window import WatchedEvent
from worker.runtime.index.live import LiveIndex
from worker.runtime.telemetry.metric_list import JudgedThing
from worker.settings.connected import ConnectedSettings
from worker.storage.errors import driver_errors_translated
from worker.storage.insight import alarms, evidence
from worker.storage.insight.evidence import StoredEvent

log = structlog.get_logger()

Result = TypeVar("Result")
_NEW_SHARE: Final = 4
# The server hears of a leader at least this often.
_SPEAK_S: Final = 10.0
_STILL_HERE: Final = text("SELECT 1")


class Suggested(NamedTuple):
    """On which events a missed market was judged, and the mappings that were suggested."""

    events: frozenset[str]
    names: frozenset[str]


class ProofBasis(NamedTuple):
    """What a proof follows from: the version of the mapping, and the events that are looked at."""

    version: int
    events: tuple[str, ...]


def is_due(before: Suggested | None, events: frozenset[str]) -> bool:
    """Whether a missed market is judged again: a quarter of its events are new.

    A judgement takes a second or more, and there are hundreds of missed markets; with fewer new events it
    would hardly come to anything else.
    """
    return before is None or _NEW_SHARE * len(events - before.events) >= len(events)


class Judging:
    """Judges what the window holds and stores the findings, in turns of ``insight_interval_s``."""

    def __init__(
        self,
        connection: AsyncConnection,
        reading: ObservationReader,
        *,
        grades: GradePublisher,
        index: LiveIndex,
        judge: Judge,
        settings: ConnectedSettings,
        metrics: InsightMetrics,
        moved: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._grades = grades
        self._index = index
        self._judge = judge
        self._settings = settings
        self._metrics = metrics
        self._moved = moved
        self._canary = ShapeCanary(
            connection, settings, step=self._step, clock=reading.now, refused=metrics.refused
        )
        self._miss_days = MissDays(connection)
        self._verdicts: EventVerdicts | None = None
        self._versions: dict[str, int] = {}
        self._is_complete = False
        # What was found on the events, None when they are to be put together again.
        self._found: list[EvidenceRow] | None = None
        self._events: set[str] = set()
        # On which events something was judged.
        self._judged: dict[MappedMarket, frozenset[str]] = {}
        self._contradicted: set[MappedMarket] = set()
        # On which events a proof is looked for; under which version and on which it was; what was found.
        self._provable: dict[MappedMarket, tuple[str, ...]] = {}
        self._looked_for: dict[MappedMarket, ProofBasis] = {}
        self._proved: dict[MappedMarket, Proved] = {}
        self._suggested: dict[MissedMarket, Suggested] = {}

    async def run(self) -> None:
        while True:
            began = time.monotonic()
            is_done = await self._turn(began)
            self._moved()
            while is_done and time.monotonic() - began < self._settings.insight_interval_s:
                await self._pause(began + self._settings.insight_interval_s - time.monotonic())

    async def _turn(self, began: float) -> bool:
        """Do what is due, for one interval; return whether nothing is left."""
        events = await self._store_events()
        await self._miss_days.look()
        # Before anything that may take hours: a form that has changed makes the rest of no use.
        await self._canary.look(self._index.current, began + self._settings.insight_interval_s / 3)
        verdicts = await self._verdicts_on(events)
        # Each kind of work has a third of the interval, and makes one step at least.
        third = self._settings.insight_interval_s / 3
        waiting = await self._look(verdicts, events, began + third)
        self._is_complete = self._is_complete or not waiting
        due: dict[JudgedThing, int] = {"event": waiting}
        if self._is_complete:
            if self._found is None:
                self._found = await self._step(verdicts.evidence)
                self._provable = await self._step(verdicts.proved_on)
                rows = evidence_rows(self._found, self._versions)
                await evidence.save_evidence(self._connection, rows, self._versions)
                await evidence.drop_mapped(self._connection, verdicts.mapped)
                await alarms.close_outdated(self._connection, self._versions)
            left = await self._raise_alarms(verdicts, self._found, began + 2 * third)
            left += await self._raise_proofs(verdicts, began + 2 * third)
            due["mapping"] = left
            due["miss"] = await self._suggest(verdicts, began + 3 * third)
        await self._grades.publish(self._connection, self._reading.now())
        self._metrics.wrote(await alarms.count_open(self._connection))
        self._metrics.backlog(due)
        log.info(
            "insight_judged",
            events=len(events),
            waiting=waiting,
            left=sum(due.values()),
            version=verdicts.index.version,
        )
        return not any(due.values())

    async def _store_events(self) -> list[WatchedEvent]:
        """Store the events that have changed, then commit what was read of them.

        One that the database refuses is left out: it would be refused for ever, and all others would wait.
        """
        reading = self._reading
        async with reading.lock:
            reading.window.expire(reading.now())
            events, changed = reading.window.events(), reading.window.changed()
            done = reading.done()
        refused: set[str] = set()
        try:
            for one in events:
                if one.event in changed:
                    packed = await self._step(partial(pack_together, one.boards))
                    stored = StoredEvent(
                        one.event, one.home, one.away, one.starts_at, one.seen_at, packed
                    )
                    refused.add(one.event)
                    with stepping_over("event", self._metrics.refused, event_key=one.event):
                        await evidence.save_event(self._connection, stored, len(one.boards))
                        refused.remove(one.event)
            events = [one for one in events if one.event not in refused]
            await evidence.keep_events(self._connection, [one.event for one in events])
        except BaseException:
            reading.window.mark_changed(changed)
            raise
        if refused:
            async with reading.lock:
                for event in refused:
                    reading.window.leave_out(event)
        await reading.commit(done)
        return [one for one in events if one.is_watched]

    async def _verdicts_on(self, events: list[WatchedEvent]) -> EventVerdicts:
        """The verdicts under the index in use; new ones when margins can be learnt better."""
        index, mappings, known = self._index.current, self._index.mappings, self._verdicts
        can_learn_more = known is not None and known.can_learn_more(events)
        is_other_index = known is not None and known.index is not index
        if known is not None and not is_other_index and not can_learn_more:
            return known
        versions = await evidence.mapping_versions(self._connection, index.version)
        before, self._versions = self._versions, {name: versions.get(name, 0) for name in mappings}
        if known is None or can_learn_more:
            made = await self._step(partial(EventVerdicts, self._judge, index, mappings, events))
        else:
            made = known
            made.update(events)
            await self._step(partial(made.follow, index, mappings))
        self._verdicts = made
        self._is_complete = False
        self._found = None
        self._judged.clear()
        self._contradicted.clear()
        # What was proved is looked for again: another mapping may have misled the goal model.
        for key in self._proved:
            self._looked_for.pop(key, None)
        self._proved.clear()
        changed = {name for name, _ in before.items() ^ self._versions.items()}
        self._suggested = {
            key: kept
            for key, kept in self._suggested.items()
            if is_other_index and not kept.names & changed
        }
        return made

    async def _look(self, verdicts: EventVerdicts, events: list[WatchedEvent], until: float) -> int:
        """Compare the prices of events; return how many are left."""
        before = self._events
        self._events = {one.event for one in events}
        waiting = verdicts.update(events)
        if waiting or before != self._events:
            self._found = None
        for count, event in enumerate(waiting):
            if count and self._is_over(verdicts, until):
                return len(waiting) - count
            await self._step(partial(verdicts.look, event))
            self._metrics.judged("event")
        return 0

    async def _raise_alarms(
        self, verdicts: EventVerdicts, found: list[EvidenceRow], until: float
    ) -> int:
        """Judge mappings that are far from something; return how many are left."""
        suspects = verdicts.suspects(found)
        to_judge = {key: on for key, on in suspects.items() if self._judged.get(key) != on}
        left = 0
        for count, (key, on) in enumerate(to_judge.items()):
            if count and self._is_over(verdicts, until):
                left = len(to_judge) - count
                break
            raised = await self._step(partial(verdicts.alarm, key))
            self._metrics.judged("mapping")
            if raised is None:
                self._contradicted.discard(key)
            else:
                self._contradicted.add(key)
                row = alarm_row(key, raised.alarm, self._versions)
                with stepping_over("mapping", self._metrics.refused, canonical_id=key[0]):
                    is_new = await alarms.raise_alarm(self._connection, row)
                    await self._was_raised(key, raised.samples, is_new=is_new)
            self._judged[key] = on
        seen: set[MappedMarket] = {(one.canonical_id, one.platform) for one in found}
        self._contradicted -= seen - suspects.keys()
        agreeing = {
            key
            for key in seen
            if key not in self._contradicted and (key not in suspects or key in self._judged)
        }
        await alarms.close_agreeing(self._connection, agreeing)
        return left

    async def _raise_proofs(self, verdicts: EventVerdicts, until: float) -> int:
        """Hold mappings against their bookmaker's own prices; return how many are left."""
        bases = {
            key: ProofBasis(self._versions[key[0]], events)
            for key, events in self._provable.items()
            if key[0] in self._versions
        }
        for gone in self._looked_for.keys() - bases.keys():
            del self._looked_for[gone]
            self._proved.pop(gone, None)
        due = [key for key, basis in bases.items() if self._looked_for.get(key) != basis]
        left = 0
        for count, key in enumerate(due):
            if count and self._is_over(verdicts, until):
                left = len(due) - count
                break
            proved = await self._step(partial(verdicts.proof, key, bases[key].events))
            self._metrics.judged("mapping")
            self._looked_for[key] = bases[key]
            self._proved.pop(key, None)
            if proved is not None:
                self._proved[key] = proved
        # An alarm that says what is right instead comes first; where it was closed, the proof is left.
        for key in self._proved.keys() - self._contradicted:
            with stepping_over("mapping", self._metrics.refused, canonical_id=key[0]):
                await self._raise_proof(key, self._proved[key])
        await alarms.close_unproved(self._connection, self._looked_for.keys() - self._proved.keys())
        return left

    async def _raise_proof(self, key: MappedMarket, proved: Proved) -> None:
        row = proof_row(key, proved.agreed, self._versions)
        is_new = await alarms.raise_proof(self._connection, row)
        if is_new is not None:
            await self._was_raised(key, proved.samples, is_new=is_new)

    async def _was_raised(
        self, key: MappedMarket, samples: list[SampleRow], *, is_new: bool
    ) -> None:
        """Store the examples of an alarm; say so if it was not raised before."""
        rows = sample_rows(samples)
        await evidence.save_samples(self._connection, "alarm", (key[1], key[0]), rows)
        if is_new:
            log.warning("insight_alarm", canonical_id=key[0], platform=key[1])

    async def _suggest(self, verdicts: EventVerdicts, until: float) -> int:
        """Judge missed markets; return how many are left."""
        missed = verdicts.missed()
        due = [key for key, on in missed.items() if is_due(self._suggested.get(key), on)]
        # What has no suggestion yet comes first.
        for count, key in enumerate(sorted(due, key=lambda key: key in self._suggested)):
            if count and self._is_over(verdicts, until):
                return len(due) - count
            judged = await self._step(partial(verdicts.suggest, key))
            rows = suggestion_rows(judged.suggestions, self._versions)
            samples = sample_rows(judged.samples)
            with stepping_over("miss", self._metrics.refused, external_market_id=key[1]):
                await evidence.save_suggestions(self._connection, key, judged.name, rows)
                await evidence.save_samples(self._connection, "miss", key, samples)
            self._metrics.judged("miss")
            names = {one.candidate.canonical_id for one in judged.suggestions}
            self._suggested[key] = Suggested(missed[key], frozenset(names))
        return 0

    def _is_over(self, verdicts: EventVerdicts, until: float) -> bool:
        """Whether the rest waits for the next turn: the time is over, or the mappings have changed."""
        return time.monotonic() >= until or self._index.current is not verdicts.index

    async def _step(self, work: Callable[[], Result]) -> Result:
        """Do ``work`` in a thread, and rest after it; meanwhile the server hears of us."""
        task = asyncio.ensure_future(asyncio.to_thread(timed, work))
        while True:
            done, _ = await asyncio.wait({task}, timeout=_SPEAK_S)
            if done:
                break
            await self._speak()
        result, seconds = task.result()
        self._moved()
        rest = rest_after(seconds, self._settings.insight_cpu_share)
        while rest > 0:
            await self._pause(rest)
            rest -= _SPEAK_S
        return result

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, min(seconds, _SPEAK_S)))
        self._moved()
        if seconds >= _SPEAK_S:
            await self._speak()

    async def _speak(self) -> None:
        with driver_errors_translated():
            await self._connection.execute(_STILL_HERE)
