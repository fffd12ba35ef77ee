"""While an id is left out, its market is missed and nothing else is different; and it can be found again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.support.markets import CATALOGUE
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, dump_mapping
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.lab.demo import odds
from worker.lab.demo.odds import (
    CANONICAL_ID,
    LEAST_EVENTS,
    LEFT_OUT,
    SWAPPED,
    as_left_out,
    why_not,
    with_swap,
    without_id,
)
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import EXTRAS
from worker.lab.synthetic.oracle import check
from worker.lab.synthetic.scrape import generate_scrape

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLATFORM, _ = LEFT_OUT


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return list(
        generate_scrape(seed=1, events=24, started_at=NOON, scrape=1, size="slim", extras=EXTRAS)
    )


def changed(name: str, change: Callable[[dict[str, Any]], Mapping]) -> MappingIndex:
    """The catalogue with one mapping changed."""
    return MappingIndex(
        [change(dump_mapping(one)) if one.canonical_id == name else one for one in CATALOGUE]
    )


def resolved(seen: Generated, index: MappingIndex) -> dict[str, Any]:
    value = orjson.dumps(seen.observation)
    decoded = decode(value, max_bytes=len(value))
    assert isinstance(decoded, Decoded)
    event: dict[str, Any] = orjson.loads(
        resolved_event(decoded.envelope, resolve(decoded.observation, index), 1)
    )
    return event


def test_the_truth_without_the_id_is_what_a_worker_without_it_resolves(
    scrape: list[Generated],
) -> None:
    index = changed(CANONICAL_ID, without_id)
    own = [seen for seen in scrape if seen.platform == PLATFORM]
    left = [as_left_out(seen) for seen in own]
    assert sum(one != seen for one, seen in zip(left, own, strict=True)) > LEAST_EVENTS
    assert [fault for seen in left for fault in check(seen.expected, resolved(seen, index))] == []


def test_the_truth_of_other_bookmakers_stays_as_it_is(scrape: list[Generated]) -> None:
    others = [seen for seen in scrape if seen.platform != PLATFORM]
    assert [as_left_out(seen) for seen in others] == others


def test_the_swap_makes_labels_wrong_at_one_bookmaker_and_in_one_mapping(
    scrape: list[Generated],
) -> None:
    index = changed(SWAPPED[0], with_swap)
    wrong = [
        (seen.platform, fault.where)
        for seen in scrape
        for fault in check(seen.expected, resolved(seen, index))
        if fault.kind == "WRONG_LABEL"
    ]
    assert wrong
    assert {platform for platform, _ in wrong} == {SWAPPED[1]}
    assert {SWAPPED[0] in where for _, where in wrong} == {True}


def test_without_the_extra_or_with_few_events_the_act_is_left_out_and_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert why_not(LEAST_EVENTS) is None
    assert "ten events" in (why_not(LEAST_EVENTS - 1) or "")
    monkeypatch.setattr(odds, "find_spec", lambda _name: None)
    assert why_not(LEAST_EVENTS) == "the extra `insight` is not installed"
