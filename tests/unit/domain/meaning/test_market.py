import pytest

from worker.domain.meaning.expression import parse
from worker.domain.meaning.market import Bet, Identity, Predicates, Sets, Traits, traits


def meaning(name: str, void: str | None = None, line: str | None = None, **when: str) -> Predicates:
    return Predicates(
        name,
        {outcome: parse(text) for outcome, text in when.items()},
        None if void is None else parse(void),
        (line,),
    )


RESULT = meaning("result", home="h > a", draw="h == a", away="h < a")
CHANCE = meaning("chance", home_draw="h >= a", draw_away="h <= a", home_away="h != a")
TOTAL = meaning("total", void="t == line", line="2.5", over="t > line", under="t < line")
WHOLE_TOTAL = meaning("whole", void="t == line", line="2", over="t > line", under="t < line")


@pytest.mark.parametrize(
    ("market", "found"),
    [
        (RESULT, Traits(exhaustive=True, exclusive=True, push=False)),
        (CHANCE, Traits(exhaustive=True, exclusive=False, push=False)),
        (WHOLE_TOTAL, Traits(exhaustive=True, exclusive=True, push=True)),
        (TOTAL, Traits(exhaustive=True, exclusive=True, push=False)),
        (
            meaning("without_a_zero", one="t == 1", more="t > 1"),
            Traits(exhaustive=False, exclusive=True, push=False),
        ),
        (
            meaning("first", home="first == 'home'", away="first == 'away'"),
            Traits(exhaustive=False, exclusive=True, push=False),
        ),
    ],
)
def test_traits_follow_from_the_expressions(market: Predicates, found: Traits) -> None:
    assert traits(market) == found


def test_an_outcome_without_an_expression_leaves_open_what_it_could_change() -> None:
    scores = Predicates("scores", {"0_0": parse("t == 0"), "other": None})
    assert traits(scores) == Traits(exhaustive=None, exclusive=None, push=False)


def test_equal_implied_and_complementary_bets_are_found() -> None:
    to_score = meaning("to_score", yes="h > 0", no="h == 0")
    home_total = meaning("home_total", line="0.5", over="h > line", under="h < line")
    sets = Sets([to_score, home_total, RESULT])
    yes, over = Bet("to_score", None, "yes"), Bet("home_total", "0.5", "over")
    assert (yes, over) in set(sets.same())
    assert all(Bet("result", None, "home") not in group for group in sets.same())
    assert sets.implies(Bet("result", None, "home"), yes)
    assert not sets.implies(yes, Bet("result", None, "home"))
    assert sets.complementary(yes, Bet("home_total", "0.5", "under"))
    assert not sets.complementary(Bet("result", None, "home"), Bet("result", None, "away"))


def test_a_bet_that_gives_the_stake_back_is_not_the_same_as_one_that_loses() -> None:
    no_draw = meaning("no_draw", void="h == a", home="h > a", away="h < a")
    sets = Sets([RESULT, no_draw])
    assert list(sets.same()) == []
    assert not sets.complementary(Bet("no_draw", None, "home"), Bet("no_draw", None, "away"))


def test_a_double_chance_is_the_sum_of_two_results() -> None:
    wholes = {one.whole.outcome: one for one in Sets([RESULT, CHANCE]).identities()}
    home, draw = Bet("result", None, "home"), Bet("result", None, "draw")
    assert wholes["home_draw"] == Identity(Bet("chance", None, "home_draw"), (home, draw))
    assert wholes.keys() == set(CHANCE.when)
