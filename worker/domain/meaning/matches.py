"""Every match that matters for a meaning: all scores of two halves up to a bound, who scored first and last.

What is true of these matches is taken to be true of all: no expression of the catalogue asks for a number of
goals beyond what a side reaches here, and a test holds that a larger bound changes nothing that is derived.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Final

from .expression import SIDES, Fact

MOST_GOALS: Final = 6  # of one side in one half

Match = dict[str, Fact]


@lru_cache(maxsize=4)
def scores(most: int = MOST_GOALS) -> tuple[Match, ...]:
    """Every pair of half scores with up to ``most`` goals of a side in a half, as facts."""
    goals = range(most + 1)
    return tuple(_facts(*halves) for halves in product(goals, repeat=4))


@lru_cache(maxsize=4)
def sequences(most: int = 3) -> tuple[Match, ...]:
    """The same with who scored the first and the last goal, each combination that can happen."""
    return tuple(
        match | {"first": first, "last": last}
        for match in scores(most)
        for first, last in first_and_last(match)
    )


def matches_for(names: frozenset[str]) -> tuple[Match, ...]:
    """The matches that have these facts; scores are larger where nobody asks who scored first or last."""
    return sequences() if names & SIDES else scores()


def first_and_last(match: Match) -> Iterator[tuple[str, str]]:
    """Who can have scored the first and the last goal of a match with these half scores."""
    halves = [(int(match["h1"]), int(match["a1"])), (int(match["h2"]), int(match["a2"]))]
    with_goals = [half for half in halves if sum(half)]
    if not with_goals:
        yield "none", "none"
        return
    for first, last in product(_scorers(with_goals[0]), _scorers(with_goals[-1])):
        if len(with_goals) == 1 and not _can_begin_and_end(with_goals[0], first, last):
            continue
        yield first, last


def _scorers(half: tuple[int, int]) -> list[str]:
    home, away = half
    return ["home"] * (home > 0) + ["away"] * (away > 0)


def _can_begin_and_end(half: tuple[int, int], first: str, last: str) -> bool:
    if first != last:
        return True
    of_side = half[0] if first == "home" else half[1]
    return of_side > 1 or sum(half) == 1


def _facts(h1: int, a1: int, h2: int, a2: int) -> Match:
    return {
        "h1": h1,
        "a1": a1,
        "t1": h1 + a1,
        "h2": h2,
        "a2": a2,
        "t2": h2 + a2,
        "h": h1 + h2,
        "a": a1 + a2,
        "t": h1 + a1 + h2 + a2,
    }
