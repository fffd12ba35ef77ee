from itertools import permutations
from typing import Any

import pytest

from tests.support.markets import FOOTBALL, active, answer, documents, missed, run, said, sportybet
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.resolve import MOST_REJECTED, Observation, platform_rows, resolve


def test_outcomes_come_in_the_mapping_s_order_and_markets_by_id_and_line() -> None:
    rows = [
        sportybet("18", "total=3.5", prices={"Under 3.5": "1.3", "Over 3.5": "3.3"}),
        sportybet("1", prices={"Away": "3", "Home": "2.4"}),
        sportybet("18", "total=2.5", prices={"Under 2.5": "1.8"}),
    ]
    markets = documents(run("sportybet", rows))
    assert [
        (m["canonical_id"], m["line"], [o["outcome"] for o in m["outcomes"]]) for m in markets
    ] == [
        ("1x2_ft", None, ["home", "away"]),
        ("over_under_ft", "2.5", ["under"]),
        ("over_under_ft", "3.5", ["over", "under"]),
    ]


def test_the_external_id_of_a_resolved_market_has_no_specifier() -> None:
    found = run("sportybet", [sportybet("8", "goalnr=1", prices={"Home": "1.9"})])
    assert [market["external_market_id"] for market in documents(found)] == ["8"]


def test_an_unknown_label_is_missed_and_the_known_ones_are_published() -> None:
    found = run("sportybet", [sportybet("29", "", "GG/NG", prices={"Yes": "1.7", "Maybe": "9"})])
    assert answer(found) == {("btts_ft", None): {"yes": 1.7}}
    assert said(found).misses == [
        {
            "external_market_id": "29",
            "market_name": "GG/NG",
            "reason": "NO_MATCHING_OUTCOMES",
            "outcome": "Maybe",
        }
    ]


def test_an_unknown_label_at_several_lines_is_one_miss() -> None:
    rows = [
        sportybet("18", f"total={line}", prices={f"Over {line}": "1.7", "Exactly": "9"})
        for line in ("2", "3")
    ]
    found = run("sportybet", rows)
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", "Exactly")}
    assert [len(list(one.rows)) for one in found.missed] == [2]


def test_of_a_half_known_market_only_the_unknown_labels_are_sampled() -> None:
    found = run("sportybet", [sportybet("29", prices={"Yes": "1.7", "Maybe": "9", "Never": "8"})])
    (one,) = found.missed
    assert {selection.label for row in one.rows for selection in row.selections} == {
        "Maybe",
        "Never",
    }


def test_equal_rows_are_one() -> None:
    row = sportybet("29", prices={"Yes": "1.7"})
    assert answer(run("sportybet", [row, row])) == {("btts_ft", None): {"yes": 1.7}}


def test_two_prices_of_one_outcome_that_differ_are_refused_not_chosen_from() -> None:
    rows = [sportybet("29", prices={"Yes": odds}) for odds in ("1.7", "1.8")]
    found = run("sportybet", rows)
    assert not found.markets
    assert [(entry.code, entry.detail) for entry in found.rejected] == [
        ("INVALID_ODDS", "yes: two prices that differ")
    ]


def test_two_labels_that_mean_one_outcome_may_not_differ_in_price() -> None:
    found = run("sportybet", [sportybet("29", prices={"Yes": "1.7", "GG": "1.8"})])
    assert not found.markets


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_closed_copy_says_nothing_against_an_open_one(order: tuple[int, ...]) -> None:
    rows = [
        sportybet("29", prices={"Yes": "1.7", "No": "2.1"}, status=1),
        sportybet("29", prices={"Yes": "1.45"}, status=0),
        sportybet("29", prices={"Yes": "1.9", "No": "2.1"}, status=2),
    ]
    found = run("sportybet", [rows[place] for place in order])
    assert answer(found) == {("btts_ft", None): {"yes": 1.45, "no": 2.1}}
    assert active(found) == {"yes": True, "no": False}
    assert not found.rejected


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_two_closed_prices_that_differ_neither_is_shown(order: tuple[int, ...]) -> None:
    odds = ("1.7", "1.8", "1.7")
    rows = [sportybet("29", prices={"Yes": odds[place]}, status=1) for place in order]
    found = run("sportybet", rows)
    assert answer(found) == {("btts_ft", None): {"yes": None}}
    assert active(found) == {"yes": False}


def test_two_open_copies_that_differ_are_refused_whatever_else_is_closed() -> None:
    states = (("1.7", 0), ("1.9", 1), ("1.8", 0))
    rows = [sportybet("29", prices={"Yes": odds}, status=status) for odds, status in states]
    assert [entry.code for entry in run("sportybet", rows).rejected] == ["INVALID_ODDS"]


def test_an_id_longer_than_its_column_keeps_its_head_and_stays_distinct() -> None:
    ids = ["7" * 300 + tail for tail in "ab"]
    found = run("sportybet", [sportybet(market_id) for market_id in ids])
    short = [entry.external_market_id for entry in found.misses]
    assert all(len(one) == 100 and one.startswith("7" * 80) for one in short)
    assert len(set(short)) == 2


def test_an_id_of_exactly_100_characters_stays_as_it_is() -> None:
    found = run("sportybet", [sportybet("7" * 100)])
    assert [entry.external_market_id for entry in found.misses] == ["7" * 100]


def test_the_id_of_another_market_is_cut_as_well() -> None:
    found = run("sportybet", [sportybet("1", "x=" + "y" * 900, prices={"Home": "2"})])
    (entry,) = found.misses
    assert len(entry.external_market_id) == 100
    assert entry.external_market_id.startswith("1?x=yyy")


def test_names_and_labels_of_misses_are_cut() -> None:
    rows = [
        sportybet("830101", None, "n" * 1000),
        sportybet("29", prices={"Yes": "2", "m" * 2000: "3"}),
    ]
    found = run("sportybet", rows)
    assert {len(entry.market_name or "") for entry in found.misses} == {0, 255}
    assert {len(entry.outcome or "") for entry in found.misses} == {0, 255}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("markets", [None, [], {}, "x", 5, True])
def test_what_is_not_the_platform_s_container_holds_no_rows(
    platform: Platform, markets: Any
) -> None:
    assert list(platform_rows(Observation(platform, markets))) == []
    found = resolve(Observation(platform, markets), FOOTBALL)
    assert (found.markets, found.misses, found.rejected, found.missed) == ([], [], [], [])


def test_a_miss_of_several_names_shows_the_least() -> None:
    rows = [sportybet("830101", "variant=" + name, name) for name in ("Zeta", "Alpha")]
    assert [entry.market_name for entry in run("sportybet", rows).misses] == ["Alpha"]


def test_of_very_many_rejections_the_first_are_kept_and_the_others_counted() -> None:
    unreadable = [*range(MOST_REJECTED + 7), 0]
    found = run("sportybet", [*unreadable, sportybet("1", prices={"Home": "x"})])
    assert found.more_rejected == {"INVALID_KEY_FORMAT": 8}
    assert len(found.rejected) == MOST_REJECTED
    assert found.rejected[0].code == "INVALID_ODDS", (
        "what cannot be read must not crowd out the rest"
    )
    backwards = run("sportybet", [sportybet("1", prices={"Home": "x"}), *reversed(unreadable)])
    assert (backwards.rejected, backwards.more_rejected) == (found.rejected, found.more_rejected)
