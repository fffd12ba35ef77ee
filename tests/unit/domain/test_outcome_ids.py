"""The bookmakers' own ids of outcomes: evidence next to a label, never against one that can be read."""

from typing import Any

import pytest

from tests.support.markets import FOOTBALL, Json, answer, betpawa, missed, rejected, run, sportybet
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping
from worker.domain.markets import Market


def outcomes(*sold: tuple[str, str | None, str]) -> list[Json]:
    return [
        {"desc": label, "odds": odds, "isActive": 1, "id": outcome_id}
        for label, outcome_id, odds in sold
    ]


def total(*sold: tuple[str, str | None, str]) -> Json:
    return sportybet("18", "total=2.5", outcomes=outcomes(*sold))


def causes(found: Any) -> list[tuple[str, str | None]]:
    return [(entry.code, entry.cause) for entry in found.rejected]


def test_an_id_decides_where_the_label_is_in_another_language() -> None:
    found = run("sportybet", [total(("Mais de 2.5", "12", "1.9"), ("Menos de 2,5", "13", "1.8"))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9, "under": 1.8}}


@pytest.mark.parametrize(
    "label",
    [
        "Under 3.5",  # another line
        "Over 3.5",
        "Mais de 3.5",
        "Mais de 2",
        "Draw",  # words that can be read, and say something else
        "Yes",
        "Under ou Draw 2.5",
        "3.5",
        "2.5",
        "",
        "?",
    ],
)
def test_an_id_makes_up_for_no_label_that_says_something(label: str) -> None:
    found = run("sportybet", [total(("Over 2.5", "12", "1.9"), (label, "13", "1.8"))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", label)}


def test_a_label_and_an_id_that_disagree_are_refused_together_with_their_market() -> None:
    found = run("sportybet", [total(("Over 2.5", "13", "1.9"), ("Under 2.5", "13", "1.8"))])
    assert answer(found) == {}
    assert causes(found) == [("INVALID_ODDS", "LABEL_ID_DISAGREE")]
    (entry,) = found.rejected
    assert entry.line == "2.5"
    assert entry.detail == 'over: the label "Over 2.5" names it, the id "13" names under'


def test_they_are_refused_when_they_are_closed_as_well() -> None:
    row = total(("Over 2.5", "13", "1.9"), ("Under 2.5", "12", "1.8")) | {"status": 1}
    assert causes(run("sportybet", [row])) == [("INVALID_ODDS", "LABEL_ID_DISAGREE")]


def test_an_id_that_the_mapping_does_not_name_says_nothing() -> None:
    found = run("sportybet", [total(("Over 2.5", "1", "1.9"), ("Mais de 2.5", "1", "1.8"))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}


def test_an_id_may_be_a_whole_number() -> None:
    row = {"prices": [{"name": "Oui", "typeId": 3796, "odds": 1.9}]}
    assert answer(run("betpawa", [betpawa("3795", row)])) == {("btts_ft", None): {"yes": 1.9}}


@pytest.mark.parametrize("outcome_id", [None, "", [], {}, 12.0, True, -12, "x" * 1_000_000])
def test_what_is_no_id_says_nothing(outcome_id: Any) -> None:
    found = run("sportybet", [total(("Over 2.5", outcome_id, "1.9"))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}


def test_a_team_is_read_before_its_id() -> None:
    sold = outcomes(("Lugano", "1", "1.9"), ("Empate", "2", "3"), ("Basel", "3", "4"))
    rows = [sportybet("1", outcomes=sold)]
    assert answer(run("sportybet", rows)) == {("1x2_ft", None): {"home": 1.9, "draw": 3, "away": 4}}
    found = run("sportybet", rows, home="Basel", away="Lugano")
    assert causes(found) == [("INVALID_ODDS", "LABEL_ID_DISAGREE")]
    assert answer(run("sportybet", rows, home="Lugano", away="Basel")) == {
        ("1x2_ft", None): {"home": 1.9, "draw": 3, "away": 4}
    }


def test_a_number_of_the_label_is_one_of_the_outcome() -> None:
    def sold(label: str, type_id: str) -> Json:
        prices = [{"name": label, "typeId": type_id, "odds": 2.0}]
        return betpawa("1096755", {"handicap": 6, "prices": prices})

    meaning = FOOTBALL.meaning("betpawa", "1096755", "1.5")
    assert isinstance(meaning, Market)
    ids = {outcome.canonical_id: each for each, outcome in meaning.accepted[0][0].by_id.items()}
    for outcome in ("home_over", "draw_over", "away_under"):
        of = {"home_over": "1 - Plus de", "draw_over": "X - Plus de", "away_under": "2 - Moins de"}
        for other, label in of.items():
            found = run("betpawa", [sold(label, ids[outcome])])
            assert bool(found.markets) == (outcome == other)


def test_strange_ids_are_not_remembered() -> None:
    for number in range(50):
        run("sportybet", [total(("Over 2.5", f"x{number}", "1.9"))])
    meaning = FOOTBALL.meaning("sportybet", "18", "total=2.5")
    assert isinstance(meaning, Market)
    assert {outcome_id for _, _, outcome_id in meaning.known} <= {None, "12", "13"}
    assert len(meaning.layouts) <= 8


VALUES: Json = {
    "canonical_id": "some",
    "name": "Some",
    "sportybet_id": "1",
    "outcome_mapping": [
        {"canonical_id": "a", "sportybet_desc": "A", "sportybet_outcome_ids": ["1", "2"]},
        {
            "canonical_id": "b",
            "sportybet_desc": "B",
            "betpawa_name": "B",
            "betpawa_type_ids": ["1"],
        },
    ],
}


def test_ids_of_a_mapping_come_back_as_they_were() -> None:
    assert parse_mapping(dump_mapping(parse_mapping(VALUES))) == parse_mapping(VALUES)
    assert "betpawa_type_ids" not in dump_mapping(parse_mapping(VALUES))["outcome_mapping"][0]


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        (["1", "3"], "is used twice"),
        (["3", "3"], "is used twice"),
        ("3", "must be a list"),
        ([3], "must be a list"),
        ([" "], "must be a list"),
        ([""], "must be a list"),
        (["\x00"], "must be a list"),
        (["x" * 101], "must be a list"),
        ([str(number) for number in range(33)], "must be a list"),
    ],
)
def test_ids_that_cannot_be_used_are_refused(ids: Any, reason: str) -> None:
    first, second = VALUES["outcome_mapping"]
    outcomes = [first, second | {"sportybet_outcome_ids": ids}]
    with pytest.raises(MappingError, match=reason):
        parse_mapping(VALUES | {"outcome_mapping": outcomes})


def test_ids_need_a_label_next_to_them() -> None:
    first, second = VALUES["outcome_mapping"]
    with pytest.raises(MappingError, match="needs a betpawa_name next to it"):
        parse_mapping(VALUES | {"outcome_mapping": [first | {"betpawa_type_ids": ["5"]}, second]})


def test_rejected_reads_the_code() -> None:
    found = run("sportybet", [total(("Over 2.5", "13", "1.9"))])
    assert {code for _, _, code in rejected(found)} == {"INVALID_ODDS"}
