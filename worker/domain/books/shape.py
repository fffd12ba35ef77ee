"""Which fields a bookmaker's markets are known to have, so that a new one is noticed.

A reader takes the fields that it knows and passes over all others. So a bookmaker that moves something into
a field of another name is read without an error, and without what has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, Literal

FieldLevel = Literal["observation", "event", "market", "market_type", "row", "outcome"]

# Of one level; who looks at a few names knows what has changed.
MOST_NAMES: Final = 20
LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Shape:
    """Objects of one level of a document.

    ``read``     the fields that a reader takes.
    ``ignored``  those that real replies have, and that say nothing of a price.
    ``within``   the fields that hold objects of another level, or lists of them.
    """

    level: FieldLevel
    read: AbstractSet[str]
    ignored: AbstractSet[str] = frozenset()
    within: Mapping[str, Shape] = field(default_factory=dict)


UnreadNames = dict[FieldLevel, set[str]]


def unread_names(markets: Any, shape: Shape) -> UnreadNames:
    """The names of fields that nobody reads, by level: at most MOST_NAMES of each, clipped and printable.

    ``markets`` is the bookmaker's own container, of any form; what is no object in it has no fields.
    """
    found: UnreadNames = {}
    waiting = [(each, shape) for each in _entries(markets)]
    while waiting:
        value, of = waiting.pop()
        if not isinstance(value, dict):
            continue
        _add(found, of.level, value.keys() - of.read - of.ignored)
        for name, inner in of.within.items():
            within = value.get(name)
            waiting += [
                (each, inner) for each in (within if isinstance(within, list) else [within])
            ]
    return found


def _add(found: UnreadNames, level: FieldLevel, names: Iterable[str]) -> None:
    for name in names:
        known = found.setdefault(level, set())
        if len(known) < MOST_NAMES:
            # A character is up to ten when it is escaped.
            known.add(_shown(name[:LONGEST_NAME])[:LONGEST_NAME])


def _shown(name: str) -> str:
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def _entries(markets: Any) -> Iterator[Any]:
    """The entries of a list, or the values of an object of flat keys."""
    if isinstance(markets, dict):
        yield from markets.values()
    elif isinstance(markets, list):
        yield from markets
