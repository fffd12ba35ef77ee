"""Records to a plan: what to publish, what to count, how far the batch goes. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from schemas import DeadReason
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import MissReason, RejectCode
from worker.domain.events import event_hash, event_key
from worker.domain.index import MappingIndex
from worker.domain.misses import Sighting, Tally, tally
from worker.domain.resolve import Miss, Resolution, resolve_rows
from worker.ingest.planning.brake import RecordOutcome
from worker.ingest.reading.clock import NO_GUARD, ClockGuard, age_at_arrival
from worker.ingest.reading.decode import UnreadableRecord
from worker.ingest.reading.framing import unframed
from worker.ingest.reading.read import Readable, read
from worker.ingest.reading.record_ids import RecordIds, ids_in
from worker.kafka.record import Partition, Record

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class VerdictEncoder(Protocol[T_co]):
    """Turns a record's verdict into what the outputs take; ``source_id`` goes out with it as its id."""

    def resolved(
        self,
        source_id: str,
        record: Record,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> T_co | None:
        """One resolved event; None when it would be larger than the output topic takes."""

    def dead(
        self, source_id: str, record: Record, reason: DeadReason, detail: str, ids: RecordIds
    ) -> T_co:
        """The record as it came, with the reason and what it says of its scrape and event in headers."""


class MarketCount(NamedTuple):
    """What became of markets of a platform, for the metrics: resolved, missed or rejected, and why."""

    platform: Platform
    outcome: Literal["resolved", "missed", "rejected"]
    reason: MissReason | RejectCode | None = None


class ObservationAge(NamedTuple):
    """How old an observation was when Kafka took its record; negative for one from the future."""

    platform: Platform
    seconds: float


class Planned(NamedTuple, Generic[T]):
    """One record's verdict. ``platform`` is None when it is a dead letter, ``dead`` its reason, else None.

    Of what was missed there is one sighting, and none when nothing was. ``recalled`` is how many of the
    markets in ``outcomes`` were recalled. A dead letter has an ``age`` if its observation could be read.
    """

    at: Partition
    offset: int
    output: T
    sightings: Sequence[Sighting]
    platform: str | None
    outcomes: Mapping[MarketCount, int]
    dead: DeadReason | None
    age: ObservationAge | None = None
    recalled: int = 0


class CountedShare(NamedTuple):
    """What is counted in one transaction: consecutive records of a batch, and what was missed in them.

    ``ends``: by partition, the offset after the last record.
    """

    verdicts: Sequence[RecordOutcome]
    sightings: Sequence[tuple[Partition, int, Sighting]]
    ends: Mapping[Partition, int]

    def sightings_from(self, watermarks: dict[Partition, int]) -> Iterable[Sighting]:
        """The sightings at or above each partition's watermark: those below are counted already."""
        return (sighting for at, offset, sighting in self.sightings if offset >= watermarks[at])


@dataclass(frozen=True, slots=True)
class Plan(Generic[T]):
    """What to do for a batch, in the order of its records.

    ``ages`` of observations, in seconds, are by platform, as are the markets that ``recalled`` counts.
    """

    outputs: Sequence[T]
    share: CountedShare
    observations: Counter[str]
    outcomes: Counter[MarketCount]
    dead: Counter[DeadReason]
    ages: Mapping[str, Sequence[float]] = field(default_factory=dict)
    recalled: Counter[str] = field(default_factory=Counter)

    @property
    def ends(self) -> Mapping[Partition, int]:
        """By partition, the offset after the last record planned."""
        return self.share.ends

    @property
    def sightings(self) -> Sequence[tuple[Partition, int, Sighting]]:
        return self.share.sightings


class Planner(Generic[T]):
    """Plans single records under one index."""

    def __init__(
        self,
        encoder: VerdictEncoder[T],
        *,
        max_message_bytes: int,
        guard: ClockGuard = NO_GUARD,
    ) -> None:
        self._encoder = encoder
        self._max_bytes = max_message_bytes
        self._guard = guard

    def plan(self, record: Record, at: Partition, index: MappingIndex) -> Planned[T]:
        """One record's verdict under ``index``; never raises on what the record holds."""
        source_id = source_id_of(record, at)
        seen = read(unframed(record.value), max_bytes=self._max_bytes)
        if isinstance(seen, UnreadableRecord):
            return self._dead(record, at, source_id, seen)
        return self.plan_readable(record, at, source_id, seen, index)._replace(
            age=age_of(seen.platform, seen.observed_at.timestamp(), record)
        )

    def plan_readable(
        self, record: Record, at: Partition, source_id: str, seen: Readable, index: MappingIndex
    ) -> Planned[T]:
        """One record's verdict, without its age, if it has been read already."""

        def refused(reason: DeadReason, detail: str) -> Planned[T]:
            why = UnreadableRecord(reason, detail, ids_in(seen.envelope))
            return self._dead(record, at, source_id, why)

        objection = self._guard.objection(seen.observed_at, record.timestamp)
        if objection is not None:
            return refused("OBSERVED_IN_FUTURE", objection)
        resolution = resolve_rows(seen.rows, seen.platform, seen.names, index, seen.scope)
        if has_another_shape(resolution):
            first = resolution.rejected[0].detail
            return refused("WRONG_SHAPE", f"no market can be read; {first}")
        output = self._encoder.resolved(source_id, record, seen.envelope, resolution, index.version)
        if output is None and resolution.players:
            # Too many players must not cost the other markets.
            resolution = resolution.without_players()
            output = self._encoder.resolved(
                source_id, record, seen.envelope, resolution, index.version
            )
        if output is None:
            detail = f"{len(resolution.markets)} markets do not fit into one message"
            return refused("RESULT_TOO_LARGE", detail)
        sightings = sightings_of(record, seen, resolution.missed, index.version)
        outcomes = outcomes_of(
            seen.platform, resolution.resolved, reasons_of(resolution.misses), resolution
        )
        return Planned(at, record.offset, output, sightings, seen.platform, outcomes, None)

    def plan_all(
        self, records: Iterable[tuple[Record, Partition]], index: MappingIndex
    ) -> Iterable[Planned[T]]:
        """The verdicts of a batch's records, in their order."""
        return (self.plan(record, at, index) for record, at in records)

    def tally(self, sightings: Iterable[Sighting]) -> Tally:
        """What is counted of sightings in these verdicts."""
        return tally(sightings)

    def refused(self, record: Record, at: Partition, detail: str) -> T:
        """The dead letter of a record whose counts the database refuses."""
        seen = read(unframed(record.value), max_bytes=self._max_bytes)
        ids = seen.ids if isinstance(seen, UnreadableRecord) else ids_in(seen.envelope)
        return self._encoder.dead(source_id_of(record, at), record, "DATABASE_REFUSED", detail, ids)

    def _dead(
        self, record: Record, at: Partition, source_id: str, why: UnreadableRecord
    ) -> Planned[T]:
        letter = self._encoder.dead(source_id, record, *why)
        return Planned(at, record.offset, letter, (), None, {}, why.reason)


def combine(planned: Iterable[Planned[T]]) -> Plan[T]:
    """One plan for a batch of single verdicts, in their order."""
    outputs: list[T] = []
    verdicts: list[RecordOutcome] = []
    sightings: list[tuple[Partition, int, Sighting]] = []
    ends: dict[Partition, int] = {}
    observations: Counter[str] = Counter()
    outcomes: Counter[MarketCount] = Counter()
    dead: Counter[DeadReason] = Counter()
    ages: dict[str, list[float]] = defaultdict(list)
    recalled: Counter[str] = Counter()
    for verdict in planned:
        outputs.append(verdict.output)
        verdicts.append(RecordOutcome(verdict.at, verdict.offset, verdict.dead))
        ends[verdict.at] = verdict.offset + 1
        sightings += [(verdict.at, verdict.offset, sighting) for sighting in verdict.sightings]
        for outcome, times in verdict.outcomes.items():
            outcomes[outcome] += times
        if verdict.platform is not None:
            observations[verdict.platform] += 1
            recalled[verdict.platform] += verdict.recalled
        if verdict.dead is not None:
            dead[verdict.dead] += 1
        if verdict.age is not None:
            ages[verdict.age.platform].append(verdict.age.seconds)
    share = CountedShare(verdicts, sightings, ends)
    return Plan(outputs, share, observations, outcomes, dead, ages, recalled)


def joined(plans: Sequence[Plan[T]]) -> Plan[T]:
    """One plan of consecutive ones whose outputs are published, to be counted as one."""
    share = CountedShare(
        [verdict for plan in plans for verdict in plan.share.verdicts],
        [sighting for plan in plans for sighting in plan.share.sightings],
        {at: end for plan in plans for at, end in plan.ends.items()},
    )
    observations: Counter[str] = Counter()
    outcomes: Counter[MarketCount] = Counter()
    dead: Counter[DeadReason] = Counter()
    recalled: Counter[str] = Counter()
    ages: dict[str, list[float]] = defaultdict(list)
    for plan in plans:
        observations += plan.observations
        outcomes += plan.outcomes
        dead += plan.dead
        recalled += plan.recalled
        for platform, of_platform in plan.ages.items():
            ages[platform] += of_platform
    return Plan((), share, observations, outcomes, dead, ages, recalled)


def parts(records: Sequence[Record], max_bytes: int) -> Iterator[Sequence[Record]]:
    """Consecutive parts of at most ``max_bytes`` of values each, and of at least one record."""
    part: list[Record] = []
    size = 0
    for record in records:
        length = len(record.value or b"")
        if part and size + length > max_bytes:
            yield part
            part, size = [], 0
        part.append(record)
        size += length
    if part:
        yield part


def source_id_of(record: Record, at: Partition) -> str:
    return f"{at.topic_id}/{at.partition}/{record.offset}"


def age_of(platform: Platform, observed_s: float, record: Record) -> ObservationAge | None:
    seconds = age_at_arrival(observed_s, record.timestamp)
    return None if seconds is None else ObservationAge(platform, seconds)


def has_another_shape(resolution: Resolution) -> bool:
    """Whether there were markets and none could be read: another platform's payload, most likely."""
    return (
        bool(resolution.rejected)
        and not resolution.markets
        and not resolution.players
        and not resolution.misses
        and all(rejection.code == "INVALID_KEY_FORMAT" for rejection in resolution.rejected)
    )


def sightings_of(
    record: Record, seen: Readable, missed: Sequence[Miss], version: int
) -> Sequence[Sighting]:
    """The sighting of what an observation misses, if anything."""
    if not missed:
        return ()
    place = (record.topic, record.partition, record.offset)
    event = event_hash(event_key(seen.envelope))
    return (Sighting(seen.platform, missed, seen.observed_at, version, place, event),)


def outcomes_of(
    platform: Platform, resolved: int, missed: Mapping[MissReason, int], rejecting: Resolution
) -> Mapping[MarketCount, int]:
    """What became of an observation's markets: ``missed`` by reason, refused those of ``rejecting``."""
    outcomes = _outcomes(platform, resolved, frozenset(missed.items()))
    if rejecting.rejected:
        rejected = (
            Counter(rejection.code for rejection in rejecting.rejected) + rejecting.more_rejected
        )
        return {
            **outcomes,
            **{MarketCount(platform, "rejected", code): times for code, times in rejected.items()},
        }
    return outcomes


@lru_cache(maxsize=4096)  # those of small messages are always the same
def _outcomes(
    platform: Platform, resolved: int, missed: frozenset[tuple[MissReason, int]]
) -> Mapping[MarketCount, int]:
    outcomes = {MarketCount(platform, "resolved"): resolved}
    return outcomes | {MarketCount(platform, "missed", reason): times for reason, times in missed}


def reasons_of(misses: Iterable[Miss]) -> Counter[MissReason]:
    return Counter([miss.reason for miss in misses])
