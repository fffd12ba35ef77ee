"""Fields that nobody reads: found at every level, in any form, within bounds."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.books.registry import BOOKS
from worker.domain.books.shape import LONGEST_NAME, MOST_NAMES, Shape, unread_names
from worker.ingest.reading import typed

OUTCOME = Shape("outcome", read={"desc"}, ignored={"note"})
MARKET = Shape("market", read={"id", "outcomes"}, within={"outcomes": OUTCOME})


def test_what_is_read_and_what_is_known_to_say_nothing_is_not_unread() -> None:
    assert unread_names([{"id": "1", "outcomes": [{"desc": "Over", "note": 1}]}], MARKET) == {}


def test_a_new_field_is_found_at_its_level() -> None:
    markets = [{"id": "1", "closed": True, "outcomes": [{"desc": "Over"}, {"price": 2}]}]
    assert unread_names(markets, MARKET) == {"market": {"closed"}, "outcome": {"price"}}


def test_the_values_of_a_flat_object_are_its_entries() -> None:
    markets = {"S_OU@2.5_O": "1.9", "LIVES_1X2_1": {"v": 2.1, "closed": 1}}
    assert unread_names(markets, BOOKS["bet9ja"].shape) == {"outcome": {"closed"}}


@pytest.mark.parametrize(
    "markets", [None, "x", 7, [None, 1, "x", []], {"a": None}, [{"outcomes": 7}]]
)
def test_what_is_no_object_has_no_fields(markets: Any) -> None:
    assert unread_names(markets, MARKET) == {}


def test_a_sender_that_invents_fields_is_held_to_a_few_short_names() -> None:
    markets = [{f"{n:04}" + "x" * 1000: 1} for n in range(1000)]
    names = unread_names(markets, MARKET)["market"]
    assert len(names) == MOST_NAMES
    assert {len(name) for name in names} == {LONGEST_NAME}


@pytest.mark.parametrize("character", ["\U000e0001", "\x1b", "\u202e"])
def test_a_name_that_is_escaped_is_as_short(character: str) -> None:
    (name,) = unread_names([{character * 1000: 1}], MARKET)["market"]
    assert len(name) <= LONGEST_NAME
    assert name.isprintable()


def test_a_name_cannot_steer_a_terminal() -> None:
    assert unread_names([{"\x1b[2J": 1}], MARKET) == {"market": {"\\x1b[2J"}}


NAMES = st.sampled_from(["outcomes", "row", "prices", "marketType", "id", "v", "new"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
)


@LAWS
@given(VALUES)
def test_any_value_can_be_looked_through(value: Any) -> None:
    for book in BOOKS.values():
        unread_names(value, book.shape)


def fields_of(*structs: type[msgspec.Struct]) -> set[str]:
    return {each.encode_name for struct in structs for each in msgspec.structs.fields(struct)}


def test_the_fields_of_the_fast_readers_are_those_that_the_books_read() -> None:
    sportybet, betpawa = BOOKS["sportybet"].shape, BOOKS["betpawa"].shape
    assert fields_of(typed.SportybetMarket) == sportybet.read
    assert fields_of(typed._SportybetOutcome) == sportybet.within["outcomes"].read
    assert fields_of(typed._BetpawaMarket) == betpawa.read
    assert fields_of(typed._BetpawaMarketType) == betpawa.within["marketType"].read
    assert fields_of(typed._BetpawaLayoutRow) == betpawa.within["row"].read
    assert fields_of(typed._BetpawaPrice) == betpawa.within["row"].within["prices"].read


@pytest.mark.parametrize("book", BOOKS.values(), ids=lambda book: book.platform)
def test_no_field_is_read_and_said_to_be_ignored(book: Any) -> None:
    waiting = [book.shape]
    while waiting:
        shape = waiting.pop()
        assert not shape.read & shape.ignored
        assert shape.within.keys() <= shape.read
        waiting += shape.within.values()
