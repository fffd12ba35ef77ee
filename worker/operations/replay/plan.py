"""What a replay would read: ranges of offsets, their size, and the gaps that retention has left. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

# Records a second that an estimate assumes when no rate is asked for.
ASSUMED_RATE: Final = 100.0

NamedPartition = tuple[str, int]


class Window(NamedTuple):
    """From a time (inclusive) to a time (exclusive), in ms since the epoch; None is the log's end now."""

    from_ms: int
    to_ms: int | None


class LogFacts(NamedTuple):
    """A partition's log. ``at_from`` and ``at_to`` are the first offsets of those times, None for none."""

    topic_id: str
    start: int
    end: int
    at_from: int | None
    at_to: int | None


class Range(NamedTuple):
    """Offsets of one partition, from ``first`` up to but without ``end``."""

    topic: str
    topic_id: str
    partition: int
    first: int
    end: int

    @property
    def place(self) -> NamedPartition:
        return (self.topic, self.partition)

    @property
    def records(self) -> int:
        """The maximum number of records: transaction markers and compacted records have offsets too."""
        return self.end - self.first


class RangeSample(NamedTuple):
    """Records that were read at a range's start: how many, their bytes, the first one's time in ms."""

    records: int
    bytes: int
    first_timestamp_ms: int


@dataclass(frozen=True, slots=True)
class PartitionPlan:
    """``about_bytes`` is None when no record could be sampled.

    ``has_hole``: retention may have deleted records of the window; what is left begins at ``held_from_ms``,
    or nothing is left when that is None. ``unreadable``: why the first records of the range cannot be read.
    """

    range: Range
    about_bytes: int | None
    has_hole: bool
    held_from_ms: int | None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class ReplayPlan:
    """Every partition of the topics asked for, by topic and number; also those with nothing to read."""

    window: Window
    partitions: Sequence[PartitionPlan]
    rate: float | None

    @property
    def ranges(self) -> list[Range]:
        """The ranges that hold anything."""
        return [each.range for each in self.partitions if each.range.records]

    @property
    def records(self) -> int:
        return sum(each.range.records for each in self.partitions)

    @property
    def about_bytes(self) -> int | None:
        """None when a range that holds something could not be sampled."""
        known = [each.about_bytes for each in self.partitions if each.range.records]
        return None if None in known else sum(size for size in known if size is not None)

    @property
    def seconds(self) -> float:
        return self.records / (self.rate or ASSUMED_RATE)

    @property
    def holes(self) -> list[PartitionPlan]:
        return [each for each in self.partitions if each.has_hole]

    @property
    def unreadable(self) -> list[PartitionPlan]:
        return [each for each in self.partitions if each.unreadable is not None]


def ranges(facts: Mapping[NamedPartition, LogFacts]) -> list[Range]:
    """The range of each partition, by topic and number; an empty one where there is nothing to read."""
    return [_range(topic, partition, facts[topic, partition]) for topic, partition in sorted(facts)]


def plan(
    window: Window,
    facts: Mapping[NamedPartition, LogFacts],
    samples: Mapping[NamedPartition, RangeSample],
    unreadable: Mapping[NamedPartition, str] | None = None,
    *,
    rate: float | None = None,
) -> ReplayPlan:
    """``samples`` are taken at the first offsets of `ranges`; ``rate`` in records/s, None for no limit.

    ``unreadable`` says of ranges why they could not be sampled, now or later.
    """
    known = unreadable or {}
    planned = [
        _planned(window, facts[one.place], one, samples.get(one.place), known.get(one.place))
        for one in ranges(facts)
    ]
    return ReplayPlan(window, planned, rate)


def as_documents(of: Iterable[Range]) -> list[dict[str, Any]]:
    return [one._asdict() for one in of]


def from_documents(documents: object) -> list[Range]:
    """The ranges that `as_documents` made these of. Raises ValueError for anything else."""
    if not isinstance(documents, list) or not all(map(_is_range, documents)):
        raise ValueError("its ranges cannot be read")
    return [Range(**document) for document in documents]


def _is_range(document: object) -> bool:
    return (
        isinstance(document, dict)
        and document.keys() == Range.__annotations__.keys()
        and all(isinstance(document[name], str) for name in ("topic", "topic_id"))
        and all(type(document[name]) is int for name in ("partition", "first", "end"))
    )


def _range(topic: str, partition: int, log: LogFacts) -> Range:
    end = log.end if log.at_to is None else min(max(log.at_to, log.start), log.end)
    first = end if log.at_from is None else min(max(log.at_from, log.start), end)
    return Range(topic, log.topic_id, partition, first, end)


def _planned(
    window: Window,
    log: LogFacts,
    found: Range,
    sample: RangeSample | None,
    unreadable: str | None,
) -> PartitionPlan:
    if unreadable is not None:  # of what time its first record is, is not known
        return PartitionPlan(found, None, has_hole=False, held_from_ms=None, unreadable=unreadable)
    held_from = sample.first_timestamp_ms if sample else None
    about = round(sample.bytes / sample.records * found.records) if sample else None
    return PartitionPlan(
        found, about if found.records else 0, _has_hole(window, log, held_from), held_from
    )


def _has_hole(window: Window, log: LogFacts, held_from_ms: int | None) -> bool:
    """Whether something was deleted, and what is left begins after the window does."""
    if log.start == 0 or (log.at_from is not None and log.at_from > log.start):
        return False
    return held_from_ms is None or held_from_ms > window.from_ms
