"""Grades of mappings in the client kit, and a board that takes only what has a good one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from clients.python.market_mapping_client import Board, Grades, MappingGraded
from tests.support.kit_events import event, market

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    partition: int = 0
    topic: str = "mappings.evidence"
    offset: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


def graded(
    grade: str,
    *,
    name: str = "1x2_ft",
    platform: str = "betpawa",
    minutes: int = 0,
    version: int = 1,
) -> Record:
    message = MappingGraded.model_validate(
        {
            "schema_version": 1,
            "canonical_id": name,
            "platform": platform,
            "grade": grade,
            "mapping_version": version,
            "graded_at": NOON + timedelta(minutes=minutes),
        }
    )
    return Record(f"{platform}:{name}".encode(), message.model_dump_json().encode())


def grades(*records: Record) -> Grades:
    held = Grades()
    for record in records:
        held.take(record)
    return held


def test_the_newest_grade_counts_and_a_tombstone_removes_it() -> None:
    held = grades(graded("verified", minutes=1), graded("label"))
    assert held.grade("1x2_ft", "betpawa") == "verified"
    assert held.take(graded("contradicted", version=2))
    assert held["1x2_ft", "betpawa"].grade == "contradicted"
    assert list(held) == [("1x2_ft", "betpawa")]
    assert held.take(Record(b"betpawa:1x2_ft", None))
    assert (len(held), held.grade("1x2_ft", "betpawa")) == (0, None)


PRICES = [market("1x2_ft", {"home": 2.1, "draw": 3.4, "away": 3.6})]


@pytest.mark.parametrize(
    ("grade", "least", "is_shown"),
    [
        ("verified", "verified", True),
        ("modelled", "verified", False),
        ("modelled", "modelled", True),
        ("label", "modelled", False),
        ("label", "label", True),
        ("contradicted", "label", False),
        ("contradicted", None, True),
        (None, "label", False),
        (None, None, True),
    ],
)
def test_a_board_takes_only_markets_with_the_grade_that_is_asked_for(
    grade: str | None, least: Any, *, is_shown: bool
) -> None:
    known = grades(graded("verified", platform="bet9ja"))
    if grade is not None:
        known.take(graded(grade))
    board = Board(grades=known, least_grade=least)
    board.take(event("bet9ja", PRICES))
    match = board.take(event("betpawa", PRICES))
    found = board.compare(match)
    assert found.rows[0].platforms == {"bet9ja", *(["betpawa"] if is_shown else [])}
    left_out = [(one.platform, one.reason) for one in found.left_out]
    assert left_out == ([] if is_shown else [("betpawa", "GRADE")])


def test_a_grade_that_improves_is_taken_at_once() -> None:
    known = grades(graded("label"))
    board = Board(grades=known, least_grade="modelled")
    match = board.take(event("betpawa", PRICES))
    assert board.rows(match) == ()
    known.take(graded("verified", minutes=1))
    assert len(board.rows(match)) == 1


def test_a_least_grade_needs_the_grades() -> None:
    with pytest.raises(ValueError, match="grades"):
        Board(least_grade="verified")


@pytest.mark.parametrize("least", ["contradicted", "verifed"])
def test_what_is_no_least_grade_is_refused_with_those_that_are(least: Any) -> None:
    with pytest.raises(ValueError, match="least_grade is one of verified, modelled, label"):
        Board(grades=grades(), least_grade=least)
