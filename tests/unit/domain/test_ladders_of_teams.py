"""Ladders of two teams under one id: the label says team and number, and so does the outcome's own id.

SportyBet's ``800160:00000018`` is the home team 18+, ``800160:00000118`` the away team 18+.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.markets import CATALOGUE, FOOTBALL, Json, answer, missed, run, sportybet
from worker.domain.explain import explain
from worker.domain.mapping import Mapping, MappingError, dump_mapping, parse_mapping
from worker.domain.resolve import Observation, Resolution

HOME, AWAY = "CF Cruz Azul", "Pumas UNAM"
SHOTS: Final = "800160"
HOME_SHOTS, AWAY_SHOTS = "home_shots_at_least_ft", "away_shots_at_least_ft"
HOME_18, HOME_19, AWAY_18 = "800160:00000018", "800160:00000019", "800160:00000118"


def ladder(*sold: tuple[str, str | None], market_id: str = SHOTS) -> Json:
    rungs = [
        {"desc": label, "id": id_, "odds": f"{2 + n}", "isActive": 1}
        for n, (label, id_) in enumerate(sold)
    ]
    return sportybet(market_id, outcomes=rungs)


def read(
    *sold: tuple[str, str | None], home: str | None = HOME, away: str | None = AWAY
) -> Resolution:
    return run("sportybet", [ladder(*sold)], home=home, away=away)


def refused(found: Resolution) -> set[tuple[str | None, str, str | None]]:
    return {(one.line, one.code, one.cause) for one in found.rejected}


def test_a_team_by_its_whole_name_and_its_id_agree() -> None:
    found = read(("CF Cruz Azul 18+", HOME_18), ("Pumas UNAM 18+", AWAY_18))
    assert answer(found) == {(HOME_SHOTS, "17.5"): {"over": 2}, (AWAY_SHOTS, "17.5"): {"over": 3}}
    assert not missed(found)


def test_a_name_that_is_shortened_is_read_where_the_id_says_the_same() -> None:
    found = read(("Cruz Azul 18+", HOME_18), ("CRUZ  AZUL 19+", HOME_19), ("Pumas 18+", AWAY_18))
    assert answer(found) == {
        (HOME_SHOTS, "17.5"): {"over": 2},
        (HOME_SHOTS, "18.5"): {"over": 3},
        (AWAY_SHOTS, "17.5"): {"over": 4},
    }
    assert not missed(found)
    assert not found.rejected


@pytest.mark.parametrize("id_", [None, "", "18", "800161:00000018", "800160:00000218"])
def test_a_name_that_is_shortened_is_missed_where_no_id_says_whose_it_is(id_: str | None) -> None:
    found = read(("Cruz Azul 18+", id_))
    assert answer(found) == {}
    assert missed(found) == {(SHOTS, "NO_MATCHING_OUTCOMES", None)}


@pytest.mark.parametrize("label", ["CF Cruz Azul 18+", "Cruz Azul 18+"])
@pytest.mark.parametrize("id_", [AWAY_18, "800160:00000119"])
def test_a_label_of_one_team_with_the_id_of_the_other_is_refused(label: str, id_: str) -> None:
    found = read((label, id_))
    assert answer(found) == {}
    assert refused(found) == {("17.5", "INVALID_ODDS", "LABEL_ID_DISAGREE")}
    (entry,) = found.rejected
    assert entry.detail == (
        f'over: the label "{label}" names it, the id "{id_}" names over of {AWAY_SHOTS}'
    )


@pytest.mark.parametrize("label", ["CF Cruz Azul 18+", "Cruz Azul 18+"])
def test_a_label_of_one_number_with_the_id_of_another_is_refused(label: str) -> None:
    found = read((label, HOME_19))
    assert answer(found) == {}
    assert refused(found) == {("17.5", "INVALID_ODDS", "LABEL_ID_DISAGREE")}
    assert found.rejected[0].detail.endswith(f'the id "{HOME_19}" names over at 18.5')


def test_what_is_refused_costs_no_other_rung() -> None:
    found = read(("Cruz Azul 18+", AWAY_18), ("Cruz Azul 19+", HOME_19), ("Pumas 18+", AWAY_18))
    assert answer(found) == {(HOME_SHOTS, "18.5"): {"over": 3}, (AWAY_SHOTS, "17.5"): {"over": 4}}
    assert refused(found) == {("17.5", "INVALID_ODDS", "LABEL_ID_DISAGREE")}


@pytest.mark.parametrize(
    ("home", "away", "label"),
    [
        ("Real Madrid", "Real Betis", "Real 18+"),  # of either
        ("Lugano", "Basel", "Cruz Azul 18+"),  # of neither
        (HOME, None, "Cruz Azul 18+"),
        (None, None, "CF Cruz Azul 18+"),
        (HOME, AWAY, "18+"),
        (HOME, AWAY, "Over 18+"),
        (HOME, AWAY, "Cruz Azul more than 18+"),
        (HOME, AWAY, "Cruz Azul 18"),
        (HOME, AWAY, "Cruz Azul 18+ 19+"),
    ],
)
def test_an_id_never_speaks_for_a_label_that_names_no_team_of_the_event(
    home: str | None, away: str | None, label: str
) -> None:
    found = read((label, HOME_18), home=home, away=away)
    assert answer(found) == {}
    assert missed(found) == {(SHOTS, "NO_MATCHING_OUTCOMES", None)}


def test_the_whole_name_of_one_team_may_be_a_part_of_the_others() -> None:
    home, away = "Cruz Azul", "Cruz Azul Hidalgo"
    found = read(("Cruz Azul 18+", HOME_18), ("Hidalgo 18+", AWAY_18), home=home, away=away)
    assert answer(found) == {(HOME_SHOTS, "17.5"): {"over": 2}, (AWAY_SHOTS, "17.5"): {"over": 3}}


def test_a_name_is_read_by_the_event_that_it_is_in() -> None:
    """What was read of one event is not remembered for another, whose sides are the other way round."""
    assert answer(read(("Cruz Azul 18+", HOME_18))) == {(HOME_SHOTS, "17.5"): {"over": 2}}
    found = read(("Cruz Azul 18+", HOME_18), home=AWAY, away=HOME)
    assert refused(found) == {("17.5", "INVALID_ODDS", "LABEL_ID_DISAGREE")}
    assert answer(read(("Cruz Azul 18+", AWAY_18), home=AWAY, away=HOME)) == {
        (AWAY_SHOTS, "17.5"): {"over": 2}
    }


def test_the_ids_of_goal_kicks_begin_with_those_of_throw_ins() -> None:
    sold = ("Cruz Azul 7+", "800241:00000007"), ("Pumas 13+", "800241:00000113")
    found = run("sportybet", [ladder(*sold, market_id="800242")], home=HOME, away=AWAY)
    assert answer(found) == {
        ("home_goal_kicks_at_least_ft", "6.5"): {"over": 2},
        ("away_goal_kicks_at_least_ft", "12.5"): {"over": 3},
    }


def test_a_number_of_the_match_and_its_id_that_differ_are_refused() -> None:
    sold = ("4+", "800063:00000004"), ("5+", "800063:00000006")
    found = run("sportybet", [ladder(*sold, market_id="800063")])
    assert answer(found) == {("cards_at_least_ft", "3.5"): {"over": 2}}
    assert refused(found) == {("4.5", "INVALID_ODDS", "LABEL_ID_DISAGREE")}


def test_every_ladder_in_labels_that_names_no_player_has_its_ids_in_the_catalogue() -> None:
    ladders = [
        further
        for mapping in CATALOGUE
        if mapping.participant is None
        for further in mapping.also
        if further.line is not None and further.line.source == "label"
    ]
    assert len(ladders) >= 35
    assert all(
        further.platform == "sportybet" and set(further.outcome_ids) == {"over"}
        for further in ladders
    )


def test_why_a_rung_is_refused_is_explained() -> None:
    seen = Observation("sportybet", [ladder(("Cruz Azul 18+", AWAY_18))], HOME, AWAY)
    explained = explain(seen, FOOTBALL, SHOTS)
    verdicts = {label.verdict for row in explained.rows for label in row.labels}
    assert verdicts == {"LABEL_ID_DISAGREE"}


def mapping_with(ids: list[str], line: Json | None = None, **more: Any) -> Mapping:
    further = {
        "platform": "sportybet",
        "id": "1",
        "line": line or {"kind": "at_least", "from": "label"},
        "labels": {"over": ["{home} N+"]},
        "outcome_ids": {"over": ids},
    }
    return parse_mapping(
        {
            "canonical_id": "some",
            "name": "Some",
            "also": [further | more],
            "outcome_mapping": [{"canonical_id": "over", "bet9ja_suffix": "O"}],
        }
    )


def test_an_id_with_a_number_comes_back_as_it_was() -> None:
    mapping = mapping_with(["1:000{nn}"])
    assert parse_mapping(dump_mapping(mapping)) == mapping
    assert dump_mapping(mapping)["also"][0]["outcome_ids"] == {"over": ["1:000{nn}"]}


@pytest.mark.parametrize(
    ("ids", "line", "reason"),
    [
        (["1:{nn}{nn}"], None, "is there once"),
        (["1:{nn}", "1:{nn}"], None, "is used twice"),
        (["1:{nn}", "1:07"], None, "is used twice"),
        (["1:{nn}"], {"kind": "at_least", "constant": "1.5"}, "only if the line comes from"),
    ],
)
def test_an_id_with_a_number_is_checked(ids: list[str], line: Json | None, reason: str) -> None:
    with pytest.raises(MappingError, match=reason):
        mapping_with(ids, line)
