"""A mapping is contradicted at the first event, and by most of three where there are more."""

from collections.abc import Iterator

import pytest

from tests.support.boards import INDEX, JUDGE
from worker.insight.agreed_proofs import MOST_BOARDS, QuotedBoard, agreed_proofs
from worker.insight.boards import Board, Sold, read

RIGHT, TOO_DEAR, TOO_CHEAP = (2.0, 3.3, 3.9), (1.1, 1.2, 1.3), (4.0, 4.0, 4.0)


def board(number: int, odds: tuple[float, ...]) -> QuotedBoard:
    row = Sold("1", None, None, dict(zip(("Home", "Draw", "Away"), odds, strict=True)), 0)
    one = Board(f"event {number}", "sportybet", None, (row,))
    return QuotedBoard(one, read(one, INDEX))


def boards(*odds: tuple[float, ...]) -> Iterator[QuotedBoard]:
    return (board(number, each) for number, each in enumerate(odds, 1))


@pytest.mark.parametrize(
    ("odds", "events"),
    [
        ([TOO_DEAR], ("event 1",)),
        ([TOO_DEAR, TOO_CHEAP], ("event 1", "event 2")),
        ([RIGHT, TOO_DEAR, TOO_DEAR], ("event 2", "event 3")),
        ([TOO_DEAR, RIGHT, TOO_DEAR], ("event 1", "event 3")),
        ([TOO_DEAR, TOO_DEAR, RIGHT], ("event 1", "event 2")),
    ],
)
def test_most_boards_show_it(odds: list[tuple[float, ...]], events: tuple[str, ...]) -> None:
    (found,) = agreed_proofs("1x2_ft", boards(*odds), INDEX, JUDGE)
    assert (found.kind, found.events) == ("partition", events)


@pytest.mark.parametrize(
    "odds",
    [[], [RIGHT], [TOO_DEAR, RIGHT], [RIGHT, RIGHT, TOO_DEAR], [RIGHT, TOO_DEAR, RIGHT, TOO_DEAR]],
)
def test_fewer_are_no_fault_of_the_mapping(odds: list[tuple[float, ...]]) -> None:
    assert agreed_proofs("1x2_ft", boards(*odds), INDEX, JUDGE) == []


def test_no_more_boards_are_looked_at_than_it_takes() -> None:
    for odds, most in (([TOO_DEAR] * 5, 2), ([RIGHT] * 5, 2), ([RIGHT, TOO_DEAR] * 3, MOST_BOARDS)):
        left = boards(*odds)
        agreed_proofs("1x2_ft", left, INDEX, JUDGE)
        assert len(odds) - len(list(left)) == most


def test_what_is_said_has_the_kind_and_the_first_proof() -> None:
    (found,) = agreed_proofs("1x2_ft", boards(TOO_DEAR, TOO_DEAR), INDEX, JUDGE)
    assert found.reason == (
        "contradicted by the bookmaker's own prices on 2 events (partition): "
        "3 outcomes, of which 1 wins, come to 2.51"
    )
