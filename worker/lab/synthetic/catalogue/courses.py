"""Every way in which a match may go, as far as a market asks.

A market on scores asks for the goals of the two halves: all of them are listed, up to a bound. A market on
the order or the time of goals asks for their minutes: each pair of half scores has some courses, drawn once,
the same for every match. A match is then a weight for each pair of half scores, from its two intensities.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache, cached_property
from itertools import groupby, product
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.lab.synthetic.model import FIRST_HALF_SHARE, poisson

if TYPE_CHECKING:
    from worker.lab.synthetic.catalogue.predicates import MatchFacts

Halves = tuple[int, int, int, int]
Goal = tuple[float, str]

_MOST_GOALS: Final = (5, 6)  # of a side in the first and in the second half
_USUAL_GOALS: Final = (1.5, 1.2)
_COURSES: Final = 6_000
_MINUTES_OF_HALVES: Final = (50, 48)  # with added time, whose goals count as of the last minute
_UNTIL: Final = (10, 20, 30, 45, 50, 65)
_MOST_REACHED: Final = 4


class Grouping(NamedTuple):
    """What tells apart the ways a match may go, for some facts.

    ``kinds`` are the different ones; ``kind_of`` has the index of each way that is listed.
    """

    kinds: tuple[MatchFacts, ...]
    kind_of: tuple[int, ...]


class Listed(NamedTuple):
    """Ways a match may go: their facts, their half scores by index, and how many have these."""

    ways: tuple[MatchFacts, ...]
    cell_of: tuple[int, ...]
    ways_of_cell: tuple[int, ...]


@cache
def half_scores() -> tuple[Halves, ...]:
    first, second = (range(most + 1) for most in _MOST_GOALS)
    return tuple(product(first, first, second, second))


@cache
def by_scores() -> Listed:
    cells = half_scores()
    return Listed(tuple(map(_scores, cells)), tuple(range(len(cells))), (1,) * len(cells))


@cache
def by_minutes() -> Listed:
    """Courses of goals; likely half scores have more of them."""
    rng = random.Random("courses")  # noqa: S311 - a fixed sample, no secret
    counts = [max(1, round(chance * _COURSES)) for chance in _weights(_USUAL_GOALS)]
    ways: list[MatchFacts] = []
    cell_of: list[int] = []
    for index, (cell, count) in enumerate(zip(half_scores(), counts, strict=True)):
        for _course in range(count):
            ways.append(_scores(cell) | _told_by(sorted(_goals(rng, cell))))
            cell_of.append(index)
    return Listed(tuple(ways), tuple(cell_of), tuple(counts))


@cache
def grouped_by(names: frozenset[str]) -> tuple[Listed, Grouping]:
    """Group the ways a match may go by these facts."""
    scores = by_scores()
    listed = scores if names <= scores.ways[0].keys() else by_minutes()
    known: dict[object, int] = {}
    kinds: list[MatchFacts] = []
    kind_of: list[int] = []
    key_of = itemgetter(*sorted(names))
    for way in listed.ways:
        key = key_of(way)
        if key not in known:
            known[key] = len(kinds)
            kinds.append(way)
        kind_of.append(known[key])
    return listed, Grouping(tuple(kinds), tuple(kind_of))


class CourseChances:
    """How likely each way is in one match."""

    def __init__(self, goals: tuple[float, float]) -> None:
        self._goals = goals
        self._known: dict[frozenset[str], list[float]] = {}

    @cached_property
    def _of_cells(self) -> list[float]:
        return _weights(self._goals)

    @cached_property
    def _of_courses(self) -> list[float]:
        """The weight of each course of a cell."""
        counts = by_minutes().ways_of_cell
        return [weight / count for weight, count in zip(self._of_cells, counts, strict=True)]

    def of_kinds(self, names: frozenset[str]) -> list[float]:
        """The chance of each kind of ``grouped_by(names)``."""
        if names not in self._known:
            listed, grouping = grouped_by(names)
            each = self._of_cells if listed is by_scores() else self._of_courses
            sums = [0.0] * len(grouping.kinds)
            for kind, cell in zip(grouping.kind_of, listed.cell_of, strict=True):
                sums[kind] += each[cell]
            self._known[names] = sums
        return self._known[names]


def _weights(goals: tuple[float, float]) -> list[float]:
    parts = [
        poisson(mean * share, most)
        for most, share in zip(_MOST_GOALS, (FIRST_HALF_SHARE, 1 - FIRST_HALF_SHARE), strict=True)
        for mean in goals
    ]
    return [p * q * r * s for p, q, r, s in product(*parts)]


def _scores(halves: Halves) -> dict[str, float]:
    h1, a1, h2, a2 = halves
    return {
        "h1": h1, "a1": a1, "t1": h1 + a1,
        "h2": h2, "a2": a2, "t2": h2 + a2,
        "h": h1 + h2, "a": a1 + a2, "t": sum(halves),
    }  # fmt: skip


def _goals(rng: random.Random, halves: Halves) -> Iterable[Goal]:
    for index, count in enumerate(halves):
        side, half = ("home", "away")[index % 2], index // 2
        for _goal in range(count):
            minute = min(44.9, rng.random() * _MINUTES_OF_HALVES[half])
            yield 45 * half + minute, side


def _told_by(goals: list[Goal]) -> dict[str, float]:
    """The facts that goals in their order tell.

    ``fg`` is the side of the first goal (1 home, 2 away, 0 none) and ``fgm`` its minute (-1: none); ``mlh``
    and ``mla`` are the largest leads of home and away, ``rh`` and ``ra`` their longest runs of goals; ``c10``
    counts the goals before minute 10, ``ch10`` and ``ca10`` those of a side; ``reached_1_0`` is 1 when it was
    the score.
    """
    told: dict[str, float] = {
        f"c{letter}{minute}": sum(at < minute and side in sides for at, side in goals)
        for letter, sides in (("", ("home", "away")), ("h", ("home",)), ("a", ("away",)))
        for minute in _UNTIL
    }
    told["fg"] = 0 if not goals else 1 if goals[0][1] == "home" else 2
    told["fgm"] = goals[0][0] if goals else -1
    scores = [(0, 0)]
    for _at, side in goals:
        home, away = scores[-1]
        scores.append((home + 1, away) if side == "home" else (home, away + 1))
    told["mlh"] = max(home - away for home, away in scores)
    told["mla"] = max(away - home for home, away in scores)
    runs = [(side, len(list(run))) for side, run in groupby(side for _at, side in goals)]
    for letter, side in (("h", "home"), ("a", "away")):
        told[f"r{letter}"] = max((run for of, run in runs if of == side), default=0)
    for home, away in product(range(_MOST_REACHED + 1), repeat=2):
        told[f"reached_{home}_{away}"] = int((home, away) in scores)
    return told
