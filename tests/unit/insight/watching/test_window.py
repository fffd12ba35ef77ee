"""Which events are watched: the same ones whatever is read twice, in another order, or after a restart."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.rows import Label
from worker.domain.events import event_hash
from worker.domain.labels import Teams
from worker.insight.boards import Board, Sold
from worker.insight.watching.stored import (
    MOST_BOARD_BYTES,
    MOST_BOARD_ROWS,
    StoredBoard,
    UnreadableBoardsError,
    pack,
    pack_together,
    read_together,
    unpack,
    unpack_together,
)
from worker.insight.watching.window import (
    MOST_APART,
    MOST_PENDING,
    MOST_WATCHED,
    EventWindow,
    SeenBoard,
    TooLargeError,
    WatchedEvent,
)
from worker.storage.tables import watched_event

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def board(event: str, platform: Platform = "betpawa", odds: float = 2.0, row: str = "1") -> Board:
    prices: dict[Label, float] = {"1": odds, ("X", "0"): 3.5}
    return Board(event, platform, Teams("reds", "blues"), (Sold(row, None, "1X2", prices, 1),))


def seen(
    event: str,
    platform: Platform = "betpawa",
    second: int = 0,
    *,
    part: int = 0,
    odds: float = 2.0,
    row: str = "1",
) -> SeenBoard:
    at = NOON + timedelta(seconds=second)
    return SeenBoard(event, "Reds", "Blues", NOON, at, part, board(event, platform, odds, row))


def window(*, most_bytes: int = 1 << 20) -> EventWindow:
    return EventWindow(most_bytes=most_bytes, max_age=timedelta(hours=1))


def content(of: EventWindow) -> dict[str, dict[Platform, Board]]:
    return {
        one.event: {p: unpack(one.event, p, stored) for p, stored in one.boards.items()}
        for one in of.watched()
    }


def test_a_board_is_unpacked_as_it_was_packed() -> None:
    packed = pack(board("e"), NOON, frozenset([2]))
    assert unpack("e", "betpawa", packed) == board("e")
    together: dict[Platform, StoredBoard] = {
        "betpawa": packed,
        "bet9ja": pack(board("e", "bet9ja"), NOON),
    }
    found = unpack_together("e", pack_together(together))
    assert {platform: one for platform, (one, _) in found.items()} == {
        "betpawa": board("e"),
        "bet9ja": board("e", "bet9ja"),
    }
    assert {platform: one for platform, (_, one) in found.items()} == together


def test_one_market_of_each_bookmaker_is_read_without_the_others() -> None:
    one, other = board("e"), board("e", "bet9ja")
    packed = pack_together({each.platform: pack(each, NOON) for each in (one, other)})
    wanted = one.rows[0].market_id
    expected = [row for row in one.rows if row.market_id == wanted]
    found = {
        each.platform: each.rows for _, each in read_together("e", packed, {"betpawa": wanted})
    }
    assert found == {"betpawa": tuple(expected), "bet9ja": ()}


@pytest.mark.parametrize(
    "packed", [b"", b"nothing", pack_together({})[:-3], *pack(board("e"), NOON).pieces]
)
def test_bytes_that_hold_no_boards_are_refused(packed: bytes) -> None:
    with pytest.raises(UnreadableBoardsError):
        unpack_together("e", packed)


def test_an_event_is_watched_once_two_bookmakers_sell_it() -> None:
    watching = window()
    assert watching.take(seen("e"))
    assert watching.watched() == []
    assert watching.take(seen("e", "bet9ja"))
    (event,) = watching.watched()
    assert (event.event, event.home, event.starts_at) == ("e", "Reds", NOON)
    assert watching.changed() == {"e"}
    assert watching.changed() == set()


@LAWS
@given(st.randoms(use_true_random=False))
def test_order_and_repetition_leave_no_trace(draw: random.Random) -> None:
    records = [
        seen(f"e{number}", platform, second, odds=2 + second / 10)
        for number in range(8)
        for platform in PLATFORMS[:2]
        for second in range(3)
    ]
    shuffled = records + draw.sample(records, 20)
    draw.shuffle(shuffled)
    one, other = window(), window()
    for record in records:
        one.take(record)
    for record in shuffled:
        other.take(record)
    assert content(one) == content(other)
    assert one.size == other.size == sum(event.size for event in one.watched())


def test_what_is_read_again_is_no_change() -> None:
    watching = window()
    for platform in PLATFORMS[:2]:
        watching.take(seen("e", platform, 5))
    watching.changed()
    assert not watching.take(seen("e", "betpawa", 5))
    assert not watching.take(seen("e", "betpawa", 4))
    assert watching.changed() == set()


def test_the_parts_of_one_observation_are_one_board() -> None:
    watching = window()
    watching.take(seen("e", "bet9ja"))
    watching.take(seen("e", part=1))
    watching.take(seen("e", part=2, row="2"))
    assert not watching.take(seen("e", part=1))
    both = content(watching)["e"]["betpawa"]
    assert [row.market_id for row in both.rows] == ["1", "2"]
    watching.take(seen("e", second=1, part=2, row="2"))
    assert [row.market_id for row in content(watching)["e"]["betpawa"].rows] == ["2"]


def test_the_parts_of_one_observation_are_stored_as_one_board() -> None:
    watching = window()
    for part in (1, 2, 3):
        watching.take(seen("e", part=part, row=str(part % 2), odds=part))
    (event,) = watching.events()
    ((found, stored),) = unpack_together("e", pack_together(event.boards)).values()
    assert found == unpack("e", "betpawa", event.boards["betpawa"])
    assert {row.market_id: row.odds["1"] for row in found.rows} == {"1": 3.0, "0": 2.0}
    assert (stored.observed_at, stored.parts) == (NOON, frozenset([1, 2, 3]))


def large(event: str, size: int, platform: Platform = "betpawa", part: int = 0) -> SeenBoard:
    """A board of about this many bytes, which cannot be compressed."""
    name = random.Random(part).randbytes(size // 2).hex()
    return seen(event, platform, part=part, row=name)


def test_a_board_over_its_bound_is_not_taken() -> None:
    watching = window(most_bytes=1 << 26)
    watching.take(seen("e", second=-1))
    with pytest.raises(TooLargeError):
        watching.take(large("e", MOST_BOARD_BYTES + 1))
    rows = tuple(Sold(str(n), None, None, {}, 0) for n in range(MOST_BOARD_ROWS + 1))
    with pytest.raises(TooLargeError):
        watching.take(seen("e")._replace(board=Board("e", "betpawa", None, rows)))
    (event,) = watching.events()
    assert event.boards["betpawa"] == pack(board("e"), NOON - timedelta(seconds=1))


def test_a_part_that_makes_its_board_too_large_is_not_taken() -> None:
    watching = window(most_bytes=1 << 26)
    for part in range(1, 9):
        observed = large("e", MOST_BOARD_BYTES // 4, part=part)
        if part < 4:
            assert watching.take(observed)
        else:
            with pytest.raises(TooLargeError):
                watching.take(observed)
    (event,) = watching.events()
    assert event.boards["betpawa"].parts == {1, 2, 3}
    assert len(unpack("e", "betpawa", event.boards["betpawa"]).rows) == 3


def test_the_largest_boards_of_all_bookmakers_fit_into_the_database_and_can_be_read() -> None:
    watching = window(most_bytes=1 << 26)
    for platform in PLATFORMS:
        for part in (1, 2):
            watching.take(large("e", MOST_BOARD_BYTES // 2 - 1024, platform, part))
    (event,) = watching.events()
    packed = pack_together(event.boards)
    assert len(unpack_together("e", packed)) == len(PLATFORMS)
    most = [str(each.sqltext) for each in watched_event.constraints if "boards" in str(each.name)]  # type: ignore[attr-defined]  # a check
    assert most == ["octet_length(boards) <= 16777216"]
    assert len(PLATFORMS) * MOST_BOARD_BYTES + 4096 <= 16777216


def test_an_event_that_is_left_out_is_taken_again() -> None:
    watching = window()
    watching.take(seen("e"))
    watching.leave_out("e")
    watching.leave_out("another")
    assert (len(watching), watching.size, watching.changed()) == (0, 0, set())
    assert watching.take(seen("e"))


def test_the_events_with_the_smallest_numbers_are_kept() -> None:
    watching = window()
    events = [f"e{number}" for number in range(2 * MOST_WATCHED)]
    for event in events:
        for platform in PLATFORMS[:2]:
            if watching.wants(event):
                watching.take(seen(event, platform))
    expected = sorted(events, key=event_hash)[:MOST_WATCHED]
    assert [one.event for one in watching.watched()] == expected
    assert not watching.wants(max(events, key=event_hash))
    assert watching.wants(expected[0])


def test_events_that_wait_for_a_second_bookmaker_are_bounded() -> None:
    watching = window()
    for number in range(3 * MOST_PENDING):
        watching.take(seen(f"e{number}"))
    assert len(watching) == MOST_PENDING


def test_bytes_are_bounded_and_counted() -> None:
    watching = window(most_bytes=2000)
    for number in range(40):
        for platform in PLATFORMS[:2]:
            watching.take(seen(f"e{number}", platform))
        assert watching.size <= 2000
    assert 0 < watching.watched_count < 40


def test_what_was_not_seen_for_too_long_is_dropped() -> None:
    watching = window()
    for platform in PLATFORMS[:2]:
        watching.take(seen("old", platform))
        watching.take(seen("new", platform, 60))
    watching.expire(NOON + timedelta(hours=1, seconds=30))
    assert [one.event for one in watching.watched()] == ["new"]
    assert watching.changed() == {"new"}
    assert watching.size == watching.watched()[0].size


def test_boards_that_are_not_of_one_moment_are_not_compared() -> None:
    late = pack(board("e", "bet9ja"), NOON + MOST_APART + timedelta(seconds=1))
    event = WatchedEvent("e", None, None, None, {"betpawa": pack(board("e"), NOON), "bet9ja": late})
    assert set(event.together) == {"bet9ja"}
