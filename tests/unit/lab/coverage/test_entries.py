"""What becomes of the entries of a reply, and whether bookmakers agree on what both sell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.markets import betpawa, betpawa_row, mapping, sportybet
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.domain.resolve import Observation, resolve
from worker.lab.coverage.agreement import agreement, comparable, switched_on
from worker.lab.coverage.entries import SoldEntry, entries
from worker.lab.coverage.measured import as_document, counted, coverage_table, measure

TOTAL = mapping(
    "total",
    ["Over", "Under"],
    sportybet_id="18",
    betpawa_id="5000",
    line_rule={"kind": "total"},
    also=[{"platform": "sportybet", "id": "99", "active": False, "grade": "C"}],
)
RESULT = mapping(
    "result", ["1", "X", "2"], sportybet_id="1", betpawa_id="3743", line_rule={"free": ["variant"]}
)
INDEX = MappingIndex([TOTAL, RESULT])
GOALS = {"Over 2.5": "1.9", "Under 2.5": "1.9"}


def sold(platform: Platform, *markets: Any, index: MappingIndex = INDEX) -> list[SoldEntry]:
    return entries(Observation(platform, list(markets)), index)


def verdicts(found: list[SoldEntry]) -> list[tuple[str, str, str | None]]:
    return [(one.market_id, one.verdict, one.code) for one in found]


def test_a_market_is_one_entry_at_each_line() -> None:
    found = sold(
        "sportybet",
        sportybet("18", "total=2.5", prices=GOALS),
        sportybet("18", "total=3.5", prices={"Over 3.5": "3", "Under 3.5": "1.3"}),
    )
    assert verdicts(found) == [("18", "resolved", None)] * 2
    assert [one.qualifier for one in found] == ["total=2.5", "total=3.5"]


def test_rows_of_one_market_are_one_entry() -> None:
    rows = [betpawa_row(10, Over=1.9), betpawa_row(10, Under=1.9)]
    assert verdicts(sold("betpawa", betpawa("5000", *rows))) == [("5000", "resolved", None)]


def test_what_nobody_maps_is_missed() -> None:
    assert verdicts(sold("sportybet", sportybet("7", prices={"a": "2"}))) == [
        ("7", "missed", "UNKNOWN_MARKET")
    ]


def test_an_entry_with_a_label_that_nobody_knows_is_resolved_in_part() -> None:
    found = sold("sportybet", sportybet("1", prices={"1": "2", "Y": "3"}))
    assert verdicts(found) == [("1", "in part", "NO_MATCHING_OUTCOMES")]
    found = sold("sportybet", sportybet("1", prices={"Y": "3"}))
    assert verdicts(found) == [("1", "missed", "NO_MATCHING_OUTCOMES")]


def test_an_entry_that_cannot_be_read_is_refused() -> None:
    unreadable = sportybet("18", "total=x", prices=GOALS)
    no_odds = sportybet("1", prices={"1": "x", "X": "3", "2": "4"})
    assert verdicts(sold("sportybet", unreadable, no_odds, "no market")) == [
        ("1", "refused", "INVALID_ODDS"),
        ("18", "refused", "INVALID_SPECIFIER"),
        ("?", "refused", "INVALID_KEY_FORMAT"),
    ]


def test_of_two_variants_of_a_market_one_is_resolved() -> None:
    whole = sportybet("1", "variant=a", prices={"1": "2", "X": "3", "2": "4"})
    part = sportybet("1", "variant=b", prices={"1": "2.5", "X": "3.5"})
    assert verdicts(sold("sportybet", whole, part)) == [
        ("1", "resolved", None),
        ("1", "refused", "INVALID_SPECIFIER"),
    ]


@pytest.mark.parametrize("player_id", ["sr:player:77", "pre:playerprops:1:77:over"])
def test_markets_of_players_are_counted_apart(player_id: str) -> None:
    player = sportybet(
        "40", outcomes=[{"desc": "A B", "odds": "3", "isActive": 1, "id": player_id}]
    )
    found = sold("sportybet", player, sportybet("18", "total=2.5", prices=GOALS))
    assert counted(found, players=False).share == 1
    assert counted(found, players=True).share == 0.5


def test_betpawa_s_players_belong_to_a_team() -> None:
    row = betpawa_row(None, **{"A B": 3.0})
    row["prices"][0]["team"] = 1
    (found,) = sold("betpawa", betpawa("129108", row))
    assert found.names_players


def test_a_market_that_ships_switched_off_is_comparable_but_not_resolved() -> None:
    ours: list[Mapping] = [TOTAL, RESULT]
    shelves: list[tuple[Platform, Any]] = [
        ("sportybet", sportybet("99", "total=2.5", prices=GOALS)),
        ("betpawa", betpawa("5000", betpawa_row(10, Over=1.9, Under=1.9))),
    ]
    known = [sold(*one, index=MappingIndex(switched_on(ours))) for one in shelves]
    shipped = [sold(*one) for one in shelves]
    assert comparable(known, shipped, players=False) == (1, 0)
    assert comparable(known, known, players=False) == (1, 1)


def test_bookmakers_that_agree_are_near_each_other_and_those_that_swap_sides_are_not() -> None:
    def books(over: str, under: str) -> float:
        row = sportybet("18", "total=2.5", prices={"Over": over, "Under": under})
        other = betpawa("5000", betpawa_row(10, Over=1.4, Under=2.9))
        found = {
            "sportybet": resolve(Observation("sportybet", [row]), INDEX),
            "betpawa": resolve(Observation("betpawa", [other]), INDEX),
        }
        ((pair, distances),) = agreement(found)
        assert pair == "betpawa and sportybet"
        return max(one.size for one in distances)

    assert books("1.42", "2.8") < 0.1
    assert books("2.8", "1.42") > 1


def test_a_folder_of_replies_is_measured_by_event(tmp_path: Path) -> None:
    reply = {
        "bizCode": 10000,
        "data": {
            "eventId": "sr:match:1",
            "homeTeamName": "A",
            "awayTeamName": "B",
            "markets": [sportybet("18", "total=2.5", prices=GOALS)],
        },
    }
    other = {
        "id": "5",
        "name": "A - B",
        "widgets": [{"type": "SPORTRADAR", "id": "1"}],
        "participants": [{"name": "A", "position": 1}, {"name": "B", "position": 2}],
        "markets": [betpawa("5000", betpawa_row(10, Over=1.9, Under=1.9))],
    }
    (tmp_path / "a_b.sportybet.json").write_text(json.dumps(reply))
    (tmp_path / "a_b.betpawa.json").write_text(json.dumps(other))
    (event,) = measure(tmp_path, [TOTAL, RESULT])
    (document,) = as_document([event])
    assert document["comparable"] == {"sold": 1, "resolved": 1}
    assert document["bookmakers"]["sportybet"]["without_players"]["resolved"] == 1
    assert document["agreement"]["betpawa and sportybet"]["prices"] == 2
    assert "| a_b | betpawa | 1 | 1 | 0 | 0 | 0 | 100.0 % | 1 | 100.0 % |" in list(
        coverage_table([event])
    )
