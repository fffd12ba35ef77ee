from typing import Any

import orjson
import pytest

from schemas import ID_HEADER, DeadLetter, UnmappedMarket
from tests.support.markets import documents, mapping
from tests.support.records import TOPIC_ID, FakeRecord
from worker.domain.books.odds import Price
from worker.domain.books.rows import Rejection
from worker.domain.events import event_key
from worker.domain.mapping import claims_of
from worker.domain.markets import Claim, Layout
from worker.domain.resolve import Miss, MissDocument, Resolution, ResolvedMarket, miss_document
from worker.ingest.planning.encode import (
    MOST_ENTRIES,
    Encoder,
    resolved_event,
    unmapped_market,
)
from worker.ingest.reading.record_ids import NO_IDS, RecordIds
from worker.kafka.record import Outgoing

SOURCE_ID = f"{TOPIC_ID}/0/4"
ENVELOPE: dict[str, Any] = {
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00Z",
    "event": {"id": "sr:match:1", "sportradar_id": None},
}
MAPPING = mapping("1x2_ft", ["home", 'draw "X"'], sportybet_id="1")
CLAIM = Claim(MAPPING, *claims_of(MAPPING))
LAYOUT = Layout(CLAIM, None, ["home", 'draw "X"'], ("1", None))
MARKET: ResolvedMarket = (LAYOUT, [Price.of(2.1, active=True), Price.of(None, active=False)])
(DOCUMENT,) = documents(Resolution([MARKET], [], [], []))


def encoder(max_bytes: int = 100_000, max_dead_bytes: int = 1000) -> Encoder:
    return Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="g",
        max_bytes=max_bytes,
        max_dead_bytes=max_dead_bytes,
    )


def dead(
    record: FakeRecord, detail: str = "why", max_dead_bytes: int = 1000
) -> tuple[Outgoing, DeadLetter]:
    outgoing = encoder(max_dead_bytes=max_dead_bytes).dead(
        SOURCE_ID, record, "INVALID_JSON", detail
    )
    return outgoing, DeadLetter.from_headers(outgoing.headers)


def missed(count: int) -> list[Miss]:
    return [Miss(str(n), None, "UNKNOWN_MARKET", None, []) for n in range(count)]


def told(misses: list[Miss]) -> list[MissDocument]:
    return [miss_document(miss) for miss in misses]


def event_of(resolution: Resolution, version: int) -> Any:
    return orjson.loads(resolved_event(ENVELOPE, resolution, version))


def rejected(count: int) -> list[Rejection]:
    return [Rejection(str(n), None, "INVALID_ODDS", "why") for n in range(count)]


def test_an_event_holds_the_envelope_the_version_and_what_was_found() -> None:
    event = event_of(Resolution([MARKET], missed(1), rejected(1), []), 4711)
    assert event == {
        "schema_version": 1,
        **ENVELOPE,
        "mapping_version": 4711,
        "markets": [DOCUMENT],
        "misses": told(missed(1)),
        "rejected": [
            {"external_market_id": "0", "line": None, "code": "INVALID_ODDS", "detail": "why"}
        ],
    }


def test_lists_that_fit_exactly_leave_nothing_out() -> None:
    event = event_of(Resolution([], missed(MOST_ENTRIES), rejected(MOST_ENTRIES), []), 1)
    assert (len(event["misses"]), len(event["rejected"])) == (MOST_ENTRIES, MOST_ENTRIES)
    assert "omitted" not in event


def test_of_lists_that_are_too_long_the_head_is_kept_and_the_rest_is_told() -> None:
    event = event_of(Resolution([], missed(MOST_ENTRIES + 7), rejected(2), []), 1)
    assert event["misses"] == told(missed(MOST_ENTRIES))
    assert event["omitted"] == {"misses": 7, "rejected": 0}


def test_markets_are_never_left_out() -> None:
    event = event_of(Resolution([MARKET] * (MOST_ENTRIES + 1), [], [], []), 1)
    assert len(event["markets"]) == MOST_ENTRIES + 1


def test_the_key_is_the_sportradar_id_so_that_the_books_of_an_event_meet() -> None:
    event = {**ENVELOPE["event"], "sportradar_id": "68995116"}
    assert event_key({**ENVELOPE, "event": event}) == "68995116"


def test_without_a_sportradar_id_the_key_is_platform_and_event_id() -> None:
    assert event_key(ENVELOPE) == "sportybet:sr:match:1"


def test_the_partition_follows_from_the_key_and_not_from_the_input() -> None:
    resolution = Resolution([MARKET], [], [], [])
    records = [FakeRecord(partition=number, key=b"%d" % number) for number in range(3)]
    made = [encoder().resolved(SOURCE_ID, each, ENVELOPE, resolution, 1) for each in records]
    found = {(one.key, one.partition) for one in made if one is not None}
    assert found == {(b"sportybet:sr:match:1", None)}


def test_a_resolved_record_carries_key_id_and_content_type() -> None:
    outgoing = encoder().resolved(
        SOURCE_ID, FakeRecord(), ENVELOPE, Resolution([MARKET], [], [], []), 1
    )
    assert outgoing is not None
    assert (outgoing.topic, outgoing.key) == ("resolved", b"sportybet:sr:match:1")
    assert outgoing.headers[:2] == [
        (ID_HEADER, SOURCE_ID.encode()),
        ("content-type", b"application/json"),
    ]
    assert orjson.loads(outgoing.value or b"")["markets"] == [DOCUMENT]


def test_a_resolved_record_is_a_cloud_event_of_the_time_of_its_source() -> None:
    outgoing = encoder().resolved(
        SOURCE_ID, FakeRecord(), ENVELOPE, Resolution([MARKET], [], [], []), 1
    )
    assert outgoing is not None
    assert outgoing.headers[2:] == [
        ("ce_specversion", b"1.0"),
        ("ce_id", SOURCE_ID.encode()),
        ("ce_source", b"/market-mapping-worker/observations.sportybet"),
        ("ce_type", b"marketmap.resolved_event.v1"),
        ("ce_time", b"2026-11-22T12:00:00.120+00:00"),
    ]


def test_what_a_replay_publishes_is_another_cloud_event_of_the_same_source() -> None:
    replay = Encoder(
        resolved_topic="t",
        dead_topic="d",
        group="g",
        max_bytes=9999,
        max_dead_bytes=9,
        replay_id="r1",
    )
    outgoing = replay.resolved(
        SOURCE_ID, FakeRecord(), ENVELOPE, Resolution([MARKET], [], [], []), 1
    )
    assert outgoing is not None
    assert dict(outgoing.headers)["ce_id"] == f"{SOURCE_ID}/r1".encode()


def test_an_event_that_is_larger_than_its_topic_takes_is_not_encoded() -> None:
    resolution = Resolution([MARKET], [], [], [])
    whole = encoder().resolved(SOURCE_ID, FakeRecord(), ENVELOPE, resolution, 1)
    assert whole is not None
    size = len(whole.value or b"")
    assert (
        encoder(max_bytes=size).resolved(SOURCE_ID, FakeRecord(), ENVELOPE, resolution, 1) == whole
    )
    assert (
        encoder(max_bytes=size - 1).resolved(SOURCE_ID, FakeRecord(), ENVELOPE, resolution, 1)
        is None
    )


@pytest.mark.parametrize("value", [None, b"", b"\xff\x00", b"x" * 990])
def test_a_dead_letter_keeps_value_key_and_headers_and_adds_ours_behind(
    value: bytes | None,
) -> None:
    headers = [("a", None), ("", b""), ("a", b"\xff"), (ID_HEADER, b"theirs")]
    outgoing, letter = dead(
        FakeRecord(value=value, key=b"\xfe", headers=headers), max_dead_bytes=2000
    )
    assert (outgoing.topic, outgoing.value, outgoing.key) == ("dead", value, b"\xfe")
    assert outgoing.headers == [*headers, *letter.to_headers()]
    assert letter.truncated_from is None


def test_a_dead_letter_says_what_why_and_where() -> None:
    _, letter = dead(FakeRecord(partition=3, offset=1042, timestamp=5))
    assert (letter.id, letter.reason, letter.detail) == (SOURCE_ID, "INVALID_JSON", "why")
    assert (letter.topic, letter.partition, letter.offset) == ("observations.sportybet", 3, 1042)
    assert (letter.timestamp, letter.group) == (5, "g")


def test_a_dead_letter_names_its_scrape_and_event_if_they_could_be_read() -> None:
    ids = RecordIds("noon \u2603", "sr:match:1")
    outgoing = encoder().dead(SOURCE_ID, FakeRecord(), "WRONG_SHAPE", "why", ids)
    letter = DeadLetter.from_headers(outgoing.headers)
    assert (letter.scrape_id, letter.event_id) == ids
    assert (dead(FakeRecord())[1].scrape_id, dead(FakeRecord())[1].event_id) == NO_IDS


def test_a_timestamp_that_is_not_known_is_told_as_nought() -> None:
    assert dead(FakeRecord(timestamp=-1))[1].timestamp == 0


def test_a_detail_is_cut_to_what_its_header_may_hold() -> None:
    assert dead(FakeRecord(), detail="x" * 5000)[1].detail == "x" * 500


def test_of_a_value_that_is_too_long_the_head_is_kept_and_its_length_told() -> None:
    outgoing, letter = dead(FakeRecord(key=b"k" * 100, value=b"v" * 1001))
    assert outgoing.value == b"v" * 900
    assert letter.truncated_from == 1001
    assert outgoing.key == b"k" * 100


def test_a_key_and_headers_that_take_more_than_half_are_left_out_and_that_is_told() -> None:
    outgoing, letter = dead(FakeRecord(key=b"k" * 300, headers=[("h", b"v" * 300)], value=b"{"))
    assert (outgoing.key, outgoing.value) == (None, b"{")
    assert outgoing.headers == letter.to_headers()
    assert (letter.detail or "").startswith("its key and headers, 614 bytes, are left out; why")


def test_many_small_headers_weigh_as_much_as_they_take_on_the_wire() -> None:
    outgoing, letter = dead(FakeRecord(headers=[("", None)] * 60))
    assert outgoing.headers == letter.to_headers()


def test_a_first_sighting_is_keyed_and_identified_by_its_market() -> None:
    market = UnmappedMarket.model_validate(
        {
            "schema_version": 1,
            "source": "bet9ja",
            "external_market_id": "S_NEW",
            "reason": "UNKNOWN_MARKET",
            "sample_outcomes": [],
            "first_seen_at": "2026-11-22T12:00:00Z",
            "mapping_version": 1,
        }
    )
    outgoing = unmapped_market("unmapped", market)
    assert (outgoing.topic, outgoing.key) == ("unmapped", b"bet9ja:S_NEW")
    headers = dict(outgoing.headers)
    assert headers[ID_HEADER] == headers["ce_id"] == b"bet9ja:S_NEW"
    assert headers["ce_time"] == b"2026-11-22T12:00:00.000+00:00"
    assert UnmappedMarket.model_validate_json(outgoing.value or b"") == market
