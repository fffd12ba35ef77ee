"""Families of missed markets: those that differ by numbers only, such as MULTI 1-2 and MULTI 4-5. Pure.

An editor decides once about all of a family. Its members have the same name but for numbers (or the same id,
where there is no name), the same reason, and in their samples the same labels but for numbers.

Markets can also be grouped by their labels alone, whatever they are called, and by what they may be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, get_args

from worker.storage.misses import QueuedMiss, QueueOrder

# What the members of a group have in common.
GroupBy = Literal["name", "labels", "candidate"]
GROUPS: Final[tuple[GroupBy, ...]] = get_args(GroupBy)

_NUMBER: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?")
_BLANK: Final = re.compile(r"[\s_]+")


class FamilyKey(NamedTuple):
    """What the members have in common; ``pattern`` has # where they have numbers.

    Of a group by labels the pattern lists them; of one by candidate it is what the members may be.
    """

    source: str
    pattern: str
    reason: str | None
    labels: frozenset[str]


class MissFamily(NamedTuple):
    """The members in the order in which they were given, at least one."""

    key: FamilyKey
    members: tuple[QueuedMiss, ...]

    @property
    def score(self) -> float:
        return sum(one.score for one in self.members)

    @property
    def occurrences_per_hour(self) -> float:
        return sum(one.occurrences_per_hour for one in self.members)

    @property
    def occurrences(self) -> int:
        return sum(one.occurrence_count for one in self.members)

    @property
    def comparisons_per_day(self) -> float | None:
        """Of all members that have a suggestion; None where none has."""
        known = [
            one.comparisons_per_day for one in self.members if one.comparisons_per_day is not None
        ]
        return sum(known) if known else None

    @property
    def suggested(self) -> list[str]:
        """What the members may be, each once."""
        names = (one.suggested for one in self.members)
        return list(dict.fromkeys(name for name in names if name is not None))


def families(rows: Iterable[QueuedMiss], by: GroupBy = "name") -> list[MissFamily]:
    """All families, in the order of their first members; by candidate, only of those with a suggestion."""
    found: dict[FamilyKey, list[QueuedMiss]] = {}
    for row in rows:
        if by == "candidate" and row.suggested is None:
            continue
        found.setdefault(group_key(row, by), []).append(row)
    return [MissFamily(key, tuple(members)) for key, members in found.items()]


def ordered(found: Iterable[MissFamily], order: QueueOrder) -> list[MissFamily]:
    """Families in the order of a list, by what their members come to together."""
    match order:
        case "priority":
            return sorted(found, key=lambda one: -one.score)
        case "occurrences":
            return sorted(found, key=lambda one: -one.occurrences)
        case "comparisons":
            return sorted(found, key=lambda one: -(one.comparisons_per_day or 0.0))
        case "last_seen" | "first_seen" | "confidence":
            return list(found)  # as their first members


def group_key(row: QueuedMiss, by: GroupBy) -> FamilyKey:
    """What a market has in common with its group."""
    return _KEYS[by](row)


def family_key(row: QueuedMiss) -> FamilyKey:
    """What a market has in common with its family."""
    pattern = _pattern(row.market_name or row.external_market_id)
    return FamilyKey(row.source, pattern, row.reason, _labels(row))


def _labels_key(row: QueuedMiss) -> FamilyKey:
    """A market without labels is a group of its own."""
    labels = _labels(row)
    pattern = ", ".join(sorted(labels)) or _pattern(row.external_market_id)
    return FamilyKey(row.source, pattern, row.reason, labels)


def _candidate_key(row: QueuedMiss) -> FamilyKey:
    return FamilyKey(row.source, row.suggested or "", None, frozenset())


_KEYS: Final = {"name": family_key, "labels": _labels_key, "candidate": _candidate_key}


def _labels(row: QueuedMiss) -> frozenset[str]:
    samples = row.sample_outcomes if isinstance(row.sample_outcomes, list) else []
    labels = (one.get("label") if isinstance(one, dict) else one for one in samples)
    return frozenset(_pattern(label) for label in labels if isinstance(label, str))


def _pattern(text: str) -> str:
    return _NUMBER.sub("#", _BLANK.sub(" ", text.strip().casefold()))
