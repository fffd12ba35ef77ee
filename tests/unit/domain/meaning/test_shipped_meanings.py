"""The meanings that ship: complete, at one with the generator's own truths, and not a matter of the bound."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.books.platforms import PLATFORMS
from worker.domain.meaning.catalogue import MarketMeaning, load_meaning, load_meanings
from worker.domain.meaning.expression import Expression, MeaningError
from worker.domain.meaning.market import Bet, Predicates, Sets
from worker.domain.meaning.matches import first_and_last, scores
from worker.domain.traits import LINE_NAMES
from worker.lab.documents.markets import DOCUMENT, markets_document
from worker.lab.synthetic.markets import FAMILIES
from worker.lab.synthetic.model import FIRST_HALF_SHARE, MatchModel, poisson
from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.question import Question

FILE = Path(__file__).parents[4] / "catalogue" / "meanings.json"
MEANINGS = load_meanings(FILE.read_text(encoding="utf-8"))
MODEL = MatchModel(goals=(1.45, 1.1), corners=(5, 4), cards=(2, 2), red_cards=(0.1, 0.1))
# The generator cuts its grids off at other scores; less than one match in a thousand is beyond them.
CUT_OFF = 0.002


def test_every_market_of_the_catalogue_has_a_meaning_with_all_its_outcomes() -> None:
    assert MEANINGS.keys() == {mapping.canonical_id for mapping in CATALOGUE}
    for mapping in CATALOGUE:
        meaning = MEANINGS[mapping.canonical_id].predicates
        if meaning is not None:
            outcomes = [one.canonical_id for one in mapping.outcomes]
            assert list(meaning.when) == [*outcomes, *mapping.further_outcomes]


@pytest.mark.parametrize("name", ["1x2_ft", "over_under_ft", "no_such_market"])
def test_one_market_of_the_file_is_read_as_it_is_with_all_others(name: str) -> None:
    assert load_meaning(FILE.read_text(encoding="utf-8"), name) == MEANINGS.get(name)


def test_a_market_of_goals_without_expressions_needs_the_order_or_the_minute_of_goals() -> None:
    without = {
        name: one
        for name, one in MEANINGS.items()
        if one.counts == "goals" and one.predicates is None
    }
    of_order = {
        "anytime_score",
        "at_least",
        "early_payout",
        "early_total",
        "from_behind",
        "lead",
        "never_down",
        "player",
        "race",
        "run",
    }
    others = {
        name
        for name, one in without.items()
        if one.family not in of_order and not one.period.startswith("minutes")
    }
    # Of these, no bookmaker's price was seen: they ship switched off.
    assert others == {
        "double_chance_plus_ft",
        "1x2_plus_ft",
        "over_under_plus_ft",
        "extra_time_1x2",
        "extra_time_over_under",
        "first_goal_method_ft",
        "first_goal_own_goal_ft",
        "goal_injury_time",
        "goal_outside_box_ft",
        "goals_grouped_2h",
        "method_of_victory_no_extra_time",
        "own_goal_ft",
        "qualify_in_extra_time",
        "substitute_to_score_ft",
        "to_qualify",
        "win_trophy",
    }


def test_the_line_of_a_meaning_is_that_of_the_mapping() -> None:
    for mapping in CATALOGUE:
        kinds = {one.rule(mapping.line_rule.kind).kind for one in mapping.also}
        if mapping.line_rule.kind != "none" or not kinds:
            kinds.add(mapping.line_rule.kind)
        assert MEANINGS[mapping.canonical_id].line in {LINE_NAMES[kind] for kind in kinds}


def probability(when: Expression, line: str | None) -> float:
    """That ``when`` is true, by the generator's intensities of goals in each half."""
    total = 0.0
    for match, chance in weighted(when):
        if when.holds(match if line is None else {**match, "line": float(line)}):
            total += chance
    return total


def weighted(when: Expression) -> Iterator[tuple[Mapping[str, float | str], float]]:
    in_order = bool(when.names & {"first", "last"})
    for match in scores():
        chance = math.prod(PMF[name][int(match[name])] for name in PMF)
        if not in_order:
            yield match, chance
            continue
        for first, last in first_and_last(match):
            yield {**match, "first": first, "last": last}, chance * order(match, first, last)


def order(match: Mapping[str, float | str], first: str, last: str) -> float:
    """The chance of a first and a last scorer, each order of the goals of a half being as likely."""
    halves = [
        {"home": int(match[f"h{n}"]), "away": int(match[f"a{n}"])} for n in (1, 2) if match[f"t{n}"]
    ]
    if not halves:
        return 1.0
    begins = halves[0][first] / sum(halves[0].values())
    if len(halves) == 1:
        if sum(halves[0].values()) == 1:
            return begins
        rest = halves[0] | {first: halves[0][first] - 1}
        return begins * rest[last] / sum(rest.values())
    return begins * halves[1][last] / sum(halves[1].values())


PMF = {
    f"{side}{half}": poisson(mean * share, 6)
    for side, mean in zip("ha", MODEL.goals, strict=True)
    for half, share in ((1, FIRST_HALF_SHARE), (2, 1 - FIRST_HALF_SHARE))
}


GENERATED = {
    offer.market.canonical_id: offer.market for platform in PLATFORMS for offer in offers(platform)
}


@pytest.mark.parametrize(
    "meaning",
    [
        one
        for one in MEANINGS.values()
        if one.predicates is not None and one.canonical_id in GENERATED
    ],
    ids=lambda one: one.canonical_id,
)
def test_the_generator_which_knows_no_expression_comes_to_the_same_chances(
    meaning: MarketMeaning,
) -> None:
    """Two ways that share no code: one sums its own grids, the other tries the expression on every match."""
    assert meaning.predicates is not None
    market = GENERATED[meaning.canonical_id]
    lines = LINES[meaning.line]
    if market.family == "over_under":
        lines = (*lines, "2")  # the generator sells the combined ones at half lines only
    for line in lines:
        truth = FAMILIES[market.family](Question(MODEL, market, float(line or 0)))
        void = (
            0.0 if meaning.predicates.void is None else probability(meaning.predicates.void, line)
        )
        for outcome, when in meaning.predicates.when.items():
            if (
                when is None or outcome not in market.outcomes
            ):  # the generator sells no such outcome
                continue
            found = probability(when, line)
            if market.family in STAKE_BACK:
                found /= 1 - void
            assert found == pytest.approx(truth.get(outcome, 0.0), abs=CUT_OFF), (line, outcome)


LINES: dict[str, tuple[str | None, ...]] = {
    "none": (None,),
    "total": ("0.5", "2.5"),
    "handicap_2way": ("-1", "0", "1.5"),
    "handicap_3way": ("-1", "0", "1"),
}
# Whose truths the generator states as chances of what is decided.
STAKE_BACK = {"over_under", "handicap_2way", "draw_no_bet", "no_bet"}


def test_nothing_that_is_derived_is_a_matter_of_the_bound() -> None:
    """One goal more for each side and half: the same bets are equal, the same sums hold."""
    small, large = (Sets(meanings(), most_goals=most) for most in (6, 7))
    assert set(small.same()) == set(large.same())
    assert set(small.identities()) == set(large.identities())


def meanings() -> Iterator[Predicates]:
    return (one.predicates for one in MEANINGS.values() if one.predicates is not None)


def test_what_every_bettor_knows_is_among_what_is_derived() -> None:
    sets = Sets(meanings())
    sums = {
        (one.whole, tuple(sorted(part.outcome for part in one.parts))) for one in sets.identities()
    }
    assert (Bet("double_chance_ft", None, "home_draw"), ("draw", "home")) in sums
    assert (Bet("1x2_1h", None, "home"), ("1_1", "1_2", "1_x")) in sums
    groups = [set(group) for group in sets.same()]
    to_score, over = (
        Bet("home_to_score_ft", None, "yes"),
        Bet("home_over_under_ft", "0.5", "over"),
    )
    assert any({to_score, over} <= group for group in groups)


def test_exact_goals_of_which_books_list_some_are_known_to_overlap() -> None:
    """`6` and `6+` are listed together, so that the listed outcomes make up no book."""
    assert MEANINGS["exact_goals_ft"].traits.exclusive is False
    assert MEANINGS["correct_score_ft"].traits.exhaustive is None


@pytest.mark.parametrize(
    "text",
    ['{"format": 2}', '{"format": 1, "meanings": {"x": {"family": "y"}}}'],
)
def test_a_file_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(MeaningError):
        load_meanings(text)


def test_the_page_of_the_markets_is_the_one_that_the_meanings_give() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == markets_document()
