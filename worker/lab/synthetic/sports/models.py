"""How a match of basketball or tennis may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.sports.matches import CountPair, Course

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

_GAMES_OF_BASKETBALL = 1200
_QUARTER_SPREAD = 4.6  # standard deviation of a team's points in a quarter
_OVERTIME_SPREAD = 3.5
# How a set of tennis may end for its winner, and how often it does so between equal players.
_SETS = {(6, 0): 4, (6, 1): 10, (6, 2): 17, (6, 3): 24, (6, 4): 24, (7, 5): 10, (7, 6): 11}


def basketball(rng: random.Random) -> list[Course]:
    """A sample of games, all equally likely: about 158 points, home a little stronger."""
    points = rng.gauss(158, 9)
    ahead = rng.gauss(2.5, 5)
    means = (points + ahead) / 2, (points - ahead) / 2
    return [_game(rng, means) for _ in range(_GAMES_OF_BASKETBALL)]


def _game(rng: random.Random, means: tuple[float, float]) -> Course:
    quarters = [(_points(rng, means[0] / 4), _points(rng, means[1] / 4)) for _quarter in range(4)]
    counts = {f"q{number}": quarter for number, quarter in enumerate(quarters, 1)}
    counts["1h"] = _added(quarters[0], quarters[1])
    counts["ft"] = _added(counts["1h"], _added(quarters[2], quarters[3]))
    counts["incl_ot"] = _with_overtime(rng, counts["ft"])
    return Course(1 / _GAMES_OF_BASKETBALL, counts)


def _points(rng: random.Random, mean: float) -> int:
    return max(0, round(rng.gauss(mean, _QUARTER_SPREAD)))


def _added(one: CountPair, other: CountPair) -> CountPair:
    return one[0] + other[0], one[1] + other[1]


def _with_overtime(rng: random.Random, score: CountPair) -> CountPair:
    while score[0] == score[1]:
        score = _added(
            score,
            (
                max(0, round(rng.gauss(9, _OVERTIME_SPREAD))),
                max(0, round(rng.gauss(9, _OVERTIME_SPREAD))),
            ),
        )
    return score


def tennis(rng: random.Random) -> list[Course]:
    """Every match of up to three sets, with the chance of its scores."""
    strength = min(0.8, max(0.2, rng.gauss(0.5, 0.12)))
    ends = list(_set_ends(strength))
    courses = []
    for first, chance in ends:
        for second, then in ends:
            if _is_home(first) == _is_home(second):
                courses.append(_match(chance * then, [first, second]))
                continue
            courses += [
                _match(chance * then * last, [first, second, third]) for third, last in ends
            ]
    return courses


def _set_ends(strength: float) -> Iterator[tuple[CountPair, float]]:
    """Scores of a set with their chances; a stronger player wins by more games."""
    for home_wins in (True, False):
        won = strength if home_wins else 1 - strength
        weights = {score: n * won ** (score[0] - score[1]) for score, n in _SETS.items()}
        whole = sum(weights.values())
        for score, weight in weights.items():
            yield (score if home_wins else (score[1], score[0])), won * weight / whole


def _is_home(score: CountPair) -> bool:
    return score[0] > score[1]


def _match(chance: float, sets: list[CountPair]) -> Course:
    won = sum(map(_is_home, sets))
    counts = {f"games_set{number}": score for number, score in enumerate(sets, 1)}
    counts["games_match"] = (sum(score[0] for score in sets), sum(score[1] for score in sets))
    counts["sets"] = (won, len(sets) - won)
    return Course(chance, counts)
