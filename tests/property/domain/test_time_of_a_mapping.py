"""The time that a mapping takes is in proportion to its size, within the bounds of its fields.

CPU time of one and of one four times as large. What takes the square of its size takes sixteen times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from tests.support.growth import TIMES_LARGER, is_in_proportion
from worker.domain.further_ids import MOST_FURTHER_IDS, MOST_LABELS
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, parse_mapping
from worker.runtime.index.live import LiveIndex, RowChange

pytestmark = pytest.mark.usefixtures("frozen")


def row(further_ids: int, number: int = 1) -> dict[str, Any]:
    """A mapping whose further ids have outcomes of their own, as many as are allowed."""
    also = [
        {
            "platform": "betpawa",
            "id": f"x{place}",
            "labels": {f"o{place}_{each}": [f"L{place}_{each}"] for each in range(MOST_LABELS)},
            "outcome_ids": {
                f"i{place}_{each}": [f"I{place}_{each}"] for each in range(MOST_LABELS)
            },
        }
        for place in range(further_ids)
    ]
    traits = {"family": "a", "period": "a", "subject": "a", "counts": "a", "line": "none"}
    residuals = {f"o{place}_0": "a" for place in range(min(further_ids, 16))}
    return {
        "id": number,
        "canonical_id": f"m{number}",
        "name": "M",
        "sportybet_id": "2",
        "outcome_mapping": [{"canonical_id": "a", "sportybet_desc": "A"}],
        "also": also,
        "traits": traits | {"residuals": residuals},
    }


def copies(number: int) -> list[Mapping]:
    """Mappings that claim the same labels of one id."""
    outcomes = [{"canonical_id": f"o{each}", "sportybet_desc": f"S{each}"} for each in range(20)]
    told = {"name": "M", "sportybet_id": "1", "outcome_mapping": outcomes}
    return [parse_mapping(told | {"id": n, "canonical_id": f"m{n}"}) for n in range(1, number + 1)]


def numbered(number: int) -> list[Mapping]:
    """Mappings of one id that differ in a fixed specifier."""
    return [
        parse_mapping(
            {
                "id": n,
                "canonical_id": f"m{n}",
                "name": "M",
                "sportybet_id": "1",
                "line_rule": {"fixed": {"sportybet": {"total": str(n)}}},
                "outcome_mapping": [{"canonical_id": "a", "sportybet_desc": "A"}],
            }
        )
        for n in range(1, number + 1)
    ]


def test_reading_and_indexing_a_mapping_is_in_proportion_to_its_size() -> None:
    def work(further_ids: int) -> Callable[[], object]:
        raw = row(further_ids)
        return lambda: MappingIndex([parse_mapping(raw)])

    assert is_in_proportion(work(MOST_FURTHER_IDS // TIMES_LARGER), work(MOST_FURTHER_IDS))


def test_a_change_of_a_mapping_is_in_proportion_to_its_size() -> None:
    def work(further_ids: int) -> Callable[[], object]:
        one = parse_mapping(row(further_ids))
        index = MappingIndex([one])
        return lambda: list(index.revised([one], [one], 2).conflicts([one]))

    assert is_in_proportion(work(MOST_FURTHER_IDS // TIMES_LARGER), work(MOST_FURTHER_IDS))


@pytest.mark.parametrize("make", [copies, numbered])
def test_the_first_conflicts_take_no_longer_than_the_mappings(
    make: Callable[[int], list[Mapping]],
) -> None:
    def work(number: int) -> Callable[[], object]:
        index = MappingIndex(make(number))
        return lambda: list(islice(index.conflicts(), 100))

    assert is_in_proportion(work(200), work(200 * TIMES_LARGER))


def test_conflicts_of_one_mapping_take_no_longer_than_the_others_are_many() -> None:
    def work(number: int) -> Callable[[], object]:
        mappings = copies(number)
        index = MappingIndex(mappings)
        return lambda: list(index.conflicts(mappings[:1]))

    assert is_in_proportion(work(200), work(200 * TIMES_LARGER))


async def test_a_live_index_takes_the_largest_mapping_in() -> None:
    live = LiveIndex()
    await live.replace(1, [])
    await live.apply(2, [RowChange("m1", row(MOST_FURTHER_IDS))])
    assert (live.current.size, live.unusable) == (1, {})
