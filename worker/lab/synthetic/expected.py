"""The true answer of a generated observation, as the generator knows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN_MARKET = "UNKNOWN_MARKET"
UNKNOWN_PARAM_MARKET = "UNKNOWN_PARAM_MARKET"
NO_MATCHING_OUTCOMES = "NO_MATCHING_OUTCOMES"
INVALID_ODDS = "INVALID_ODDS"


class ExpectedOutcome(NamedTuple):
    """``odds`` is None when no price was written, else the decimal price with the digits written."""

    outcome: str
    odds: float | None
    active: bool


class ExpectedMarket(NamedTuple):
    canonical_id: str
    line: str | None
    external_market_id: str
    outcomes: tuple[ExpectedOutcome, ...]


class ExpectedMiss(NamedTuple):
    """``outcome`` is the label no mapping knows, None when the whole market is missed."""

    external_market_id: str
    reason: str
    outcome: str | None


class ExpectedRejection(NamedTuple):
    external_market_id: str
    line: str | None
    code: str


class Expected(NamedTuple):
    markets: tuple[ExpectedMarket, ...]
    misses: tuple[ExpectedMiss, ...]
    rejected: tuple[ExpectedRejection, ...]


class Generated(NamedTuple):
    """One observation and its truth. ``key`` is the record key, ``observation`` the parsed message."""

    platform: str
    key: str
    observation: dict[str, Any]
    expected: Expected


@dataclass(slots=True)
class AnswerSheet:
    """Collects the truth while a book is written. A miss is noted once, however many lines it has."""

    markets: list[ExpectedMarket] = field(default_factory=list)
    misses: dict[ExpectedMiss, None] = field(default_factory=dict)
    rejected: list[ExpectedRejection] = field(default_factory=list)

    def miss(self, external_market_id: str, reason: str, outcome: str | None = None) -> None:
        self.misses.setdefault(ExpectedMiss(external_market_id, reason, outcome))

    def finished(self) -> Expected:
        return Expected(tuple(self.markets), tuple(self.misses), tuple(self.rejected))


def expected_miss_counts(generated: Iterable[Generated]) -> Counter[tuple[str, str]]:
    """Occurrences by (platform, external market id): one for each observation in which it was missed."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in generated:
        missed = {miss.external_market_id for miss in item.expected.misses}
        counts.update((item.platform, external_id) for external_id in missed)
    return counts
