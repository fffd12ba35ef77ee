"""The true answer of a generated observation, as the generator knows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

UNKNOWN_MARKET = "UNKNOWN_MARKET"
UNKNOWN_PARAM_MARKET = "UNKNOWN_PARAM_MARKET"
NO_MATCHING_OUTCOMES = "NO_MATCHING_OUTCOMES"
INVALID_ODDS = "INVALID_ODDS"

# "Any other score": what the listed outcomes leave over; BetPawa lists 28 of them.
RESIDUALS = frozenset({"other", "other_28"})


class ExpectedOutcome(NamedTuple):
    """``odds`` is None when no price was written, else the decimal price with the digits written."""

    outcome: str
    odds: float | None
    active: bool


class ExpectedMarket(NamedTuple):
    """``complete`` is false when a label of the same id and line is known to no mapping."""

    canonical_id: str
    line: str | None
    external_market_id: str
    outcomes: tuple[ExpectedOutcome, ...]
    complete: bool = True


class ExpectedParticipant(NamedTuple):
    """Whom a price is about: what the bookmaker says of a player, and the key that follows from the name."""

    name: str
    key: str
    side: str | None
    feed_id: str | None = None
    id: str | None = None

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What tells a player from the others of a bookmaker; two players of one name are two."""
        return (self.feed_id, self.id) if self.feed_id or self.id else (self.key, self.side)


class ExpectedPlayerMarket(NamedTuple):
    """A market of one player at one line."""

    canonical_id: str
    line: str | None
    participant: ExpectedParticipant
    external_market_id: str
    outcomes: tuple[ExpectedOutcome, ...]
    complete: bool = True


AnyMarket = TypeVar("AnyMarket", ExpectedMarket, ExpectedPlayerMarket)


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
    players: tuple[ExpectedPlayerMarket, ...] = ()


class Generated(NamedTuple):
    """One observation and its truth. ``key`` is the record key, ``observation`` the parsed message."""

    platform: str
    key: str
    observation: dict[str, Any]
    expected: Expected


@dataclass(slots=True)
class AnswerSheet:
    """Collects the truth while an observation is written. A miss is noted once, however many lines it has."""

    markets: list[ExpectedMarket] = field(default_factory=list)
    misses: dict[ExpectedMiss, None] = field(default_factory=dict)
    rejected: list[ExpectedRejection] = field(default_factory=list)
    players: list[ExpectedPlayerMarket] = field(default_factory=list)
    partial: set[tuple[str, str | None]] = field(default_factory=set)

    def miss(self, external_market_id: str, reason: str, outcome: str | None = None) -> None:
        self.misses.setdefault(ExpectedMiss(external_market_id, reason, outcome))

    def finished(self) -> Expected:
        """The truth; what is sold under an id and line that has an unknown label is not complete.

        There a residual is another bet, as it leaves out the unknown one as well: it is refused.
        """
        markets = list(map(self._marked, self.markets))
        refused = [
            ExpectedRejection(market.external_market_id, market.line, INVALID_ODDS)
            for market in markets
            for one in market.outcomes
            if not market.complete and one.outcome in RESIDUALS
        ]
        return Expected(
            tuple(map(_without_residuals, markets)),
            tuple(self.misses),
            (*self.rejected, *refused),
            tuple(map(self._marked, self.players)),
        )

    def _marked(self, market: AnyMarket) -> AnyMarket:
        is_partial = (market.external_market_id, market.line) in self.partial
        return market._replace(complete=False) if is_partial else market


def _without_residuals(market: ExpectedMarket) -> ExpectedMarket:
    if market.complete:
        return market
    return market._replace(
        outcomes=tuple(one for one in market.outcomes if one.outcome not in RESIDUALS)
    )


def expected_miss_counts(generated: Iterable[Generated]) -> Counter[tuple[str, str]]:
    """Occurrences by (platform, external market id): one for each observation in which it was missed."""
    counts: Counter[tuple[str, str]] = Counter()
    for item in generated:
        missed = {miss.external_market_id for miss in item.expected.misses}
        counts.update((item.platform, external_id) for external_id in missed)
    return counts
