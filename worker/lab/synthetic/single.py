"""Truths of markets that look at one count or one score."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from worker.lab.synthetic.model import RESULTS, Pmf, result
from worker.lab.synthetic.question import Probabilities, Question, decided, parts_of, yes_no

if TYPE_CHECKING:
    from worker.lab.synthetic.question import Truth

# How often a side that does not win was ahead by one or by two goals, as early payout prices imply.
_ONCE_AHEAD = {"1": 0.33, "2": 0.055}
_MULTISCORES = {
    "home_123": ((1, 0), (2, 0), (3, 0)),
    "home_456": ((4, 0), (5, 0), (6, 0)),
    "home_2141": ((2, 1), (3, 1), (4, 1)),
    "home_3243": ((3, 2), (4, 2), (4, 3), (5, 1)),
    "away_123": ((0, 1), (0, 2), (0, 3)),
    "away_456": ((0, 4), (0, 5), (0, 6)),
    "away_1214": ((1, 2), (1, 3), (1, 4)),
    "away_2334": ((2, 3), (2, 4), (3, 4), (1, 5)),
}


def match_result(asked: Question) -> Probabilities:
    return dict(asked.grid.results)


def double_chance(asked: Question) -> Probabilities:
    home, draw, away = (asked.grid.results[name] for name in RESULTS)
    return {"home_draw": home + draw, "home_away": home + away, "draw_away": draw + away}


def draw_no_bet(asked: Question) -> Probabilities:
    results = asked.grid.results
    return decided(results["home"], results["away"], ("home", "away"))


def no_bet(asked: Question) -> Probabilities:
    """The stake comes back when ``side`` wins."""
    left = {name: p for name, p in asked.grid.results.items() if name != asked.market.side}
    total = sum(left.values())
    return {name: p / total for name, p in left.items()}


def over_under(asked: Question) -> Probabilities:
    over = under = 0.0
    for line in parts_of(asked.line):
        over += sum(p for count, p in enumerate(asked.counts) if count > line)
        under += sum(p for count, p in enumerate(asked.counts) if count < line)
    return decided(over, under, ("over", "under"))


def handicap_2way(asked: Question) -> Probabilities:
    home = away = 0.0
    for line in parts_of(asked.line):
        home += sum(p for d, p in asked.grid.differences.items() if d + line > 0)
        away += sum(p for d, p in asked.grid.differences.items() if d + line < 0)
    return decided(home, away, ("home", "away"))


def handicap_3way(asked: Question) -> Probabilities:
    sums = dict.fromkeys(RESULTS, 0.0)
    for difference, p in asked.grid.differences.items():
        sums[result(difference + asked.line)] += p
    return sums


def odd_even(asked: Question) -> Probabilities:
    odd = sum(asked.counts[1::2])
    return {"odd": odd, "even": 1 - odd}


def counts(asked: Question) -> Probabilities:
    """Outcomes that name counts: ``3``, ``6+`` or ``1_3``."""
    return {name: _chance_of_counts(asked.counts, name) for name in asked.market.outcomes}


def _chance_of_counts(pmf: Pmf, name: str) -> float:
    if name.endswith("+"):
        return sum(pmf[int(name[:-1]) :])
    lowest, _, highest = name.partition("_")
    return sum(pmf[int(lowest) : int(highest or lowest) + 1])


def correct_score(asked: Question) -> Probabilities:
    """Listed scores only: what ``other`` means depends on the scores that a bookmaker lists."""
    scores = (name for name in asked.market.outcomes if not name.startswith("other"))
    return {name: asked.grid.score(*map(int, name.split("_"))) for name in scores}


def multiscores(asked: Question) -> Probabilities:
    sums = {
        name: sum(asked.grid.score(*s) for s in scores) for name, scores in _MULTISCORES.items()
    }
    results = asked.grid.results
    for side in ("home", "away"):
        listed = sum(p for name, p in sums.items() if name.startswith(side))
        sums[f"other_{side}"] = results[side] - listed
    return {**sums, "draw": results["draw"]}


def btts(asked: Question) -> Probabilities:
    return yes_no((1 - asked.grid.home[0]) * (1 - asked.grid.away[0]))


def btts_2plus(asked: Question) -> Probabilities:
    return yes_no(sum(asked.grid.home[2:]) * sum(asked.grid.away[2:]))


def clean_sheet(asked: Question) -> Probabilities:
    return yes_no(asked.grid.away[0] if asked.market.side == "home" else asked.grid.home[0])


def win_to_nil(asked: Question) -> Probabilities:
    home, away = asked.grid.home[0], asked.grid.away[0]
    return yes_no(away * (1 - home) if asked.market.side == "home" else home * (1 - away))


def to_score(asked: Question) -> Probabilities:
    return yes_no(1 - asked.counts[0])


def which_team(asked: Question) -> Probabilities:
    home, away = asked.grid.home[0], asked.grid.away[0]
    return {
        "home_only": (1 - home) * away,
        "away_only": home * (1 - away),
        "both": (1 - home) * (1 - away),
        "neither": home * away,
    }


def winning_margin(asked: Question) -> Probabilities:
    by = asked.grid.differences
    sums = {"draw": by[0]}
    for side, sign in (("home", 1), ("away", -1)):
        sums |= {f"{side}_1": by[sign], f"{side}_2": by[2 * sign]}
        sums[f"{side}_3+"] = sum(p for difference, p in by.items() if difference * sign >= 3)
    return sums


def one_of_the_sides(asked: Question) -> Probabilities:
    """Who has the first, or the last, of what is counted: each falls to a side by its share."""
    none = asked.grid.total[0]
    home, away = (
        sum(n * p for n, p in enumerate(pmf)) for pmf in (asked.grid.home, asked.grid.away)
    )
    share = home / (home + away)
    return {"home": (1 - none) * share, "none": none, "away": (1 - none) * (1 - share)}


def early_payout(asked: Question) -> Probabilities:
    """A side that was ahead by enough is paid, so home and away can both win."""
    results, ahead = asked.grid.results, _ONCE_AHEAD[asked.market.side]
    paid = {side: p + ahead * (1 - p) for side, p in results.items() if side != "draw"}
    return {**paid, "draw": results["draw"]}


def sending_off(asked: Question) -> Probabilities:
    home, away = asked.model.red_cards
    mean = {"home": home, "away": away, "total": home + away}[asked.market.side]
    return yes_no(1 - math.exp(-mean))


SINGLE: dict[str, Truth] = {
    "result": match_result,
    "double_chance": double_chance,
    "draw_no_bet": draw_no_bet,
    "no_bet": no_bet,
    "over_under": over_under,
    "handicap_2way": handicap_2way,
    "handicap_3way": handicap_3way,
    "odd_even": odd_even,
    "counts": counts,
    "correct_score": correct_score,
    "multiscores": multiscores,
    "btts": btts,
    "btts_2plus": btts_2plus,
    "clean_sheet": clean_sheet,
    "win_to_nil": win_to_nil,
    "to_score": to_score,
    "which_team": which_team,
    "winning_margin": winning_margin,
    "one_of_the_sides": one_of_the_sides,
    "early_payout": early_payout,
    "sending_off": sending_off,
}
