"""Hidden mappings are found again on the real event, and nothing of them is in what is seen."""

from pathlib import Path

import pytest

from worker.domain.books.platforms import Platform
from worker.lab.insight.real_events import PairTrial, RealEvents, pair_figures, real_events, trials

EVENT = "wuhan_qingdao"
ONE_IN = 12


@pytest.fixture(scope="module")
def events(payloads: Path) -> RealEvents:
    return real_events(payloads)


@pytest.fixture(scope="module")
def found(events: RealEvents) -> list[PairTrial]:
    return list(trials(events, every=ONE_IN))


def test_of_one_mapping_in_twelve_nearly_all_are_the_first_suggestion(
    events: RealEvents, found: list[PairTrial]
) -> None:
    figures = list(pair_figures(events, found))
    assert {(one["hidden"], one["compared_with"]) for one in figures} == {
        (one, other)
        for one in ("betpawa", "sportybet", "bet9ja")
        for other in ("betpawa", "sportybet", "bet9ja")
        if one != other
    }
    tried = sum(one["tried"] for one in figures)
    right = sum(one["top_1"] * one["tried"] for one in figures)
    assert tried > 30
    assert right / tried >= 0.92


def test_one_event_makes_nobody_confident(found: list[PairTrial]) -> None:
    assert not any(one.is_confident for trial in found for one in trial.found)


@pytest.mark.parametrize("platform", ["betpawa", "sportybet", "bet9ja"])
def test_nothing_of_a_hidden_mapping_is_in_what_is_seen(
    events: RealEvents, platform: Platform
) -> None:
    board = next(one for one in events.boards if (one.event, one.platform) == (EVENT, platform))
    (mapping,) = (one for one in events.catalogue if one.canonical_id == "over_under_ft")
    found = list(events.hidden(board, mapping))
    assert found
    for hidden in found:
        left = next(one for one in hidden.catalogue if one.canonical_id == "over_under_ft")
        assert left.id_on(platform) is None
        assert all(one.on(platform) is None and not one.ids_on(platform) for one in left.outcomes)
        assert all(one.platform != platform for one in left.also)
        own = hidden.glimpse.own
        assert all(key.canonical_id != "over_under_ft" for key in (*own.quoted, *own.fair))
        assert own.model is not None
        assert all(key.canonical_id != "over_under_ft" for key in own.model.fitted)
        assert hidden.glimpse.known == {}
