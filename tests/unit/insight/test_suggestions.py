"""Suggestions for a mapping that was taken out: what the suggester sees, and what it says."""

from itertools import islice

import pytest

from tests.support.boards import JUDGE
from tests.support.markets import CATALOGUE
from worker.domain.books.platforms import Platform
from worker.insight import suggestions
from worker.insight.candidates import candidates
from worker.insight.likeness import likeness, name_likeness
from worker.insight.suggestions import suggest
from worker.lab.insight.leave_one_out import Hidden, Stage
from worker.lab.insight.measure import figures, trials
from worker.lab.insight.scrapes import troubled_events
from worker.lab.insight.without import without

BY_NAME = {one.canonical_id: one for one in CATALOGUE}


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(troubled_events(seed=77, events=12, noise=0.05), CATALOGUE, JUDGE)


def hide(
    stage: Stage, canonical_id: str, platform: Platform, *, everywhere: bool = False
) -> Hidden:
    hidden = stage.hidden(BY_NAME[canonical_id], platform, everywhere=everywhere)
    assert hidden is not None
    return hidden


@pytest.mark.parametrize(
    ("canonical_id", "platform"),
    [
        ("over_under_ft", "bet9ja"),
        ("btts_ft", "sportybet"),
        ("handicap_3way_ft", "betpawa"),
        ("asian_handicap_ft", "sportybet"),
        ("htft", "betpawa"),
        ("home_over_under_1h", "bet9ja"),  # shares its id with the away side
    ],
)
def test_a_mapping_that_was_taken_out_is_the_first_suggestion_with_every_outcome_in_its_place(
    stage: Stage, canonical_id: str, platform: Platform
) -> None:
    hidden = hide(stage, canonical_id, platform)
    best = suggest(hidden.target, hidden.catalogue, stage.judge)[0]
    assert best.candidate.canonical_id == canonical_id
    assert {label: hidden.truth[label] for label in best.candidate.outcomes} == dict(
        best.candidate.outcomes
    )
    assert best.is_confident
    assert "books" in best.kinds
    assert "from other bookmakers 0.0" in best.reason


def test_of_two_markets_whose_outcomes_are_the_same_bets_neither_is_a_confident_suggestion(
    stage: Stage,
) -> None:
    """0, 1 and 2+ of the exact goals are outcomes of the bounds of goals as well."""
    hidden = hide(stage, "exact_goals_1h", "sportybet")
    best, second, *_ = suggest(hidden.target, hidden.catalogue, stage.judge)
    assert {best.candidate.canonical_id, second.candidate.canonical_id} == {
        "exact_goals_1h",
        "goal_bounds_1h",
    }
    assert best.not_confident == ("ANOTHER_IS_NEAR",)
    assert second.not_confident == ("NOT_THE_FIRST",)
    same = {"2+": "2_3+"}
    for one in (best, second):
        for label, outcome in hidden.truth.items():
            assert one.candidate.outcomes[label] in (outcome, same.get(label))


def test_no_suggestion_is_surer_than_one_of_a_better_rank(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = hide(stage, "btts_ft", "sportybet")
    best = candidates(hidden.target, hidden.catalogue, stage.judge)[0]
    on_one_event = best._replace(events=1)
    on_many = best._replace(canonical_id="btts_1h", cost=best.cost + 0.001)
    monkeypatch.setattr(suggestions, "candidates", lambda *_: [on_one_event, on_many])
    first, second = suggest(hidden.target, hidden.catalogue, stage.judge)
    assert first.candidate.events < second.candidate.events
    assert first.confidence >= second.confidence


def test_nothing_of_the_hidden_mapping_is_left_in_what_is_seen(stage: Stage) -> None:
    hidden = hide(stage, "1x2_ft", "sportybet")
    left = next(one for one in hidden.catalogue if one.canonical_id == "1x2_ft")
    assert left.sportybet_id is None
    assert all(outcome.sportybet_desc is None for outcome in left.outcomes)
    assert left.betpawa_id is not None
    for glimpse in hidden.target.glimpses:
        assert glimpse.own.platform == "sportybet"
        assert all(key.canonical_id != "1x2_ft" for key in (*glimpse.own.quoted, *glimpse.own.fair))
        model = glimpse.own.model
        assert model is None or all(key.canonical_id != "1x2_ft" for key in model.fitted)
        assert all(other.platform != "sportybet" for other in glimpse.others)


def test_a_market_that_is_nowhere_in_the_catalogue_is_suggested_without_confidence(
    stage: Stage,
) -> None:
    for canonical_id in ("over_under_ft", "htft", "winning_margin", "corners_1x2_ft"):
        hidden = hide(stage, canonical_id, "sportybet", everywhere=True)
        found = suggest(hidden.target, hidden.catalogue, stage.judge)
        assert not any(one.is_confident for one in found), (canonical_id, found[0])
        assert all(one.candidate.canonical_id != canonical_id for one in found)


def test_what_one_bookmaker_alone_has_leaves_no_mapping_without_it() -> None:
    assert without(BY_NAME["home_odd_even_1h"], "sportybet") is None


def test_figures_name_what_is_wrong(stage: Stage) -> None:
    found = list(islice(trials(stage, CATALOGUE, everywhere=False, seed=3), 12))
    told = figures(found)
    assert told.tried == len(found) > 4
    assert told.top_1 >= 0.8
    assert sum(count for _, count, _ in told.calibration) == told.tried
    assert told.confident_wrong == []


@pytest.mark.parametrize(
    ("label", "other"),
    [("1X", "1x"), ("GG", "yes"), ("{home}", "Home"), ("O", "Over"), ("2:1", "2_1"), ("OD", "odd")],
)
def test_labels_of_one_meaning_are_alike(label: str, other: str) -> None:
    assert likeness(label, other) == 1


def test_labels_of_different_meaning_are_not() -> None:
    assert likeness("Over", "Under") < 0.7
    assert likeness("3", "3+") < 1


def test_names_are_alike_by_their_words() -> None:
    assert name_likeness("1st Half - Over/Under", "Over/Under - First Half") == 1
    half = name_likeness("2nd Half - Over/Under", "Over/Under - First Half")
    assert half is not None
    assert half < 1
    assert name_likeness(None, "Over/Under") is None
