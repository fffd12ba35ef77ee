from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from worker.lab.synthetic.books.bet9ja import market_of
from worker.lab.synthetic.books.sportybet import line_words
from worker.lab.synthetic.expected import Generated

OnBook = Callable[[str], list[Generated]]


def rows_of(item: Generated, market_id: str) -> list[dict[str, Any]]:
    return [row for row in item.observation["markets"] if row["id"] == market_id]


def betpawa_market(item: Generated, type_id: str) -> dict[str, Any]:
    found = [m for m in item.observation["markets"] if m["marketType"]["id"] == type_id]
    assert len(found) == 1
    market: dict[str, Any] = found[0]
    return market


def is_v4(item: Generated) -> bool:
    return "odds" in item.observation["markets"][0]["row"][0]["prices"][0]


def test_sportybet_repeats_an_id_for_each_line_with_the_line_in_the_label(on_book: OnBook) -> None:
    rows = rows_of(on_book("sportybet")[0], "18")

    assert len(rows) > 4
    for row in rows:
        line = row["specifier"].removeprefix("total=")
        assert [o["desc"] for o in row["outcomes"]] == [f"Over {line}", f"Under {line}"]


def test_sportybet_writes_a_european_handicap_as_a_score(on_book: OnBook) -> None:
    row = next(r for r in rows_of(on_book("sportybet")[0], "14") if r["specifier"] == "hcp=0:1")

    assert [o["desc"] for o in row["outcomes"]] == ["Home (0:1)", "Draw (0:1)", "Away (0:1)"]


@pytest.mark.parametrize(
    ("line", "home", "away"), [("1", "+1.0", "-1.0"), ("-1.5", "-1.5", "+1.5"), ("0", "0", "0")]
)
def test_sportybet_signs_the_handicap_of_each_side(line: str, home: str, away: str) -> None:
    words = line_words(line)

    assert (words["home_line"], words["away_line"]) == (home, away)


def test_sportybet_puts_team_names_into_half_time_full_time_labels(on_book: OnBook) -> None:
    item = on_book("sportybet")[0]
    home = item.observation["event"]["home"]
    labels = {o["desc"] for row in rows_of(item, "818") for o in row["outcomes"]}

    assert f"{home}/draw & over 2.5" in labels


def test_sportybet_has_a_row_for_each_player_in_a_big_event_and_none_in_a_small_one(
    on_book: OnBook,
) -> None:
    fans = [
        sum(
            r["specifier"].startswith("variant=pre:playerprops")
            for r in i.observation["markets"]
            if "specifier" in r
        )
        for i in on_book("sportybet")
    ]

    assert 200 <= max(fans) <= 320
    assert sorted(fans)[len(fans) // 2] == 0


def test_bet9ja_keys_follow_the_grammar(on_book: OnBook) -> None:
    grammar = re.compile(r"[SZ]_[A-Z0-9-]+(@-?\d+(\.\d+)?)?_[^_]+")

    for item in on_book("bet9ja")[:10]:
        assert all(grammar.fullmatch(key) for key in item.observation["markets"])
        assert all(isinstance(value, str) for value in item.observation["markets"].values())


def test_bet9ja_sometimes_names_its_markets(on_book: OnBook) -> None:
    named = [item for item in on_book("bet9ja") if "market_names" in item.observation]

    assert 0.1 < len(named) / len(on_book("bet9ja")) < 0.5
    for item in named:
        keys = {market_of(key) for key in item.observation["markets"]}
        assert keys == set(item.observation["market_names"])


@pytest.mark.parametrize("v4", [False, True])
def test_betpawa_rows_carry_the_line_times_four(on_book: OnBook, *, v4: bool) -> None:
    item = next(i for i in on_book("betpawa") if is_v4(i) is v4)

    for row in betpawa_market(item, "5000")["row"]:
        assert {float(price["handicap"]) * 4 for price in row["prices"]} == {row["handicap"]}


def test_betpawa_gives_the_away_side_the_other_sign(on_book: OnBook) -> None:
    item = on_book("betpawa")[0]
    row = betpawa_market(item, "4724")["row"][0]
    home, _draw, away = (price["handicap"] for price in row["prices"])

    assert home == f"Home {row['handicap'] // 4:+d}"
    assert away == f"Away {-row['handicap'] // 4:+d}"


def test_betpawa_spreads_a_combined_line_over_two_rows(on_book: OnBook) -> None:
    rows = betpawa_market(on_book("betpawa")[0], "1096755")["row"]

    assert len(rows) == 2 * len({row["handicap"] for row in rows})


def test_betpawa_v4_drops_the_empty_handicap_type_and_names_the_specifier(on_book: OnBook) -> None:
    item = next(i for i in on_book("betpawa") if is_v4(i))

    assert "handicapType" not in betpawa_market(item, "3743")["marketType"]
    assert betpawa_market(item, "5000")["row"][0]["specifier"].keys() == {"total"}
