"""What must come of the records of a world, told from what happened and not from what the workers did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support.world.ledger import Tables


class Source(NamedTuple):
    """A record's coordinates, as its outputs name it."""

    topic_id: str
    partition: int
    offset: int

    @classmethod
    def of(cls, source_id: str) -> Source:
        topic_id, partition, offset = source_id.split("/")
        return cls(topic_id, int(partition), int(offset))

    def is_in(self, topic_id: str, partition: int) -> bool:
        return (self.topic_id, self.partition) == (topic_id, partition)


@dataclass
class Oracle:
    """``misses`` names the market that a record alone misses, None for one that counts for nothing.

    ``allowed`` holds how many further copies are right, ``excused`` what need not come out at all, ``twice``
    what comes out as a dead letter, too.
    """

    misses: dict[Source, str | None] = field(default_factory=dict)
    published: list[Source] = field(default_factory=list)
    allowed: Counter[Source] = field(default_factory=Counter)
    excused: set[Source] = field(default_factory=set)
    again_from: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    twice: set[Source] = field(default_factory=set)
    is_gapless: bool = True

    def may_repeat(self, sources: Iterable[Source]) -> None:
        """These were in flight when their worker ended or lost them: one more copy of each is right."""
        self.allowed.update(sources)

    def may_be_left_out(self, topic_id: str, partition: int, first: int, end: int) -> None:
        """An operator skips these, or retention takes them, before they are counted."""
        if first < end:
            self.excused |= {
                source
                for source in self.misses
                if source.is_in(topic_id, partition) and first <= source.offset < end
            }
            self.is_gapless = False

    def reset(self, topic_id: str, partition: int, offset: int) -> None:
        """From here on everything at or above ``offset`` is to be published again."""
        self.again_from[topic_id, partition] = (offset, len(self.published))
        self.may_repeat(
            source
            for source in self.misses
            if source.is_in(topic_id, partition) and source.offset >= offset
        )

    def verdict(self, tables: Tables) -> list[str]:
        """What is wrong once all is done; empty when nothing is."""
        found = {
            "counted twice": self.counted_twice(tables),
            "never counted": self._never_counted(tables),
            "never published": self._never_published(),
            "not published again after the reset": self._not_published_again(),
            "repeated without need": self._wrongly_repeated(),
            "out of order": self._out_of_order(),
        }
        return [f"{what}: {which}" for what, which in found.items() if which]

    def counted_twice(self, tables: Tables) -> list[str]:
        alone = set(self.misses.values())
        counts = ((row.external_market_id, row.occurrence_count) for row in tables.misses.values())
        return sorted(market for market, times in counts if market in alone and times > 1)

    def _never_counted(self, tables: Tables) -> list[Source]:
        counted = {miss.external_market_id for miss in tables.misses.values()}
        return sorted(
            source
            for source, miss in self.misses.items()
            if miss is not None and miss not in counted and source not in self.excused
        )

    def _never_published(self) -> list[Source]:
        return sorted(self.misses.keys() - set(self.published) - self.excused)

    def _not_published_again(self) -> list[Source]:
        missing: set[Source] = set()
        for (topic_id, partition), (offset, since) in self.again_from.items():
            wanted = {
                source
                for source in self.misses
                if source.is_in(topic_id, partition) and source.offset >= offset
            }
            missing |= wanted - set(self.published[since:]) - self.excused
        return sorted(missing)

    def _wrongly_repeated(self) -> list[Source]:
        copies = Counter(self.published)
        return sorted(
            source
            for source, times in copies.items()
            if times > (1 + self.allowed[source]) * (1 + (source in self.twice))
        )

    def _out_of_order(self) -> list[Source]:
        """Records that came out for the first time behind a later one of their partition."""
        if not self.is_gapless:
            return []
        newest: dict[tuple[str, int], int] = {}
        late = []
        for source in dict.fromkeys(self.published):
            place = source[:2]
            if source.offset < newest.get(place, -1):
                late.append(source)
            newest[place] = max(source.offset, newest.get(place, -1))
        return late
