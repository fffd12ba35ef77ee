"""Prices of players side by side: only of players who are one at all bookmakers of the row."""

from __future__ import annotations

from itertools import permutations

import pytest

from clients.python.market_mapping_client.board import Board, PlayerRow
from clients.python.market_mapping_client.messages import ResolvedEvent
from tests.support.kit_events import MAPPINGS
from tests.support.kit_players import event_of_players, player, players_market

WANG = player("jiao wang", id="1", side="home")
THEIR_WANG = player("jiao wang", feed_id="5", side="home")


def board_of(*events: ResolvedEvent) -> Board:
    board = Board(MAPPINGS)
    for each in events:
        board.take(each)
    return board


def rows(*events: ResolvedEvent) -> tuple[PlayerRow, ...]:
    return board_of(*events).compare("1").players


def platforms(*events: ResolvedEvent) -> list[set[str]]:
    """Of each row, the bookmakers whose prices are in it."""
    return sorted((set(row.platforms) for row in rows(*events)), key=sorted)


def test_prices_of_a_player_of_two_bookmakers_are_in_one_row() -> None:
    (row,) = rows(
        event_of_players("betpawa", players_market(WANG, 3.4)),
        event_of_players("sportybet", players_market(THEIR_WANG, 3.6)),
    )
    assert row.prices == {"yes": {"betpawa": 3.4, "sportybet": 3.6}}
    assert tuple(row.best["yes"]) == ("sportybet", 3.6)
    assert {name: who.feed_id or who.id for name, who in row.participants.items()} == {
        "betpawa": "1",
        "sportybet": "5",
    }


def test_players_are_no_rows_of_the_match() -> None:
    """There a market and a line are one row; a reader that looks one up must not find another player's."""
    board = board_of(event_of_players("betpawa", players_market(WANG)))
    assert board.rows("1") == ()


def test_who_is_not_joined_stays_alone() -> None:
    ours = event_of_players("betpawa", players_market(WANG, 3.4))
    theirs = event_of_players(
        "sportybet", players_market(player("wei long", feed_id="6", side="home"))
    )
    assert platforms(ours, theirs) == [{"betpawa"}, {"sportybet"}]


def test_two_players_of_one_name_stay_alone_at_every_bookmaker() -> None:
    ours = event_of_players("betpawa", players_market(WANG, 3.4))
    theirs = event_of_players(
        "sportybet",
        players_market(THEIR_WANG, 3.6),
        players_market(player("jiao wang", feed_id="6", side="home"), 9.0),
    )
    assert platforms(ours, theirs) == [{"betpawa"}, {"sportybet"}, {"sportybet"}]


def test_the_side_tells_players_of_one_name_apart() -> None:
    ours = event_of_players("betpawa", players_market(WANG, 3.4))
    theirs = event_of_players(
        "sportybet",
        players_market(THEIR_WANG, 3.6),
        players_market(player("jiao wang", feed_id="6", side="away"), 9.0),
    )
    joined = next(row for row in rows(ours, theirs) if len(row.platforms) == 2)
    assert joined.prices["yes"] == {"betpawa": 3.4, "sportybet": 3.6}


def test_one_player_at_three_bookmakers_is_one_row() -> None:
    books = [
        event_of_players("betpawa", players_market(WANG, 3.4)),
        event_of_players("sportybet", players_market(THEIR_WANG, 3.6)),
        event_of_players("bet9ja", players_market(player("jiao wang", id="9", side="home"), 3.5)),
    ]
    for order in permutations(books):
        (row,) = rows(*order)
        assert row.platforms == {"betpawa", "sportybet", "bet9ja"}


def test_a_name_between_two_players_joins_nobody() -> None:
    """BetPawa's could be either of the two, of whom the feed says that they are not one."""
    books = [
        event_of_players("sportybet", players_market(THEIR_WANG)),
        event_of_players("betpawa", players_market(WANG)),
        event_of_players(
            "bet9ja", players_market(player("jiao wang", feed_id="6", side="home"), 3.5)
        ),
    ]
    for order in permutations(books):
        assert platforms(*order) == [{"bet9ja"}, {"betpawa"}, {"sportybet"}]


def test_a_player_whom_a_bookmaker_has_on_both_sides_joins_nobody_and_hides_no_namesake() -> None:
    on_both = [
        players_market(player("jiao wang", feed_id="6", side=side), canonical_id=market)
        for side, market in (("home", "anytime_goalscorer_ft"), ("away", "player_carded_ft"))
    ]
    theirs = event_of_players("sportybet", players_market(THEIR_WANG), *on_both)
    ours = event_of_players("betpawa", players_market(WANG))
    assert all(len(row.platforms) == 1 for row in rows(ours, theirs))


def test_each_market_and_line_of_a_player_is_a_row_in_order() -> None:
    over = {"canonical_id": "player_shots_incl_ot", "outcome": "over"}
    (one, two, three) = rows(
        event_of_players(
            "sportybet",
            players_market(THEIR_WANG, line="1.5", **over),  # type: ignore[arg-type]  # texts
            players_market(THEIR_WANG, line="0.5", **over),  # type: ignore[arg-type]  # texts
            players_market(THEIR_WANG),
        )
    )
    assert (one.canonical_id, two.line, three.line) == ("anytime_goalscorer_ft", "0.5", "1.5")


def test_a_price_of_another_line_or_market_is_not_compared() -> None:
    over = {"canonical_id": "player_shots_incl_ot", "outcome": "over"}
    ours = event_of_players("betpawa", players_market(WANG, line="0.5", **over))  # type: ignore[arg-type]  # texts
    theirs = event_of_players("sportybet", players_market(THEIR_WANG, line="1.5", **over))  # type: ignore[arg-type]  # texts
    assert platforms(ours, theirs) == [{"betpawa"}, {"sportybet"}]


def test_players_of_two_matches_are_never_joined() -> None:
    other = {"id": "2", "sportradar_id": "2"}
    board = board_of(
        event_of_players("betpawa", players_market(WANG)),
        event_of_players("sportybet", players_market(THEIR_WANG), event=other),
    )
    assert [set(board.compare(match).players[0].platforms) for match in sorted(board)] == [
        {"betpawa"},
        {"sportybet"},
    ]


def test_what_is_left_out_of_a_player_s_market_says_whose_it_is() -> None:
    found = board_of(event_of_players("betpawa", players_market(WANG, None))).compare("1")
    (one,) = found.left_out
    assert (one.reason, one.participant and one.participant.id) == ("SUSPENDED", "1")
    assert found.players == ()


@pytest.mark.parametrize("state", [{"status": "suspended"}, {"live": True}])
def test_players_of_a_book_that_is_left_out_are_not_shown(state: dict[str, object]) -> None:
    newer = event_of_players("sportybet", observed_at="2026-11-22T12:00:01Z")
    ours = event_of_players("betpawa", players_market(WANG), event=state)
    assert rows(ours, newer) == ()


def test_no_sum_of_odds_is_given_where_the_others_are_no_outcome() -> None:
    """Who sells `yes` alone sells no book."""
    (row,) = rows(event_of_players("betpawa", players_market(WANG)))
    assert row.overround is None
