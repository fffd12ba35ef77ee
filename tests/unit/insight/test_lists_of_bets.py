"""Lists of bets, long lists and markets of two names: what decides where single prices say little."""

from collections.abc import Mapping

import pytest

from tests.support.boards import JUDGE
from tests.support.markets import CATALOGUE
from worker.insight.boards import Fair, MarketLine, Sold
from worker.insight.candidates import (
    Glimpse,
    MarketCandidate,
    UnmappedMarket,
    candidates,
    is_same_bet,
    score,
)
from worker.insight.judging import Reading
from worker.insight.likeness import likeness

BY_NAME = {one.canonical_id: one for one in CATALOGUE}


def ranked(row: Sold, at_sportybet: Mapping[MarketLine, Mapping[str, float]]) -> list[str]:
    """The candidates for a row of Bet9ja among what SportyBet sells on the event, by name."""
    fair = {key: Fair(chances, is_whole=True) for key, chances in at_sportybet.items()}
    own = Reading("1", "bet9ja", {}, {}, None)
    glimpse = Glimpse("1", None, (row,), own, (Reading("1", "sportybet", {}, fair, None),))
    target = UnmappedMarket("bet9ja", row.market_id, None, (glimpse,))
    catalogue = [BY_NAME[key.canonical_id] for key in at_sportybet]
    return [one.canonical_id for one in candidates(target, catalogue, JUDGE)]


def test_a_label_that_is_the_name_of_a_market_says_more_than_the_name_of_its_list() -> None:
    row = Sold("S_CHANCEMIXGGOU", "2.5", None, {"2orOv": 1.49}, 0)
    found = ranked(
        row,
        {
            MarketLine("btts_or_over_under_ft", "2.5"): {"yes_over": 0.64, "no_under": 0.6},
            MarketLine("away_or_over_25_ft", None): {"yes": 0.61, "no": 0.39},
        },
    )
    assert found == ["away_or_over_25_ft", "btts_or_over_under_ft"]


def test_a_price_that_one_of_many_outcomes_has_by_chance_outweighs_no_name() -> None:
    row = Sold("S_AWAYWINBOTH", None, None, {"Y": 10.0}, 0)
    scores = {f"{n}_{m}": 0.02 * (n + 1) + 0.01 * m for n in range(4) for m in range(5)}
    found = ranked(
        row,
        {
            MarketLine("correct_score_listed_ft", None): scores,
            MarketLine("away_win_both_halves", None): {"yes": 0.07, "no": 0.93},
        },
    )
    assert found == ["away_win_both_halves", "correct_score_listed_ft"]


def candidate(canonical_id: str, outcome: str, line: str | None, **other: float) -> MarketCandidate:
    kind = BY_NAME[canonical_id].line_rule.kind
    lines = frozenset({line})
    return MarketCandidate(
        canonical_id, kind, {"1orOv": outcome}, (), 0.0, {}, 0.5, None, 1.0, 0, (), 5, lines=lines
    )._replace(**other)  # type: ignore[arg-type]  # numbers only


def test_the_more_outcomes_there_are_for_a_label_the_less_its_price_says() -> None:
    few, many = (candidate("btts_ft", "yes", None, choice=one) for one in (2, 20))
    assert score(few) < score(many)
    alike = [one._replace(likeness=1.0) for one in (few, many)]
    assert score(alike[0]) == score(alike[1])


@pytest.mark.parametrize(
    ("line", "other", "is_same"),
    [
        ("2.5", "home_or_over_25_ft", True),
        ("1.5", "home_or_over_25_ft", False),
        ("2.5", "away_or_over_25_ft", False),
        ("2.5", "corners_1x2_ft", False),
    ],
)
def test_markets_are_one_bet_when_every_label_wins_alike(
    line: str, other: str, is_same: bool
) -> None:
    one = candidate("home_or_over_ft", "yes", line)
    assert is_same_bet(one, candidate(other, "yes", None), JUDGE) is is_same


def test_markets_of_several_lines_or_other_labels_are_not_compared() -> None:
    one = candidate("home_or_over_ft", "yes", "2.5")
    assert not is_same_bet(one._replace(lines=frozenset({"2.5", "3.5"})), one, JUDGE)
    assert not is_same_bet(one._replace(outcomes={"1orOv": "yes", "else": "no"}), one, JUDGE)
    assert is_same_bet(one, one, JUDGE)


def test_a_figure_begins_an_ordinal_and_no_score() -> None:
    assert likeness("1", "1st Half") == 0.8
    assert likeness("1", "1:2") < 0.5
