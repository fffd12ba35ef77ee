"""How the line of a market is read from a row, and which qualifier values belong to the market's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.domain.books.book import Book
from worker.domain.books.lines import LineKind
from worker.domain.books.platforms import Platform

# Sources of a line that are no key of the qualifier.
IN_LABELS: Final = "label"
SCORE_SUM: Final = "score_sum+1"


@dataclass(frozen=True, slots=True)
class LineRule:
    """How a market's line is read, and which specifiers belong to the market's name.

    ``kind``   none, total (over/under), handicap (two-way) or european (three-way handicap); of a further id
               also ordinal (the number of a goal) or at_least (``3+``, which is over 2.5).
    ``fixed``  per platform, specifier values that the market must carry: ``goalnr=1`` is the first goal,
               ``goalnr=2`` another market.
    ``free``   specifier keys that say nothing about the market, because its labels say it: ``variant``.
    ``source``    the key that the line is under, where it is not the usual one of the kind; ``label`` when
               each label has its own (``3+``); ``score_sum+1`` when the key carries the score, which the goal
               to come follows.
    ``constant``  the line that the id itself means; then nothing is read.
    """

    kind: LineKind = "none"
    fixed: Mapping[Platform, Mapping[str, str]] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    source: str | None = None
    constant: str | None = None

    def fixed_on(self, platform: Platform) -> Mapping[str, str]:
        return self.fixed.get(platform, {})

    def key_on(self, book: Book) -> str | None:
        """The qualifier's key that the line is read from; None when it is not read from the qualifier."""
        if self.constant is not None or self.source == IN_LABELS:
            return None
        if self.source is None:
            return book.line_key(self.kind)
        return book.line_key("total") if self.source == SCORE_SUM else self.source
