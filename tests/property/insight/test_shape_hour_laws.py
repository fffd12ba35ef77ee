"""An hour of the form of observations fits its row, whatever names and ids senders choose."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import CheckConstraint

from schemas import DeadReason
from tests.support.laws import LAWS
from worker.domain.books.shape import LONGEST_NAME, MOST_NAMES, FieldLevel, Shape, unread_names
from worker.insight.drift.hours import ShapeHour
from worker.insight.drift.shapes import ShapeSample
from worker.insight.drift.stored import hour_of, stored_of
from worker.storage.insight.shapes import StoredHour
from worker.storage.tables import shape_hour

HOUR: Final = datetime(2026, 11, 30, 20, tzinfo=UTC)
LEVELS: Final = get_args(FieldLevel)
# More than there are, of which the longest has 40 characters.
REASONS: Final = [
    *get_args(DeadReason),
    *(f"A_REASON_OF_THIS_PROGRAM_NUMBER_{n:08}" for n in range(80)),
]
CHECK: Final = next(
    str(one.sqltext)
    for one in shape_hour.constraints
    if isinstance(one, CheckConstraint) and one.name == "ck_shape_hour_length"
)
MOST: Final = int(CHECK.split("<=")[1])
# What takes the most space: escaped by this program, by JSON, or not at all.
CHARACTERS: Final = st.sampled_from(["\U000e0001", "\ud7ff", "\x01", "\\", '"', "é", "a"])


def length(row: StoredHour) -> int:
    """As the CHECK counts it: the text of `jsonb` escapes nothing that is not ASCII."""
    columns = re.findall(r"CAST\((\w+) AS text\)", CHECK)
    assert set(columns) == {"markets", "unread", "examples"}
    return sum(len(json.dumps(getattr(row, name), ensure_ascii=False)) for name in columns)


def sample_with(names: list[str], example: str = "") -> ShapeSample:
    sample = ShapeSample(observations=20)
    for level in LEVELS:
        found = unread_names([dict.fromkeys(names)], Shape(level, read=set()))
        sample.unread |= {(level, name) for name in found.get(level, ())}
    sample.examples = dict.fromkeys(REASONS, example)
    sample.markets.update(dict.fromkeys(REASONS, 10**9))
    return sample


def row_of(sample: ShapeSample) -> StoredHour:
    return stored_of(ShapeHour("betpawa", HOUR, 1, sample, 20))


@LAWS
@given(
    st.lists(st.text() | st.text(CHARACTERS, min_size=LONGEST_NAME), max_size=2 * MOST_NAMES),
    st.text() | st.text(CHARACTERS, min_size=300),
)
def test_any_names_and_examples_fit_the_row(names: list[str], example: str) -> None:
    assert length(row_of(sample_with(names, example))) <= MOST


@pytest.mark.parametrize("character", ["\U000e0001", "\\", "\x01"])
def test_names_that_are_longest_when_they_are_escaped_fit_the_row(character: str) -> None:
    names = [f"{number:02}" + character * LONGEST_NAME for number in range(MOST_NAMES)]
    sample = sample_with(names, character * 700)
    assert {len(name) for _, name in sample.unread} == {LONGEST_NAME}
    row = row_of(sample)
    assert length(row) <= MOST
    assert len(row.unread) == len(LEVELS) * MOST_NAMES
    # What is read of the row is stored as the same row.
    assert stored_of(hour_of(row)) == row


def test_of_what_bookmakers_send_nothing_is_left_out() -> None:
    names = [f"aFieldOfAnotherName{number}" for number in range(MOST_NAMES)]
    said = "S_OU@2.5 INVALID_PRICE 1.9, observations.bet9ja [11] offset 123456789"
    sample = sample_with(names, said)
    row = row_of(sample)
    assert {tuple(one) for one in row.unread} == sample.unread
    assert row.examples == sample.examples
