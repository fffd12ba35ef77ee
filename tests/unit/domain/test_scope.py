"""A sport and a phase: which mappings an observation meets, and under which id it is missed."""

from dataclasses import replace

import pytest

from tests.support.markets import FOOTBALL, answer, mapping, missed, run, sportybet
from worker.domain.coverage import coverage
from worker.domain.explain import explain
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, dump_mapping, parse_mapping
from worker.domain.resolve import Observation
from worker.domain.scope import (
    EventScope,
    ExternalName,
    Phase,
    Scope,
    event_scope,
    external_id,
    marks_of,
    parse_external_id,
)

BASKETBALL = EventScope("basketball")
LIVE = EventScope(is_live=True)
TOTAL = sportybet("18", "total=160.5", prices={"Over 160.5": "1.9", "Under 160.5": "1.9"})
YES_NO = {"Yes": "1.9", "No": "1.9"}


def scoped(canonical_id: str, scope: Scope, labels: tuple[str, ...] = ("Yes", "No")) -> Mapping:
    """A mapping of SportyBet's 900 in this scope."""
    return replace(mapping(canonical_id, labels, sportybet_id="900"), scope=scope)


@pytest.mark.parametrize(
    ("sport", "live", "expected"),
    [
        (None, None, EventScope("football", is_live=False)),
        ("", False, EventScope("football", is_live=False)),
        ("Football", True, EventScope("football", is_live=True)),
        ("soccer", None, EventScope("football", is_live=False)),
        ("Table Tennis", None, EventScope("table_tennis", is_live=False)),
        ("足球", None, EventScope("other", is_live=False)),
        ("x" * 100, None, EventScope("x" * 40, is_live=False)),
    ],
)
def test_an_event_is_football_before_the_match_unless_it_says_otherwise(
    sport: str | None, live: bool | None, expected: EventScope
) -> None:
    assert event_scope(sport, live=live) == expected


def test_basketball_never_meets_a_football_mapping() -> None:
    found = run("sportybet", [TOTAL], scope=BASKETBALL)
    assert answer(found) == {}
    assert missed(found) == {("18?@basketball", "UNKNOWN_MARKET", None)}


def test_live_football_meets_mappings_without_a_phase() -> None:
    assert answer(run("sportybet", [TOTAL], scope=LIVE)) == answer(run("sportybet", [TOTAL]))


def test_one_id_is_another_market_in_each_sport() -> None:
    both = MappingIndex([scoped("football", Scope()), scoped("tennis", Scope("tennis"))])
    row = sportybet("900", prices=YES_NO)
    for name in ("football", "tennis"):
        found = run("sportybet", [row], index=both, scope=EventScope(name))
        assert list(answer(found)) == [(name, None)]


def test_one_id_is_another_market_in_each_phase() -> None:
    both = MappingIndex(
        [scoped("before", Scope(phase="prematch")), scoped("in_play", Scope(phase="live"))]
    )
    row = sportybet("900", prices=YES_NO)
    assert list(answer(run("sportybet", [row], index=both))) == [("before", None)]
    assert list(answer(run("sportybet", [row], index=both, scope=LIVE))) == [("in_play", None)]


def test_an_id_that_is_mapped_in_the_other_phase_is_missed_with_its_own() -> None:
    only_live = MappingIndex([scoped("in_play", Scope(phase="live"))])
    found = run("sportybet", [sportybet("900", prices=YES_NO)], index=only_live)
    assert missed(found) == {("900?@prematch", "UNKNOWN_MARKET", None)}


def test_every_kind_of_miss_in_another_sport_is_marked() -> None:
    tennis = MappingIndex([scoped("tennis", Scope("tennis"))])
    rows = [
        sportybet("900", "goalnr=2", prices=YES_NO),
        sportybet("900", prices={"Yes": "1.9", "Strange": "2"}),
        sportybet("901", prices=YES_NO),
    ]
    assert missed(run("sportybet", rows, index=tennis, scope=EventScope("tennis"))) == {
        ("900?@tennis|goalnr=2", "UNKNOWN_PARAM_MARKET", None),
        ("900?@tennis", "NO_MATCHING_OUTCOMES", "Strange"),
        ("901?@tennis", "UNKNOWN_MARKET", None),
    }


def test_what_is_published_has_the_id_of_the_bookmaker() -> None:
    tennis = MappingIndex([scoped("tennis", Scope("tennis"))])
    row = sportybet("900", prices=YES_NO)
    (market, _) = run("sportybet", [row], index=tennis, scope=EventScope("tennis")).markets[0]
    assert market.external_id == "900"


@pytest.mark.parametrize("sport", ["football", "basketball"])
@pytest.mark.parametrize("phase", [None, "live", "prematch"])
@pytest.mark.parametrize("qualifier", [None, "goalnr=2|x", "@odd=1"])
def test_an_external_id_says_what_it_was_made_of(
    sport: str, phase: Phase | None, qualifier: str | None
) -> None:
    parts = (*marks_of(sport, phase), *([qualifier] if qualifier else []))
    assert parse_external_id(external_id("18", parts)) == ExternalName(
        "18", sport, phase, qualifier
    )


def test_a_mapping_covers_the_misses_of_its_own_sport_only() -> None:
    samples = [{"label": "Over 2.5", "odds": 1.9, "qualifier": "total=2.5"}]
    assert coverage(FOOTBALL, "sportybet", "18", samples).is_market
    assert not coverage(FOOTBALL, "sportybet", "18?@basketball", samples).is_market


def test_a_miss_without_a_phase_is_covered_by_a_mapping_of_either() -> None:
    only_live = MappingIndex([scoped("in_play", Scope(phase="live"))])
    samples = [{"label": "Yes", "odds": 1.9, "qualifier": None}]
    assert coverage(only_live, "sportybet", "900", samples).known == ("Yes",)
    assert coverage(only_live, "sportybet", "900?@live", samples).is_market
    assert not coverage(only_live, "sportybet", "900?@prematch", samples).is_market


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (Scope(), Scope("tennis"), False),
        (Scope(phase="prematch"), Scope(phase="live"), False),
        (Scope(), Scope(phase="live"), True),
        (Scope("tennis", "live"), Scope("tennis", "live"), True),
    ],
)
def test_mappings_conflict_only_where_their_scopes_overlap(
    one: Scope, other: Scope, meet: bool
) -> None:
    index = MappingIndex([scoped("a", one), scoped("b", other)])
    assert any(index.conflicts()) == meet


def test_why_another_sport_is_not_mapped_is_explained() -> None:
    observed = Observation("sportybet", [TOTAL], scope=BASKETBALL)
    (row,) = explain(observed, FOOTBALL, "18").rows
    assert row.meaning == "UNKNOWN_MARKET: no active mapping for basketball has the id 18"


@pytest.mark.parametrize(
    "scope",
    [
        "tennis",
        {"sport": "Tennis"},
        {"sport": "soccer"},
        {"sport": 3},
        {"phase": "later"},
        {"phase": None},
        {"country": "ng"},
    ],
)
def test_a_scope_that_cannot_be_read_is_refused(scope: object) -> None:
    with pytest.raises(MappingError, match="scope"):
        mapping("m", ["a"], scope=scope)


def test_a_scope_is_written_as_it_is_read_and_the_usual_one_not_at_all() -> None:
    tennis = mapping("m", ["a"], scope={"sport": "tennis", "phase": "live"})
    assert tennis.scope == Scope("tennis", "live")
    assert parse_mapping(dump_mapping(tennis)) == tennis
    assert "scope" not in dump_mapping(mapping("m", ["a"], scope={"sport": "football"}))


def test_ids_in_a_scope_are_kept_from_workers_that_know_no_scopes() -> None:
    with pytest.raises(
        MappingError, match='sportybet_id = "18": must be empty in the scope tennis'
    ):
        mapping("m", ["a"], scope={"sport": "tennis"}, sportybet_id="18")
