"""What follows from the meaning of a market: derived by trying every match, never declared.

A market at one line is a set of matches for each outcome, and one more for those that give the stake back.
The sets are bit masks, so that a question about all matches is one operation on whole numbers:

- *exhaustive*: every match wins some outcome or gives the stake back;
- *exclusive*: no match wins two outcomes;
- *push*: some match gives the stake back;
- one outcome *implies* another when its set lies in the other's;
- two outcomes are *complementary* when their sets share no match and make up all;
- an outcome *is the sum of* outcomes of another market when those that lie in it, pairwise apart, make it up:
  1X is 1 and X; to score is over 0.5; a half time result is three of HT/FT.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from .expression import Expression, Facts
from .matches import MOST_GOALS, matches_for, scores

# Lines that stand for all: whole, half, of both signs. A quarter line is two bets at the lines next to it.
TOTAL_LINES: Final = ("0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4.5")
HANDICAP_LINES: Final = ("-2", "-1.5", "-1", "-0.5", "0", "0.5", "1", "1.5", "2")


@dataclass(frozen=True)
class Predicates:
    """When each outcome of a canonical market wins.

    ``when`` has None for an outcome that no expression can tell yet, such as a residual ("any other score")
    that differs between bookmakers. ``void`` is when the stake comes back. ``lines`` are tried for a market
    that has a line; a market without has the one entry None.
    """

    canonical_id: str
    when: Mapping[str, Expression | None]
    void: Expression | None = None
    lines: Sequence[str | None] = field(default=(None,))

    @cached_property
    def names(self) -> frozenset[str]:
        """The facts that it asks for."""
        asked = [one for one in [*self.when.values(), self.void] if one is not None]
        return frozenset().union(*(one.names for one in asked))

    @property
    def is_whole(self) -> bool:
        """Whether every outcome has an expression."""
        return all(one is not None for one in self.when.values())


class Traits(NamedTuple):
    """What every line has in common; None where an outcome without an expression leaves it open."""

    exhaustive: bool | None
    exclusive: bool | None
    push: bool | None


class Bet(NamedTuple):
    """One outcome of one market at one line."""

    canonical_id: str
    line: str | None
    outcome: str


class Identity(NamedTuple):
    """``whole`` wins exactly when one of ``parts`` wins, and no two of them win together."""

    whole: Bet
    parts: tuple[Bet, ...]


class Sets:
    """The sets of matches of markets, each outcome and line one bit mask, all over the same matches."""

    def __init__(self, meanings: Iterable[Predicates], *, most_goals: int = MOST_GOALS) -> None:
        self.meanings = [one for one in meanings if not one.names & {"first", "last"}]
        self._matches: Sequence[Facts] = scores(most_goals)
        self.all: Final = (1 << len(self._matches)) - 1
        self.bets: dict[Bet, int] = {}
        self.void: dict[tuple[str, str | None], int] = {}
        for meaning in self.meanings:
            for line in meaning.lines:
                self._add(meaning, line)

    def _add(self, meaning: Predicates, line: str | None) -> None:
        void = 0 if meaning.void is None else mask(meaning.void, line, self._matches)
        self.void[meaning.canonical_id, line] = void
        for outcome, when in meaning.when.items():
            if when is not None:
                self.bets[Bet(meaning.canonical_id, line, outcome)] = mask(
                    when, line, self._matches
                )

    def same(self) -> Iterator[tuple[Bet, ...]]:
        """Groups of bets of two markets or more that win, lose and give back together."""
        by_set: dict[tuple[int, int], list[Bet]] = {}
        for bet, won in self.bets.items():
            by_set.setdefault((won, self._void_of(bet)), []).append(bet)
        for bets in by_set.values():
            if len({bet.canonical_id for bet in bets}) > 1:
                yield tuple(bets)

    def implies(self, one: Bet, other: Bet) -> bool:
        """Whether ``other`` wins whenever ``one`` does."""
        return self.bets[one] & ~self.bets[other] == 0

    def complementary(self, one: Bet, other: Bet) -> bool:
        """Whether exactly one of the two wins, in every match, and neither ever gives the stake back."""
        together = self.bets[one] ^ self.bets[other]
        return together == self.all and not self._void_of(one) and not self._void_of(other)

    def identities(self) -> Iterator[Identity]:
        """Every bet that is the sum of bets of one other market, which is a partition at its line."""
        for partition in self._partitions():
            for whole, won in self.bets.items():
                if whole.canonical_id == partition[0].canonical_id or self._void_of(whole):
                    continue
                parts = [bet for bet in partition if self.bets[bet] & ~won == 0]
                if parts and _union(self.bets[bet] for bet in parts) == won:
                    yield Identity(whole, tuple(parts))

    def _partitions(self) -> Iterator[list[Bet]]:
        for meaning in self.meanings:
            for line in meaning.lines:
                bets = [Bet(meaning.canonical_id, line, outcome) for outcome in meaning.when]
                if not meaning.is_whole or self.void[meaning.canonical_id, line]:
                    continue
                sets = [self.bets[bet] for bet in bets]
                if _union(sets) == self.all and _are_apart(sets):
                    yield bets

    def _void_of(self, bet: Bet) -> int:
        return self.void[bet.canonical_id, bet.line]


def traits(meaning: Predicates) -> Traits:
    """Derive what holds at every line of the market."""
    matches = matches_for(meaning.names)
    everything = (1 << len(matches)) - 1
    exhaustive = exclusive = True
    push = False
    for line in meaning.lines:
        void = 0 if meaning.void is None else mask(meaning.void, line, matches)
        sets = [mask(when, line, matches) for when in meaning.when.values() if when is not None]
        exhaustive = exhaustive and (_union(sets) | void) == everything
        exclusive = exclusive and _are_apart([*sets, void])
        push = push or void != 0
    if meaning.is_whole:
        return Traits(exhaustive, exclusive, push)
    # More outcomes can only add matches: what overlaps already stays so, what is covered already too.
    return Traits(exhaustive or None, exclusive and None, push)


def mask(when: Expression, line: str | None, matches: Sequence[Facts]) -> int:
    """The matches of which ``when`` is true, as a bit mask; bit 0 is the first match."""
    if "line" in when.names and line is not None:
        number = float(line)
        matches = [{**match, "line": number} for match in matches]
    digits = "".join("1" if when.holds(match) else "0" for match in reversed(matches))
    return int(digits, 2)


def _union(sets: Iterable[int]) -> int:
    together = 0
    for one in sets:
        together |= one
    return together


def _are_apart(sets: Iterable[int]) -> bool:
    together = 0
    for one in sets:
        if together & one:
            return False
        together |= one
    return True
