"""Further ids of a mapping: several of one bookmaker, each with its own labels, line and phase."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.markets import (
    answer,
    betpawa,
    betpawa_row,
    mapping,
    missed,
    rejected,
    run,
    sportybet,
)
from worker.domain.assign import assign
from worker.domain.diff import diff
from worker.domain.index import MappingIndex
from worker.domain.mapping import MappingError, claims_of, dump_mapping, parse_mapping
from worker.domain.scope import EventScope

OVERS: dict[str, Any] = {"over": ["O"], "under": ["U"]}
ASIAN = {"platform": "bet9ja", "id": "S_OUA", "labels": OVERS}
LIVE = EventScope(is_live=True)


def total(*also: dict[str, Any], **fields: Any) -> Any:
    """Over/under of SportyBet's 18, and its further ids."""
    return mapping(
        "over_under",
        ["over", "under"],
        **{"sportybet_id": "18", "line_rule": {"kind": "total"}, "also": list(also)} | fields,
    )


def only(*also: dict[str, Any], labels: tuple[str, ...] = ("over", "under")) -> MappingIndex:
    """An index of one mapping that has further ids only."""
    return MappingIndex([mapping("m", labels, also=list(also))])


def test_two_ids_of_one_bookmaker_are_one_market() -> None:
    index = MappingIndex([total({"platform": "bet9ja", "id": "S_OU", "labels": OVERS}, ASIAN)])
    keys = {"S_OU@2.5_O": "1.9", "S_OU@2.5_U": "1.9", "S_OUA@2.75_O": "2.1", "S_OUA@2.75_U": "1.7"}
    assert answer(run("bet9ja", keys, index=index)) == {
        ("over_under", "2.5"): {"over": 1.9, "under": 1.9},
        ("over_under", "2.75"): {"over": 2.1, "under": 1.7},
    }


def test_a_further_id_without_labels_has_those_of_its_bookmaker() -> None:
    index = MappingIndex([total({"platform": "sportybet", "id": "99"})])
    row = sportybet("99", "total=1.5", prices={"Over 1.5": "1.2", "Under 1.5": "4"})
    assert answer(run("sportybet", [row], index=index)) == {
        ("over_under", "1.5"): {"over": 1.2, "under": 4}
    }


def test_one_id_that_is_switched_off_claims_nothing() -> None:
    index = MappingIndex([total(ASIAN | {"active": False, "grade": "C"})])
    found = run("bet9ja", {"S_OUA@2.75_O": "2.1"}, index=index)
    assert missed(found) == {("S_OUA", "UNKNOWN_MARKET", None)}


def test_an_id_may_be_good_in_play_only() -> None:
    index = MappingIndex([total({"platform": "sportybet", "id": "99", "phase": "live"})])
    row = sportybet("99", "total=1.5", prices={"Over": "1.2", "Under": "4"})
    assert answer(run("sportybet", [row], index=index, scope=LIVE))
    assert missed(run("sportybet", [row], index=index)) == {
        ("99?@prematch", "UNKNOWN_MARKET", None)
    }


def test_a_line_that_the_id_itself_means_is_constant() -> None:
    index = only(
        {
            "platform": "bet9ja",
            "id": "S_GGNGOUN",
            "line": {"kind": "total", "constant": "3.50"},
            "labels": OVERS,
        }
    )
    assert answer(run("bet9ja", {"S_GGNGOUN_O": "3"}, index=index)) == {("m", "3.5"): {"over": 3}}


def test_a_label_that_states_another_line_than_the_constant_one_is_not_matched() -> None:
    index = only({"platform": "sportybet", "id": "9", "line": {"kind": "total", "constant": "3.5"}})
    row = sportybet("9", prices={"Over 3.5": "1.9", "Under 2.5": "1.9"})
    found = run("sportybet", [row], index=index)
    assert answer(found) == {("m", "3.5"): {"over": 1.9}}
    assert missed(found) == {("9", "NO_MATCHING_OUTCOMES", "Under 2.5")}


ORDINAL = {"kind": "ordinal", "from": "goalnr"}


def test_the_number_of_a_goal_is_a_line() -> None:
    index = only({"platform": "sportybet", "id": "8", "line": ORDINAL}, labels=("home", "away"))
    rows = [sportybet("8", f"goalnr={n}", prices={"Home": "2"}) for n in (1, 4)]
    assert set(answer(run("sportybet", rows, index=index))) == {("m", "1"), ("m", "4")}


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "x", "1:2"])
def test_what_numbers_no_goal_is_refused(written: str) -> None:
    index = only({"platform": "sportybet", "id": "8", "line": ORDINAL}, labels=("home", "away"))
    found = run(
        "sportybet", [sportybet("8", f"goalnr={written}", prices={"Home": "2"})], index=index
    )
    assert rejected(found) == {("8", None, "INVALID_SPECIFIER")}


def test_the_next_goal_follows_from_the_score() -> None:
    index = only(
        {
            "platform": "bet9ja",
            "id": "LIVES_NEXTGOAL",
            "phase": "live",
            "line": {"kind": "ordinal", "from": "score_sum+1"},
            "labels": {"home": ["1"], "none": ["X"], "away": ["2"]},
        },
        labels=("home", "none", "away"),
    )
    found = run("bet9ja", {"LIVES_NEXTGOAL@0:3_1": "2"}, index=index, scope=LIVE)
    assert answer(found) == {("m", "4"): {"home": 2}}


def test_betpawa_gives_the_number_of_a_goal_as_its_line() -> None:
    line = {"kind": "ordinal", "from": "handicap"}
    index = only({"platform": "betpawa", "id": "28", "line": line}, labels=("home", "away"))
    found = run("betpawa", [betpawa("28", betpawa_row(16, home=2.0, away=3.0))], index=index)
    assert answer(found) == {("m", "4"): {"home": 2.0, "away": 3.0}}


@pytest.mark.parametrize(
    ("written", "line"), [("3+", "2.5"), ("3", "2.5"), ("2.5", "2.5"), ("1+", "0.5")]
)
def test_a_constant_of_at_least_is_read_as_it_is_written_again(written: str, line: str) -> None:
    entry = {"platform": "sportybet", "id": "9", "line": {"kind": "at_least", "constant": written}}
    found = mapping("m", ["yes", "no"], also=[entry])
    assert found.also[0].line is not None
    assert found.also[0].line.constant == line
    assert parse_mapping(dump_mapping(found)) == found


@pytest.mark.parametrize("written", ["-2.5", "0", "2.25", "-1", "x"])
def test_what_is_no_number_of_at_least_is_no_constant(written: str) -> None:
    entry = {"platform": "sportybet", "id": "9", "line": {"kind": "at_least", "constant": written}}
    with pytest.raises(MappingError, match=r"line\.constant"):
        mapping("m", ["yes", "no"], also=[entry])


def test_at_least_three_is_over_two_and_a_half() -> None:
    line = {"kind": "at_least", "from": "total"}
    index = only({"platform": "sportybet", "id": "8", "line": line})
    row = sportybet("8", "total=3+", prices={"Over": "2", "Under": "1.8"})
    assert set(answer(run("sportybet", [row], index=index))) == {("m", "2.5")}


IN_LABELS = {
    "platform": "sportybet",
    "id": "800063",
    "line": {"kind": "at_least", "from": "label"},
    "labels": {"over": ["N+"]},
}


def test_one_row_with_a_number_in_each_label_is_a_market_for_each() -> None:
    row = sportybet("800063", prices={"1+": "1.1", "2+": "1.5", "12+": "9", "N+": "3", "0+": "2"})
    found = run("sportybet", [row], index=only(IN_LABELS))
    assert answer(found) == {
        ("m", "0.5"): {"over": 1.1},
        ("m", "1.5"): {"over": 1.5},
        ("m", "11.5"): {"over": 9},
    }
    assert {label for _, _, label in missed(found)} == {"N+", "0+"}


def test_a_team_in_the_label_may_come_before_the_number() -> None:
    index = only(IN_LABELS | {"labels": {"over": ["{home} N+"]}})
    row = sportybet("800063", prices={"Wuhan 2+": "1.5", "Qingdao 2+": "1.6"})
    found = run("sportybet", [row], home="Wuhan", away="Qingdao", index=index)
    assert answer(found) == {("m", "1.5"): {"over": 1.5}}


def test_an_outcome_may_be_that_of_a_further_id_only() -> None:
    """Old workers read the outcomes of the mapping, so such an outcome is not among them."""
    other = {"platform": "betpawa", "id": "4429", "labels": {"1:0": ["1:0"], "other_28": ["Other"]}}
    scores = mapping("cs", ["1:0"], betpawa_id="28000869", also=[other])
    assert scores.further_outcomes == ("other_28",)
    row = betpawa("4429", betpawa_row(None, **{"1:0": 7.0, "Other": 20.0}))
    assert answer(run("betpawa", [row], index=MappingIndex([scores]))) == {
        ("cs", None): {"1:0": 7.0, "other_28": 20.0}
    }


def test_claims_come_from_columns_and_from_further_ids_that_are_on() -> None:
    found = total(ASIAN, ASIAN | {"id": "S_OFF", "active": False})
    assert [(one.platform, one.market_id) for one in claims_of(found)] == [
        ("sportybet", "18"),
        ("bet9ja", "S_OUA"),
    ]


def test_a_mapping_with_further_ids_is_written_as_it_is_read() -> None:
    entry = ASIAN | {
        "active": False,
        "grade": "C",
        "phase": "live",
        "line": {"kind": "total", "from": "param"},
        "free": ["variant"],
        "outcome_ids": {"over": ["12"]},
    }
    found = total(entry, {"platform": "sportybet", "id": "8", "fixed": {"goalnr": "1"}})
    assert dump_mapping(found)["also"][0] == entry
    assert parse_mapping(dump_mapping(found)) == found


def test_two_mappings_conflict_over_a_further_id() -> None:
    index = MappingIndex(
        [total(ASIAN), mapping("other", ["O"], bet9ja_key="S_OUA", line_rule={"kind": "total"})]
    )
    assert [conflict.label for conflict in index.conflicts()] == ["O"]


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        ("x", "must be a list of up to 32"),
        ([1], "must be an object"),
        ([ASIAN | {"id": f"S_{n}"} for n in range(33)], "must be a list of up to 32"),
        ([{"platform": "bet365", "id": "1"}], "is not one of betpawa"),
        ([{"platform": "bet9ja", "id": "S" * 51, "labels": OVERS}], "up to 50 characters"),
        ([ASIAN | {"what": 1}], "is not one of platform"),
        ([ASIAN | {"active": "yes"}], "must be true or false"),
        ([ASIAN | {"grade": "D"}], "is not one of A, B, C"),
        ([ASIAN | {"phase": "later"}], "is not one of both"),
        ([ASIAN | {"labels": {"over": ["O"], "under": ["O"]}}], "is used twice"),
        ([ASIAN | {"labels": {"over": [str(n) for n in range(65)]}}], "more than 64"),
        ([ASIAN | {"labels": {"over": "O"}}], "must be a list of texts"),
        ([ASIAN | {"outcome_ids": {"over": ["1"], "under": ["1"]}}], "is used twice"),
        ([ASIAN | {"line": {"kind": "total", "constant": "x"}}], "with a line of kind total"),
        ([ASIAN | {"line": {"kind": "european"}}], "all ids of a market have lines of one kind"),
        ([ASIAN | {"line": {"kind": "ordinal"}}], "is needed"),
        ([ASIAN | {"line": {"kind": "at_least", "from": "label"}}], "labels are read exactly"),
        ([ASIAN | {"line": {"kind": "total", "from": "score_sum+1"}}], "an ordinal"),
        ([{"platform": "sportybet", "id": "18"}], "is there already"),
        ([ASIAN, ASIAN | {"phase": "live"}], "is there already"),
        ([IN_LABELS | {"labels": {"over": ["Over"]}}], "each label has the word N"),
    ],
)
def test_what_no_further_id_is_is_refused(also: Any, reason: str) -> None:
    with pytest.raises(MappingError, match=reason):
        total(also=also)


def test_one_id_may_come_twice_when_a_fixed_value_or_the_phase_tells_them_apart() -> None:
    found = total(
        ASIAN | {"phase": "live"},
        ASIAN | {"phase": "prematch"},
        {"platform": "sportybet", "id": "8", "fixed": {"goalnr": "1"}},
        {"platform": "sportybet", "id": "8", "fixed": {"goalnr": "2"}},
    )
    assert len(claims_of(found)) == 5


@pytest.mark.parametrize(
    ("field", "value", "new"),
    [
        ("also.bet9ja.S_OUA.active", "false", False),
        ("also.bet9ja.S_OUA.phase", "live", "live"),
        ("also.bet9ja.S_OUA.line.constant", "3.5", "3.5"),
        ("also.bet9ja.S_OUA.fixed.half", "1", "1"),
        ("also.bet9ja.S_OUA.labels.over", "O|Over", ["O", "Over"]),
        ("also.bet9ja.S_OUA.free", "variant, minsnr", ["variant", "minsnr"]),
    ],
)
def test_a_field_of_a_further_id_is_set_under_the_name_of_its_difference(
    field: str, value: str, new: object
) -> None:
    before = dump_mapping(total(ASIAN))
    (change,) = diff(before, assign(before, [f"{field}={value}"]))
    assert (change.field, change.new) == (field, new)


def test_a_further_id_is_added_and_taken_away_by_its_fields() -> None:
    before = dump_mapping(total())
    added = assign(before, ["also.bet9ja.S_X.labels.over=O"])
    assert added["also"] == [{"platform": "bet9ja", "id": "S_X", "labels": {"over": ["O"]}}]
    assert diff(before, assign(added, ["also.bet9ja.S_X="])) == []


def test_of_two_further_ids_with_one_id_none_is_set() -> None:
    twice = dump_mapping(total(ASIAN | {"phase": "live"}, ASIAN | {"phase": "prematch"}))
    with pytest.raises(MappingError, match="is not a field"):
        assign(twice, ["also.bet9ja.S_OUA.active=false"])
