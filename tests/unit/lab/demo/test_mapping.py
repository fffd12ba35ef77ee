from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tests.support.markets import CATALOGUE
from worker.domain.index import MappingIndex
from worker.domain.mapping import parse_mapping
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.lab.demo.mapping import MARKET, as_mapped, finished_draft
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import EXTRAS
from worker.lab.synthetic.oracle import check
from worker.lab.synthetic.scrape import generate_scrape
from worker.storage.misses import QueuedMiss

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAMPLES = [{"label": label, "odds": 2.0, "qualifier": "2.25"} for label in ("O", "U")]


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return list(generate_scrape(seed=1, events=3, started_at=NOON, scrape=1))


@pytest.fixture
def index() -> MappingIndex:
    nothing: dict[str, Any] = dict.fromkeys(QueuedMiss._fields)
    known = {"source": MARKET[0], "external_market_id": MARKET[1], "sample_outcomes": SAMPLES}
    return MappingIndex([*CATALOGUE, parse_mapping(finished_draft(QueuedMiss(**nothing | known)))])


def resolved(seen: Generated, index: MappingIndex) -> dict[str, Any]:
    value = orjson.dumps(seen.observation)
    decoded = decode(value, max_bytes=len(value))
    assert isinstance(decoded, Decoded)
    event: dict[str, Any] = orjson.loads(
        resolved_event(decoded.envelope, resolve(decoded.observation, index), 1)
    )
    return event


def test_once_mapped_every_price_of_the_market_is_the_one_of_its_own_key(
    scrape: list[Generated], index: MappingIndex
) -> None:
    assert [check(as_mapped(seen).expected, resolved(seen, index)) for seen in scrape] == [
        []
    ] * len(scrape)


def test_once_mapped_every_form_of_a_price_is_read(index: MappingIndex) -> None:
    scrape = generate_scrape(
        seed=1, events=24, started_at=NOON, scrape=1, size="slim", extras=EXTRAS
    )
    mapped = [as_mapped(seen) for seen in scrape if seen.platform == MARKET[0]]

    assert any(isinstance(value, dict) for seen in mapped for value in values_of(seen))
    assert [fault for seen in mapped for fault in check(seen.expected, resolved(seen, index))] == []


def values_of(seen: Generated) -> list[Any]:
    return list(seen.observation["markets"].values())


def test_before_it_is_mapped_the_market_is_only_missed(scrape: list[Generated]) -> None:
    plain = MappingIndex(CATALOGUE)
    assert [check(seen.expected, resolved(seen, plain)) for seen in scrape] == [[]] * len(scrape)
    kinds = {
        one.kind
        for seen in scrape
        for one in check(as_mapped(seen).expected, resolved(seen, plain))
    }
    assert kinds == {"MISSING_MARKET", "EXTRA_MISS"}
