"""Which prices stand next to each other, what is left out of a comparison, and what a board remembers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.board import LEFT_OUT, Board, LeftOut, facts_of
from clients.python.market_mapping_client.follow import newer
from clients.python.market_mapping_client.grades import Grades
from clients.python.market_mapping_client.latest import Latest
from clients.python.market_mapping_client.markets import canonical_markets
from tests.support.kit_events import MAPPINGS, event, market

HOME_DRAW_AWAY = {"home": 2.1, "draw": 3.4, "away": 3.6}
TEAMS = {"home": "Alder", "away": "Brack"}
BEFORE = "2026-11-22T11:50:00Z"


class Record(NamedTuple):
    value: bytes | None
    offset: int
    key: bytes | None = b"1"
    partition: int = 0
    topic: str = "odds.resolved"
    headers: tuple[tuple[str, bytes | None], ...] = ()


def board_of(*events: object, **settings: float) -> Board:
    board = Board(MAPPINGS, **settings)  # type: ignore[arg-type]  # numbers by name
    for each in events:
        board.take(each)  # type: ignore[arg-type]  # states of this test
    return board


def reasons(board: Board) -> set[str]:
    return {each.reason for each in board.compare("1").left_out}


def test_the_best_price_of_each_outcome_is_found_over_all_bookmakers() -> None:
    board = board_of(
        event("sportybet", [market("1x2_ft", {"home": 2.1, "draw": 3.4, "away": 3.6})]),
        event("betpawa", [market("1x2_ft", {"home": 2.0, "draw": 3.5, "away": 3.5})]),
        event("bet9ja", [market("1x2_ft", {"home": 2.05, "draw": 3.3, "away": 3.8})]),
    )
    (row,) = board.rows("1")
    assert {name: tuple(price) for name, price in row.best.items()} == {
        "home": ("sportybet", 2.1),
        "draw": ("betpawa", 3.5),
        "away": ("bet9ja", 3.8),
    }
    assert row.overround == pytest.approx(1 / 2.1 + 1 / 3.5 + 1 / 3.8)
    assert row.platforms == {"sportybet", "betpawa", "bet9ja"}


def test_of_equal_prices_the_first_bookmaker_by_name_is_named() -> None:
    same = [market("1x2_ft", HOME_DRAW_AWAY)]
    (row,) = board_of(event("sportybet", same), event("bet9ja", same)).rows("1")
    assert {price.platform for price in row.best.values()} == {"bet9ja"}


def test_lines_are_rows_of_their_own_in_the_order_of_their_numbers() -> None:
    odds = {"over": 1.9, "under": 1.9}
    lines = ["10.5", "2.5", "0.5"]
    board = board_of(
        event("sportybet", [market("over_under_ft", odds, line=line) for line in lines])
    )
    assert [row.line for row in board.rows("1")] == ["0.5", "2.5", "10.5"]


def test_a_suspended_price_is_not_on_offer() -> None:
    board = board_of(
        event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY | {"home": None})]),
        event("betpawa", [market("1x2_ft", HOME_DRAW_AWAY)]),
    )
    (row,) = board.rows("1")
    assert row.prices["home"] == {"betpawa": 2.1}
    assert LeftOut("sportybet", "1x2_ft", None, "home", "SUSPENDED") in board.compare("1").left_out


def test_an_outcome_without_any_price_leaves_no_overround() -> None:
    board = board_of(event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY | {"home": None})]))
    assert board.rows("1")[0].overround is None


def test_a_market_that_is_not_exclusive_has_best_prices_and_no_overround() -> None:
    """A list of exact goals with a 0 that is not listed would look like an arbitrage."""
    goals = {"1": 4.0, "2": 4.0, "3": 5.0, "4": 8.0, "5": 15.0}
    (row,) = board_of(event("bet9ja", [market("exact_goals_ft", goals)])).rows("1")
    assert sum(1 / price.odds for price in row.best.values()) < 1
    assert row.overround is None


def test_a_market_of_unknown_meaning_is_left_out() -> None:
    untold = {"1x2_ft": MAPPINGS["1x2_ft"].model_copy(update={"traits": None})}
    board = Board(untold)
    board.take(event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY), market("new", {"yes": 2.0})]))
    assert board.rows("1") == ()
    assert reasons(board) == {"UNKNOWN_MEANING"}


def test_an_outcome_that_the_mapping_does_not_list_is_left_out() -> None:
    board = board_of(event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY | {"none": 9.0})]))
    (row,) = board.rows("1")
    assert "none" not in row.prices
    assert reasons(board) == {"UNKNOWN_OUTCOME"}


def scores(count: int) -> dict[str, float | None]:
    listed = sorted(o.canonical_id for o in MAPPINGS["correct_score_1h"].outcome_mapping)
    return dict.fromkeys([name for name in listed if name != "other"][:count], 9.0)


def test_what_is_left_over_compares_where_the_same_outcomes_are_listed() -> None:
    listed = market("correct_score_1h", scores(9) | {"other": 30.0})
    (row,) = board_of(event("sportybet", [listed]), event("betpawa", [listed])).rows("1")
    assert row.prices["other"] == {"sportybet": 30.0, "betpawa": 30.0}


def test_what_different_lists_leave_over_is_not_compared() -> None:
    board = board_of(
        event("sportybet", [market("correct_score_1h", scores(9) | {"other": 30.0})]),
        event("betpawa", [market("correct_score_1h", scores(8) | {"other": 25.0})]),
    )
    (row,) = board.rows("1")
    assert "other" not in row.prices
    assert {each.platform for each in board.compare("1").left_out} == {"sportybet", "betpawa"}
    assert reasons(board) == {"RESIDUAL"}


def test_a_residual_is_known_by_its_name_where_the_mapping_does_not_declare_it() -> None:
    listed = {"home_123": 5.0, "other_home": 9.0}
    board = board_of(
        event("sportybet", [market("multiscores_ft", listed | {"draw": 3.0})]),
        event("betpawa", [market("multiscores_ft", listed)]),
    )
    assert "other_home" not in board.rows("1")[0].prices


def test_a_market_that_was_read_in_part_takes_no_part_in_a_book() -> None:
    """What could not be read may change the others, such as `exactly 2` next to over and under."""
    board = board_of(
        event(
            "sportybet",
            [market("over_under_ft", {"over": 2.6, "under": 2.6}, line="2", complete=False)],
        ),
        event("betpawa", [market("over_under_ft", {"over": 1.9, "under": 1.9}, line="2")]),
    )
    (row,) = board.rows("1")
    assert row.platforms == {"betpawa"}
    assert reasons(board) == {"INCOMPLETE"}


def test_in_a_list_that_makes_no_book_a_market_that_was_read_in_part_has_its_prices() -> None:
    goals = {"1": 4.0, "2": 4.0}
    (row,) = board_of(event("bet9ja", [market("exact_goals_ft", goals, complete=False)])).rows("1")
    assert row.platforms == {"bet9ja"}


@pytest.mark.parametrize("canonical_id", ["bookings_over_under_ft", "sending_off_ft"])
def test_who_settles_by_rules_of_its_own_is_not_compared(canonical_id: str) -> None:
    odds = {o.canonical_id: 1.9 for o in MAPPINGS[canonical_id].outcome_mapping}
    books = [
        event(name, [market(canonical_id, odds)]) for name in ("bet9ja", "sportybet", "betpawa")
    ]
    board = board_of(*books)
    assert board.rows("1")[0].platforms == {"sportybet", "betpawa"}
    assert reasons(board) == {"OTHER_SETTLEMENT"}


def test_a_market_with_a_note_on_settlement_has_best_prices_and_no_overround() -> None:
    noted = next(
        each
        for each in canonical_markets().values()
        if each.is_one_book and each.settlement and each.counts == "shots"
    )
    board = Board()
    board.take(event("sportybet", [market(noted.canonical_id, dict.fromkeys(noted.outcomes, 9.0))]))
    (row,) = board.rows("1")
    assert row.overround is None
    assert row.settlement == noted.settlement
    assert row.best.keys() == noted.outcomes.keys()


def test_the_markets_of_the_catalogue_and_its_mappings_say_the_same() -> None:
    for name, mapping in MAPPINGS.items():
        ours, theirs = facts_of(mapping), facts_of(canonical_markets()[name])
        assert ours is not None
        assert theirs is not None
        assert ours.outcomes == theirs.outcomes
        assert (ours.is_one_book, ours.settlement) == (theirs.is_one_book, theirs.settlement)
        assert ours.residuals <= theirs.residuals


def test_a_book_that_was_seen_long_before_the_others_is_left_out() -> None:
    old = event("betpawa", [market("1x2_ft", HOME_DRAW_AWAY)], observed_at=BEFORE)
    new = event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY)])
    board = board_of(old, new)
    assert board.rows("1")[0].platforms == {"sportybet"}
    assert reasons(board) == {"STALE"}
    assert board_of(old, new, max_apart_s=600).rows("1")[0].platforms == {"sportybet", "betpawa"}


def test_prices_before_the_match_are_not_compared_with_prices_in_play() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    board = board_of(
        event("betpawa", prices, observed_at="2026-11-22T11:59:00Z"),
        event("sportybet", prices, event={"live": True}),
    )
    assert board.rows("1")[0].platforms == {"sportybet"}
    assert reasons(board) == {"OTHER_PHASE"}


def test_a_book_with_home_and_away_exchanged_is_left_out() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    board = board_of(
        event("sportybet", prices, event=TEAMS),
        event("bet9ja", prices, event=TEAMS),
        event("betpawa", prices, event={"home": "brack", "away": "alder"}),
    )
    assert board.rows("1")[0].platforms == {"sportybet", "bet9ja"}
    assert reasons(board) == {"TEAMS_EXCHANGED"}


def test_teams_under_other_names_are_the_same_teams() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    board = board_of(
        event("sportybet", prices, event=TEAMS),
        event("betpawa", prices, event={"home": "FC Alder", "away": "Brack Town"}),
    )
    assert reasons(board) == set()


def test_an_event_that_takes_no_bets_has_no_prices() -> None:
    board = board_of(
        event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY)], event={"status": "suspended"})
    )
    assert board.rows("1") == ()
    assert reasons(board) == {"SUSPENDED"}


def test_a_market_without_the_grade_that_is_asked_for_is_left_out() -> None:
    board = Board(MAPPINGS, grades=Grades(), least_grade="modelled")
    board.take(event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY)]))
    assert board.rows("1") == ()
    assert reasons(board) == {"GRADE"}


def test_every_reason_occurs_above() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [reason for reason in LEFT_OUT if f'"{reason}"' not in source] == []


def test_matches_are_joined_by_the_sportradar_id_alone() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    unknown = event("betpawa", prices, event={"id": "7", "sportradar_id": None})
    board = board_of(event("sportybet", prices), unknown)
    assert sorted(board) == ["1", "betpawa:7"]
    assert board.rows("betpawa:7")[0].platforms == {"betpawa"}


def test_an_event_that_gets_its_sportradar_id_later_moves_to_its_match() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    board = board_of(
        event("betpawa", prices, event={"sportradar_id": None}),
        event("betpawa", prices, observed_at="2026-11-22T12:00:01Z"),
    )
    assert list(board) == ["1"]


def test_an_older_state_does_not_replace_a_newer_one() -> None:
    new = event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY)])
    old = event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY | {"home": 9.0})], observed_at=BEFORE)
    assert board_of(new, old).rows("1")[0].best["home"].odds == 2.1


def test_an_event_that_has_ended_is_dropped_and_so_is_a_match_without_books() -> None:
    prices = [market("1x2_ft", HOME_DRAW_AWAY)]
    board = board_of(event("sportybet", prices), event("betpawa", prices))
    board.take(event("betpawa", [], event={"status": "finished"}))
    assert [book.platform for book in board.books("1")] == ["sportybet"]
    board.drop(("sportybet", "sportybet-1"))
    assert len(board) == 0
    board.drop(("sportybet", "sportybet-1"))  # what is not there needs no dropping


def test_what_the_newest_states_drop_leaves_the_board() -> None:
    board = Board(MAPPINGS)
    first = event("sportybet", [market("1x2_ft", HOME_DRAW_AWAY)])
    now = [first.observed_at]
    latest = Latest(interval_s=1, clock=lambda: now[0], on_drop=board.drop)
    assert latest.take(first)
    board.take(first)
    now[0] = now[0].replace(minute=5)
    latest.drop_unseen()
    assert len(board) == 0


def test_a_part_of_a_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="pass what Latest gives"):
        board_of(event("sportybet", [], part={"number": 1, "of": 2}))


@pytest.mark.parametrize("status", ["finished", "cancelled"])
def test_a_part_that_says_that_the_event_has_ended_drops_it_as_a_reader_passes_it(
    status: str,
) -> None:
    board = Board(MAPPINGS)
    latest = Latest(max_ahead_s=1e9, on_drop=board.drop)
    parts = [
        event("sportybet", [market(name, odds)], part={"number": number, "of": 2})
        for number, (name, odds) in enumerate(
            [("1x2_ft", HOME_DRAW_AWAY), ("btts_ft", {"yes": 1.9, "no": 1.9})], 1
        )
    ]
    ended = event(
        "sportybet",
        [],
        part={"number": 1, "of": 2},
        observed_at="2026-11-22T12:05:00Z",
        event={"status": status},
    )
    known = []
    for number, each in enumerate([*parts, ended]):
        state = newer(latest, Record(each.model_dump_json().encode(), number))
        if state is not None:
            known.append((board.take(state), len(board)))
    assert known == [("1", 1), ("1", 0)]


def test_a_board_holds_a_bounded_number_of_matches_and_drops_the_least_recently_seen() -> None:
    board = board_of(most_matches=2)
    for match in ("1", "2", "1", "3"):
        board.take(event("sportybet", [], event={"id": match, "sportradar_id": match}))
    assert list(board) == ["1", "3"]
    board.take(event("sportybet", [], event={"id": "2", "sportradar_id": "2"}))
    assert list(board) == ["3", "2"]
    assert len(board._match_of) == 2
