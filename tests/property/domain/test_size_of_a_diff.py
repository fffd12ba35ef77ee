"""A diff is in proportion to the states that it compares, in size and in time, and hides no change.

Drafts and rows that got in by SQL hold any JSON: many fields may be below a long name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.support.growth import TIMES_LARGER, is_in_proportion
from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.registry import LABEL_COLUMNS
from worker.domain.diff import diff
from worker.domain.further_ids import MOST_FURTHER_IDS
from worker.domain.mapping import dump_mapping, parse_mapping

MOST_TIMES_AS_LARGE: Final = 30
SIZE: Final = 20_000

pytestmark = pytest.mark.usefixtures("frozen")


def leaves(size: int) -> dict[str, Any]:
    return {f"k{place}": 1 for place in range(size // 20)}


def nested(depth: int, inside: dict[str, Any]) -> dict[str, Any]:
    for _ in range(depth):
        inside = {"deep": inside}
    return inside


# Each has a long name, and fields below it, in the first place where both can be.
SHAPES: Final[dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]]] = {
    "traits": lambda name, below: {"traits": {name: below}},
    "traits of traits": lambda name, below: {"traits": {"a": {name[:90]: {name: below}}}},
    "many names": lambda name, below: {"traits": {name: {one: {"a": 1} for one in below}}},
    "deep": lambda name, below: {"scope": nested(len(name) // 100, below)},
    "participant": lambda name, below: {"participant": {name: below}},
    "line rule": lambda name, below: {"line_rule": {name: below}},
    "fixed": lambda name, below: {"line_rule": {"fixed": {name: below}}},
    "id": lambda name, below: {"also": [{"platform": "betpawa", "id": name, **below}]},
    "platform": lambda name, below: {"also": [{"platform": name, "id": "1", "labels": below}]},
    "part": lambda name, below: {"also": [{"platform": "betpawa", "id": "1", name: below}]},
    "id that is an object": lambda name, below: {"also": [{"id": {name: 1} | below}]},
    "ids": lambda name, below: {"also": [{"id": name}, *[{} for _ in below]]},
    "outcomes": lambda name, below: {
        "outcome_mapping": [
            {"canonical_id": f"{name}{place}", **dict.fromkeys(LABEL_COLUMNS.values(), "a")}
            for place in range(2)
        ]
        + [{"canonical_id": one, "sportybet_desc": "a"} for one in below]
    },
}


def state(shape: str, size: int) -> dict[str, Any]:
    return SHAPES[shape]("a" * (size // 2), leaves(size))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_diff_is_in_proportion_to_the_size_of_its_states(shape: str) -> None:
    value = state(shape, SIZE)
    told = json.dumps(diff(None, value))
    assert len(told) <= MOST_TIMES_AS_LARGE * len(json.dumps(value))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_diff_takes_time_in_proportion_to_the_size_of_its_states(shape: str) -> None:
    def work(size: int) -> Callable[[], object]:
        value = state(shape, size)
        return lambda: diff(None, value)

    assert is_in_proportion(work(4 * SIZE), work(4 * SIZE * TIMES_LARGER))


@pytest.mark.parametrize("shape", ["traits", "fixed", "id", "part", "platform"])
def test_a_change_below_a_long_name_is_shown(shape: str) -> None:
    before = state(shape, SIZE)
    after = json.loads(json.dumps(before).replace('"k7": 1', '"k7": "another"'))
    (change,) = diff(before, after)
    assert '"another"' in json.dumps(change.new)
    assert '"another"' not in json.dumps(change.old)
    assert diff(before, deepcopy(before)) == []


def test_every_field_of_the_longest_valid_mapping_has_its_own_name() -> None:
    platform = max(PLATFORMS, key=len)
    market_id, outcome, text = "i" * 50, "o" * 100, "t" * 255
    further = [
        {
            "platform": platform,
            "id": market_id,
            "fixed": {text: f"{place}"},
            "labels": {outcome: [text]},
            "outcome_ids": {outcome: [text]},
        }
        for place in range(MOST_FURTHER_IDS)
    ]
    mapping = parse_mapping(
        {
            "id": 1,
            "canonical_id": "m",
            "name": "M",
            "sportybet_id": "1",
            "line_rule": {"fixed": {platform: {text: text}}},
            "outcome_mapping": [{"canonical_id": "a", "sportybet_desc": "A"}],
            "also": further,
        }
    )
    fields = {one.field for one in diff(None, dump_mapping(mapping))}
    last = f"also.{platform}.{market_id}#{MOST_FURTHER_IDS}"
    assert {
        f"{last}.fixed.{text}",
        f"{last}.labels.{outcome}",
        f"{last}.outcome_ids.{outcome}",
    } <= fields
    assert f"line_rule.fixed.{platform}.{text}" in fields
