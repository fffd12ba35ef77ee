"""Every record that is published is one that the schemas describe, whatever was read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas import DeadLetter, ResolvedEvent, UnmappedMarket
from schemas.json_schema import MESSAGES, message_schema
from tests.support.hostile.feeds import markets
from tests.support.hostile.records import LARGEST, hostile_records
from tests.support.laws import FEED_LAWS
from tests.support.markets import FOOTBALL
from tests.support.records import FakeRecord, place
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.misses import tally
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned, Planner
from worker.kafka.record import Outgoing
from worker.lab.synthetic.extras import EXTRAS
from worker.lab.synthetic.scrape import generate_scrape
from worker.runtime.announcer import _message
from worker.runtime.counting import miss_row
from worker.storage.ledger import UnannouncedMarket

SCHEMAS = {message.model: Draft202012Validator(message_schema(message)) for message in MESSAGES}
ENCODER = Encoder(
    resolved_topic="resolved",
    dead_topic="dead",
    group="g",
    max_bytes=4 << 20,
    max_dead_bytes=8 << 20,
)
PLANNER = Planner(ENCODER, max_message_bytes=LARGEST)
STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTILE = hostile_records()


def plan(value: bytes | None, **fields: Any) -> Planned[Outgoing]:
    return PLANNER.plan(FakeRecord(value=value, **fields), place(), FOOTBALL)


def event_of(planned: Planned[Outgoing]) -> ResolvedEvent:
    """The resolved event, once its schema and its model have taken it."""
    assert planned.dead is None
    value = planned.output.value or b""
    SCHEMAS[ResolvedEvent].validate(orjson.loads(value))
    return ResolvedEvent.model_validate_json(value)


def letter_of(planned: Planned[Outgoing]) -> DeadLetter:
    """The dead letter, once its schema and its model have taken its headers."""
    letter = DeadLetter.from_headers(planned.output.headers)
    ours = dict(letter.to_headers())
    SCHEMAS[DeadLetter].validate({name: value.decode() for name, value in ours.items()})
    assert planned.output.headers[-len(ours) :] == list(ours.items())
    return letter


def announced(planned: Iterable[Planned[Outgoing]]) -> list[UnmappedMarket]:
    """The messages that a table would give of what was missed."""
    counts = tally(sighting for one in planned for sighting in one.sightings)
    rows = [miss_row(key, count) for key, count in counts.items()]
    messages = [
        _message(
            UnannouncedMarket(
                number,
                row.source,
                row.external_market_id,
                row.market_name,
                row.sample_outcomes,
                row.reason,
                row.mapping_version,
                row.first_seen_at,
                row.last_seen_at,
                row.occurrence_count,
            )
        )
        for number, row in enumerate(rows)
    ]
    assert None not in messages
    return [message for message in messages if message is not None]


@pytest.fixture(scope="module")
def scrape() -> list[Planned[Outgoing]]:
    generated = generate_scrape(seed=11, events=10, started_at=STARTED_AT, size="slim")
    return [plan(orjson.dumps(seen.observation)) for seen in generated]


def test_every_event_of_a_scrape_is_one_that_the_schema_describes(
    scrape: list[Planned[Outgoing]],
) -> None:
    events = [event_of(planned) for planned in scrape]
    assert {event.platform for event in events} == set(PLATFORMS)
    assert sum(len(event.markets) for event in events) > 500
    assert sum(len(event.misses) for event in events) > 100


def test_every_event_of_players_in_play_and_of_other_sports_is_one_that_the_schema_describes() -> (
    None
):
    generated = generate_scrape(
        seed=11, events=6, started_at=STARTED_AT, size="slim", extras=EXTRAS
    )
    events = [event_of(plan(orjson.dumps(seen.observation))) for seen in generated]
    assert any(event.participant_markets for event in events)
    assert any(event.event.live for event in events)
    assert {event.event.sport for event in events} == {"football", "basketball", "tennis"}


def test_every_miss_of_a_scrape_makes_an_announcement(scrape: list[Planned[Outgoing]]) -> None:
    messages = announced(scrape)
    assert len(messages) > 50
    for message in messages:
        SCHEMAS[UnmappedMarket].validate(orjson.loads(message.model_dump_json()))


@pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])
def test_every_hostile_record_makes_a_dead_letter_that_can_be_read(hostile: Any) -> None:
    letter = letter_of(plan(hostile.value, key=hostile.key, headers=hostile.headers))
    assert letter.reason == hostile.reason


@st.composite
def observations(draw: st.DrawFn) -> bytes:
    """A good envelope around markets of any kind, most of them with something wrong."""
    platform: Platform = draw(st.sampled_from(PLATFORMS))
    document = {
        "platform": platform,
        "observed_at": "2026-11-22T12:00:00.1234567+01:00",
        "event": {
            "id": draw(st.sampled_from(["1", "é" * 100])),
            "home": "Wuhan",
            "away": "Qingdao",
        },
        "markets": draw(markets(platform)),
    }
    return orjson.dumps(document)


@FEED_LAWS
@given(observations())
def test_whatever_the_markets_are_the_output_is_one_that_the_schemas_describe(value: bytes) -> None:
    planned = plan(value)
    if planned.dead is None:
        event_of(planned)
    else:
        assert letter_of(planned).reason == "WRONG_SHAPE"


@FEED_LAWS
@given(st.lists(observations(), max_size=4))
def test_whatever_is_missed_makes_an_announcement(values: list[bytes]) -> None:
    for message in announced(plan(value) for value in values):
        SCHEMAS[UnmappedMarket].validate(orjson.loads(message.model_dump_json()))


@FEED_LAWS
@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_there_is_an_output(value: bytes) -> None:
    planned = plan(value)
    assert planned.dead is not None
    letter_of(planned)


def test_lists_that_are_too_long_are_cut_and_the_schema_takes_that() -> None:
    unknown = [{"id": f"unheard of {number}"} for number in range(3000)]
    document = {
        "platform": "sportybet",
        "observed_at": "2026-11-22T12:00:00Z",
        "event": {"id": "1"},
        "markets": unknown,
    }
    event = event_of(plan(orjson.dumps(document)))
    assert event.omitted is not None
    assert (len(event.misses), event.omitted.misses) == (1000, 2000)
