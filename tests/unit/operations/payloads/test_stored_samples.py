"""Which of what is stored of a market is explained without a payload."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.domain.books.platforms import Platform
from worker.insight.boards import Board, Sold
from worker.insight.watching.stored import pack, pack_together
from worker.operations.payloads.stored_samples import (
    MarketSample,
    StoredMarket,
    asked_market,
    find_sample,
)
from worker.storage.insight.evidence import StoredEvent
from worker.storage.misses import QueuedMiss

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(name: str, *rows: Sold) -> StoredEvent:
    board = Board(name, "sportybet", None, rows)
    return StoredEvent(
        name, "Reds", "Blues", NOON, NOON, pack_together({"sportybet": pack(board, NOON)})
    )


def missed(market_id: str, *samples: dict[str, Any], age: int = 0) -> QueuedMiss:
    stored = dict.fromkeys(QueuedMiss._fields) | {
        "source": "sportybet",
        "external_market_id": market_id,
        "market_name": "Total",
        "sample_outcomes": list(samples),
        "last_seen_at": NOON - timedelta(hours=age),
    }
    return QueuedMiss(**stored)  # type: ignore[arg-type]  # what does not matter is None


def total(line: str) -> Sold:
    return Sold("18", f"total={line}", "Total", {f"Over {line}": 1.9}, 0)


def found(
    text: str, *, events: Any = (), misses: Any = (), platform: Platform = "sportybet"
) -> MarketSample | None:
    return find_sample(asked_market(platform, text), StoredMarket(events, misses))


def test_the_newest_event_that_sells_it_is_taken() -> None:
    events = [event("a", Sold("1", None, "1X2", {"Home": 2.0}, 0)), event("b", total("2.5"))]
    sample = found("18", events=[*events, event("c", total("3.5"))], misses=[missed("18")])
    assert sample is not None
    assert (sample.event, sample.home, sample.away) == ("b", "Reds", "Blues")
    (row,) = sample.rows
    assert [(one.label, one.odds, one.active) for one in row.selections] == [
        ("Over 2.5", "1.9", True)
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [("18", ["1.5", "2.5"]), ("18?total=2.5", ["2.5"]), ("18?total=9.5", []), ("19", [])],
)
def test_rows_have_the_specifiers_that_are_asked_for(text: str, lines: list[str]) -> None:
    sample = found(text, events=[event("a", total("1.5"), total("2.5"))])
    rows = () if sample is None else sample.rows
    assert [row.qualifier for row in rows] == [f"total={line}" for line in lines]


def test_without_an_event_it_is_the_miss_of_this_id_then_the_newest() -> None:
    yes = {"label": "Yes", "qualifier": "goalnr=2", "odds": "1.8", "id": "74"}
    of_two = missed(
        "8?goalnr=2", yes, {"label": "No", "qualifier": "goalnr=2", "odds": None}, age=3
    )
    of_one = missed("8", {"label": "Maybe", "qualifier": None, "odds": "3"}, age=1)
    sample = found("8?goalnr=2", misses=[of_one, of_two])
    assert sample is not None
    (row,) = sample.rows
    assert [(one.label, one.id, one.active) for one in row.selections] == [
        ("Yes", "74", True),
        ("No", None, False),
    ]
    newest = found("8", misses=[of_two, of_one])
    assert newest is not None
    assert newest.rows[0].selections[0].label == "Maybe"


def test_another_sport_is_another_market() -> None:
    basketball = missed("18?@basketball", {"label": "Over", "qualifier": None, "odds": "1.9"})
    assert found("18", misses=[basketball]) is None
    assert (
        found("18?@basketball", events=[event("a", total("2.5"))], misses=[basketball]) is not None
    )


def test_samples_of_another_form_are_left_out() -> None:
    odd = missed("18", {"label": 3}, {"label": "Over", "qualifier": 4})
    assert found("18", misses=[odd, missed("18")]) is None
    broken = StoredEvent("a", None, None, None, NOON, b"no boards")
    assert found("18", events=[broken]) is None
