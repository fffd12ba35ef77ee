"""Markets of players: a price belongs to a canonical market, a line and a participant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.markets import answer, documents, missed, rejected, run, sportybet
from tests.support.players import (
    AWAY,
    HOME,
    PLAYER,
    further,
    goalscorer,
    players,
    priced,
    shots,
    sold,
)
from worker.domain.assign import assign
from worker.domain.diff import diff
from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping
from worker.domain.participants import participant_key, side_of
from worker.domain.resolve import Resolution, player_document

INDEX = MappingIndex([goalscorer(), shots()])
ANTUNA = ("Antuna, Uriel (Pumas UNAM)", "sr:player:1006665", "7.20")
OF_ANTUNA = ("anytime_goalscorer_ft", None, "antuna uriel", "away")


def of_sportybet(*markets: Any, index: MappingIndex = INDEX) -> Resolution:
    return run("sportybet", list(markets), home=HOME, away=AWAY, index=index)


def of_betpawa(*markets: Any, index: MappingIndex = INDEX) -> Resolution:
    return run("betpawa", list(markets), home=HOME, away=AWAY, index=index)


def causes(found: Resolution) -> list[tuple[str, str | None]]:
    return [(entry.code, entry.cause) for entry in found.rejected]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Antuna, Uriel (Pumas UNAM)", "antuna uriel"),
        ("Uriel Antuna", "antuna uriel"),
        ("URIEL  ANTUNA (Pumas)", "antuna uriel"),
        ("Jiménez, Raúl", "jimenez raul"),
        ("Juninho (Pumas UNAM)", "juninho"),
        ("N'Golo Kanté", "golo kante n"),
        ("Zaire-Emery, Warren", "emery warren zaire"),
        ("İlkay Gündoğan", "gundogan ilkay"),
        ("Weiß, Mitchell (1. FC Köln)", "mitchell weiss"),
        ("(Pumas)", None),
        ("- -", None),
        ("", None),
        ("x" * 101, None),
    ],
)
def test_the_key_of_a_name_is_the_same_however_it_is_written(name: str, key: str | None) -> None:
    assert participant_key(name) == key


@pytest.mark.parametrize(
    ("team", "side"),
    [
        ("pumas unam", "away"),
        ("pumas", "away"),
        ("cruz azul", "home"),
        ("cf cruz azul mexico", "home"),
        ("azul pumas", None),
        ("america", None),
        ("", None),
    ],
)
def test_a_team_is_the_side_that_alone_may_be_meant(team: str, side: str | None) -> None:
    assert side_of(frozenset(team.split()), teams(HOME, AWAY)) == side


def test_a_team_that_may_be_either_side_is_none() -> None:
    assert side_of(frozenset({"inter"}), teams("Inter Milan", "Inter Miami")) is None
    assert side_of(frozenset({"real"}), None) is None


def test_each_player_of_a_row_is_a_market_of_its_own() -> None:
    other = ("Rodriguez, Carlos (CF Cruz Azul)", "sr:player:1013189", "5.40")
    found = of_sportybet(sold("40", ANTUNA, other))
    assert players(found) == {
        OF_ANTUNA: {"yes": 7.2},
        ("anytime_goalscorer_ft", None, "carlos rodriguez", "home"): {"yes": 5.4},
    }
    assert answer(found) == {}
    assert not found.misses


def test_a_participant_is_published_with_all_that_readers_may_join_it_by() -> None:
    (one,) = map(player_document, of_sportybet(sold("40", ANTUNA)).players)
    assert one == {
        "canonical_id": "anytime_goalscorer_ft",
        "line": None,
        "participant": {
            "feed_id": "1006665",
            "name": "Antuna, Uriel (Pumas UNAM)",
            "side": "away",
            "key": "antuna uriel",
        },
        "external_market_id": "40",
        "outcomes": [{"outcome": "yes", "odds": 7.2, "active": True}],
    }


def test_a_player_of_betpawa_has_its_own_id_and_the_side_of_its_team() -> None:
    found = of_betpawa(priced("129108", ("Uriel Antuna", "30364928", 2, 7.2)))
    (one,) = map(player_document, found.players)
    assert one["participant"] == {
        "id": "30364928",
        "name": "Uriel Antuna",
        "side": "away",
        "key": "antuna uriel",
    }


def test_a_number_in_the_label_is_the_line() -> None:
    row = sold(
        "776",
        ("Duarte, Ruben (Pumas UNAM) 1+", "pre:playerprops:715:253415:1", "1.28"),
        ("Duarte, Ruben (Pumas UNAM) 2+", "pre:playerprops:715:253415:2", "2.70"),
        specifier="variant=pre:playerprops:715:253415",
    )
    assert players(of_sportybet(row)) == {
        ("player_shots_ft", "0.5", "duarte ruben", "away"): {"over": 1.28},
        ("player_shots_ft", "1.5", "duarte ruben", "away"): {"over": 2.7},
    }


def test_rows_of_several_players_are_told_apart_by_their_variant() -> None:
    rows = [
        sold(
            "776",
            (f"{name} 1+", f"pre:playerprops:715:{number}:1", "1.5"),
            specifier=f"variant=pre:playerprops:715:{number}",
        )
        for name, number in (("Ruben Duarte", 1), ("Uriel Antuna", 2))
    ]
    assert len(players(of_sportybet(*rows))) == 2


def test_two_variants_of_one_player_are_refused() -> None:
    rows = [
        sold(
            "776",
            ("Ruben Duarte 1+", "pre:playerprops:715:7:1", odds),
            specifier=f"variant=pre:playerprops:{match}:7",
        )
        for match, odds in (("715", "1.5"), ("716", "1.6"))
    ]
    found = of_sportybet(*rows)
    assert players(found) == {}
    assert causes(found) == [("INVALID_SPECIFIER", "VARIANTS_DIFFER")] * 2


def test_of_two_variants_the_one_with_just_the_outcomes_of_the_mapping_is_taken() -> None:
    both = goalscorer(
        further("sportybet", "9", free=["variant"]),
        outcome_mapping=[
            {"canonical_id": "yes", "sportybet_desc": "{player} Yes"},
            {"canonical_id": "no", "sportybet_desc": "{player} No"},
        ],
    )
    rows = [
        sold(
            "9",
            *((f"Ruben Duarte {word}", "sr:player:7", "1.9") for word in words),
            specifier=f"variant={variant}",
        )
        for variant, words in (("a", ["Yes"]), ("b", ["Yes", "No"]))
    ]
    found = of_sportybet(*rows, index=MappingIndex([both]))
    assert list(players(found).values()) == [{"yes": 1.9, "no": 1.9}]
    assert causes(found) == [("INVALID_SPECIFIER", "VARIANTS_DIFFER")]


def test_no_goal_is_no_participant() -> None:
    closed = {"desc": "No Goal", "odds": "0.00", "isActive": 0, "id": "1716"}
    row = sold("40", ANTUNA)
    row["outcomes"].append(closed)
    found = of_sportybet(row)
    assert players(found) == {OF_ANTUNA: {"yes": 7.2}}
    (market,) = documents(found)
    assert (market["canonical_id"], market["complete"]) == ("anytime_goalscorer_ft", False)
    assert market["outcomes"] == [{"outcome": "no_goal", "odds": None, "active": False}]
    assert "complete" not in player_document(found.players[0])


def test_no_goal_in_another_language_is_read_by_its_id_and_is_no_player() -> None:
    found = of_sportybet(sold("40", ("Aucun but", "1716", "12.5")))
    assert players(found) == {}
    assert answer(found) == {("anytime_goalscorer_ft", None): {"no_goal": 12.5}}


@pytest.mark.parametrize(
    "label",
    [
        "No Goal",
        "Draw",
        "Any Other Player",
        "Antuna, Uriel 2+",
        "Uriel Antuna Over 1.5",
        "Uriel Antuna Over",
        "Uriel Antuna (Pumas) Yes",
        "Antuna {player}",
        "(Pumas UNAM)",
        "12",
        "",
        "x" * 2000,
        "é" * 101,
    ],
)
def test_what_is_no_name_is_never_a_player(label: str) -> None:
    found = of_sportybet(sold("40", (label, "sr:player:1", "2.0")))
    assert players(found) == {}
    assert answer(found) == {}
    assert found.misses or found.rejected


@pytest.mark.parametrize(
    "id_", [None, "", "1", "sr:player:", "sr:player:x", "sr:player:١", "sr:team:1", "zzzz"]
)
def test_a_label_alone_is_never_a_player_of_sportybet(id_: str | None) -> None:
    found = of_sportybet(sold("40", ("Uriel Antuna", id_, "2.0")))
    assert players(found) == {}
    assert missed(found) == {("40", "NO_MATCHING_OUTCOMES", None)}


def test_a_player_that_cannot_be_read_leaves_the_others_incomplete() -> None:
    found = of_sportybet(sold("40", ANTUNA, ("?", "sr:player:2", "3.0")))
    assert players(found) == {OF_ANTUNA: {"yes": 7.2}}
    assert player_document(found.players[0])["complete"] is False
    assert missed(found) == {("40", "NO_MATCHING_OUTCOMES", "?")}


@pytest.mark.parametrize(
    ("label", "id_", "specifier"),
    [
        ("No Goal", "sr:player:1", None),  # the label names none
        ("Ruben Duarte 1+", "pre:playerprops:715:7:2", None),  # another number
        ("Ruben Duarte 1+", "pre:playerprops:715:8:1", "variant=pre:playerprops:715:7"),
        ("Ruben Duarte (Pumas) 1+", "pre:playerprops:715:7:1:1", None),  # another side
    ],
)
def test_what_disagrees_about_a_player_is_refused(
    label: str, id_: str, specifier: str | None
) -> None:
    market_id = "776" if label.endswith("+") else "40"
    found = of_sportybet(sold(market_id, (label, id_, "2.0"), specifier=specifier))
    assert players(found) == {}
    assert answer(found) == {}
    assert causes(found) == [("INVALID_ODDS", "PARTICIPANTS_DIFFER")]


def test_a_number_in_the_id_of_a_label_without_one_is_refused() -> None:
    found = of_sportybet(sold("40", ("Ruben Duarte", "pre:playerprops:715:7:2:1", "2.0")))
    assert causes(found) == [("INVALID_ODDS", "PARTICIPANTS_DIFFER")]


def test_one_id_with_two_names_is_refused() -> None:
    row = sold("40", ("Uriel Antuna", "sr:player:1", "2"), ("Ruben Duarte", "sr:player:1", "2"))
    found = of_sportybet(row)
    assert players(found) == {}
    assert causes(found) == [("INVALID_ODDS", "PARTICIPANTS_DIFFER")]


def test_two_players_of_one_name_stay_two() -> None:
    row = sold("40", ("Uriel Antuna", "sr:player:1", "2"), ("Antuna, Uriel", "sr:player:2", "3"))
    found = of_sportybet(row)
    assert [one.layout.participant.feed_id for one in found.players] == ["1", "2"]
    assert {one.layout.participant.key for one in found.players} == {"antuna uriel"}


def test_one_player_at_two_prices_is_refused_and_costs_no_other() -> None:
    row = sold(
        "40", ANTUNA, ("Ruben Duarte", "sr:player:2", "2"), ("Ruben Duarte", "sr:player:2", "3")
    )
    found = of_sportybet(row)
    assert players(found) == {OF_ANTUNA: {"yes": 7.2}}
    assert causes(found) == [("INVALID_ODDS", "PRICES_DIFFER")]
    assert found.rejected[0].detail.startswith('"Ruben Duarte": yes')


def test_bad_odds_of_a_player_cost_no_other() -> None:
    found = of_sportybet(sold("40", ANTUNA, ("Ruben Duarte", "sr:player:2", "2,15")))
    assert players(found) == {OF_ANTUNA: {"yes": 7.2}}
    assert rejected(found) == {("40", None, "INVALID_ODDS")}


def test_a_player_of_a_suspended_market_is_closed() -> None:
    found = of_sportybet(sold("40", ANTUNA) | {"status": 1})
    (one,) = map(player_document, found.players)
    assert one["outcomes"] == [{"outcome": "yes", "odds": 7.2, "active": False}]


def test_betpawa_sells_no_team_in_play_and_the_name_is_enough_where_all_outcomes_are_players() -> (
    None
):
    found = of_betpawa(priced("129108", ("Taiki Amagasa", "31320045", None, 2.5)))
    assert players(found) == {("anytime_goalscorer_ft", None, "amagasa taiki", None): {"yes": 2.5}}


def test_where_a_market_has_other_outcomes_a_name_without_a_team_is_refused() -> None:
    first = goalscorer(
        further("betpawa", "129109"),
        outcome_mapping=[
            {"canonical_id": "yes", "betpawa_name": "{player}"},
            {"canonical_id": "no_goal", "betpawa_name": "No Last Goal"},
        ],
    )
    index = MappingIndex([first])
    rows = priced(
        "129109",
        ("Aucun dernier but", "1", None, 12.0),
        ("No Last Goal", "1", None, 12.0),
        ("Uriel Antuna", "2", 1, 3.0),
    )
    found = of_betpawa(rows, index=index)
    assert set(players(found)) == {("anytime_goalscorer_ft", None, "antuna uriel", "home")}
    assert answer(found) == {("anytime_goalscorer_ft", None): {"no_goal": 12}}
    assert missed(found) == {("129109", "NO_MATCHING_OUTCOMES", "Aucun dernier but")}


@pytest.mark.parametrize("team", [None, 0, 3, True, "1", [], {}])
def test_a_team_that_is_none_of_two_says_nothing(team: Any) -> None:
    found = of_betpawa(priced("129108", ("Uriel Antuna", "2", team, 3.0)))
    assert [one.layout.participant.side for one in found.players] == [None]


def test_a_price_without_an_id_is_no_player_of_betpawa() -> None:
    found = of_betpawa(priced("129108", ("Uriel Antuna", None, 1, 3.0)))
    assert players(found) == {}


def test_a_market_of_many_players_counts_once_as_resolved() -> None:
    other = ("Rodriguez, Carlos (CF Cruz Azul)", "sr:player:1013189", "5.40")
    assert of_sportybet(sold("40", ANTUNA, other)).resolved == 1


def test_a_variant_that_names_a_player_is_in_no_external_id() -> None:
    index = MappingIndex([goalscorer(further("sportybet", "40"))])
    row = sold("40", ANTUNA, specifier="variant=pre:playerprops:715:1006665")
    assert missed(of_sportybet(row, index=index)) == {("40?variant", "UNKNOWN_PARAM_MARKET", None)}


def test_another_mapping_may_claim_labels_of_the_same_id() -> None:
    plain = parse_mapping(
        {
            "canonical_id": "some_goal_ft",
            "name": "Some goal",
            "sportybet_id": "40",
            "outcome_mapping": [{"canonical_id": "no", "sportybet_desc": "Nobody"}],
        }
    )
    index = MappingIndex([goalscorer(), plain])
    found = of_sportybet(sold("40", ANTUNA, ("Nobody", "5", "9")), index=index)
    assert players(found) == {OF_ANTUNA: {"yes": 7.2}}
    assert answer(found) == {("some_goal_ft", None): {"no": 9}}


def test_two_mappings_that_name_players_of_one_id_are_in_conflict() -> None:
    other = goalscorer(canonical_id="another_goalscorer_ft")
    index = MappingIndex([goalscorer(), other])
    assert {conflict.label for conflict in index.conflicts()} == {"{player}", "no goal"}


def faults(**fields: Any) -> str:
    with pytest.raises(MappingError) as caught:
        goalscorer(**fields)
    return str(caught.value)


def test_a_mapping_with_a_participant_has_no_id_that_an_older_worker_reads() -> None:
    said = faults(sportybet_id="40")
    assert 'sportybet_id = "40": must be empty in a mapping with a participant' in said


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        ([], "needs an id there"),
        ([further("bet9ja", "S_X", labels={"yes": ["{player}"]})], "no players can be read"),
        ([further("sportybet", "40", labels={"yes": ["Yes"]})], "one has {player} where"),
        ([further("sportybet", "40", labels={"yes": ["{player}{player}"]})], "is there once"),
        ([further("sportybet", "40", labels={"yes": ["{player} N+ 2+"]})], "one number at most"),
        ([further("sportybet", "40", labels={"yes": ["{player} N+"]})], "only if the line comes"),
        (
            [further("sportybet", "40", labels={"yes": ["{player}"], "no_goal": ["{player} No"]})],
            "must have a word more",
        ),
        ([further("sportybet", "40", outcome_ids={"yes": ["1"]})], "differ by player"),
    ],
)
def test_labels_that_name_players_are_checked_when_they_are_saved(
    also: list[Any], reason: str
) -> None:
    assert reason in faults(also=also)


@pytest.mark.parametrize(
    "value", [1, "player", [], {"kind": "team"}, {"kind": "player", "x": 1}, {}]
)
def test_a_participant_of_another_form_is_refused(value: Any) -> None:
    assert "participant" in faults(participant=value)


def test_only_a_mapping_with_a_participant_names_players() -> None:
    assert "only a mapping with a participant" in faults(participant=None)


def test_a_mapping_with_a_participant_is_the_same_after_it_was_written() -> None:
    for mapping in (goalscorer(), shots()):
        assert parse_mapping(dump_mapping(mapping)) == mapping
    assert dump_mapping(shots())["participant"] == PLAYER


def test_a_participant_is_set_and_shown_like_any_other_field() -> None:
    values = dump_mapping(goalscorer())
    assert assign(values, ["participant.kind="])["participant"] is None
    assert (
        assign(values | {"participant": None}, ["participant.kind=player"])["participant"] == PLAYER
    )
    (change,) = diff(values | {"participant": None}, values)
    assert change == ("participant.kind", None, "player")


def test_a_market_that_names_no_player_is_read_as_before() -> None:
    found = of_sportybet(sportybet("776", prices={"Over": "2"}))
    assert missed(found) == {("776", "NO_MATCHING_OUTCOMES", None)}
