"""Which messages are read by types, and which of them whole; that it is the same is a property test."""

import json
from typing import Any

import pytest

from tests.support.hostile.fields import GOOD_MARKETS
from tests.support.markets import FOOTBALL, answer, observation, run, said, sportybet
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.resolve import Resolution, resolve_rows
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode
from worker.ingest.reading.read import Readable, read, read_typed


def unread(raw: bytes) -> bytes:
    """A good message but for a field of a market that nobody reads."""
    value = observation("sportybet", [sportybet("1", prices={"Home": "2.1"}, farNearOdds="RAW")])
    return value.replace(b'"RAW"', raw)


def reason(value: bytes) -> str | None:
    seen = read(value, max_bytes=len(value))
    return seen.reason if isinstance(seen, UnreadableRecord) else None


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_a_book_usually_sends_is_read_by_types(platform: Platform) -> None:
    assert read_typed(observation(platform, GOOD_MARKETS[platform])) is not None


@pytest.mark.parametrize(
    "changed", [{"source": "another scraper"}, {"markets": [sportybet("1", status="0")]}], ids=str
)
def test_what_is_unusual_is_read_all_the_same(changed: dict[str, Any]) -> None:
    value = json.dumps(
        json.loads(observation("sportybet", GOOD_MARKETS["sportybet"])) | changed
    ).encode()
    assert read_typed(value) is None
    assert isinstance(read(value, max_bytes=len(value)), Readable)


@pytest.mark.parametrize(
    "outcomes", [None, "x", {}, [5], [{"desc": "Home", "odds": 2.1}], [{"desc": 1}]], ids=str
)
def test_outcomes_that_are_unusual_cost_their_own_market_alone(outcomes: object) -> None:
    markets = [sportybet("1", outcomes=outcomes), *GOOD_MARKETS["sportybet"]]
    value = observation("sportybet", markets)
    seen = read_typed(value)
    assert seen is not None
    found = resolve_rows(seen.rows, "sportybet", seen.names, FOOTBALL)
    assert said(found) == said(run("sportybet", markets))


def test_outcomes_that_are_nested_too_deeply_for_their_caller_are_read_all_the_same() -> None:
    market = sportybet("1", prices={"Home": "2.1"})
    market["outcomes"][0]["unread"] = "RAW"
    value = observation("sportybet", [market]).replace(b'"RAW"', b"[" * 900 + b"]" * 900)
    seen = read_typed(value)
    assert seen is not None

    def resolved(frames: int) -> Resolution:
        if frames:
            return resolved(frames - 1)
        assert seen is not None
        return resolve_rows(seen.rows, "sportybet", seen.names, FOOTBALL)

    assert answer(resolved(200)) == {("1x2_ft", None): {"home": 2.1}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'"\xff"', "INVALID_UTF8"),
        (rb'"\u0000"', "NUL_CHARACTER"),
        (rb'"\ud800"', "INVALID_JSON"),
        (b"NaN", "INVALID_JSON"),
        (b"[" * 2000 + b"]" * 2000, "INVALID_JSON"),
        (b"1e999", None),
    ],
    ids=lambda given: repr(given)[:12],
)
def test_a_field_that_nobody_reads_is_looked_at_but_for_how_large_its_numbers_are(
    raw: bytes, expected: str | None
) -> None:
    assert reason(unread(raw)) == expected


def test_part_and_status_are_passed_on_by_both_ways_of_reading() -> None:
    document = json.loads(observation("sportybet", GOOD_MARKETS["sportybet"]))
    document["part"] = {"number": 2, "of": 3}
    document["event"]["status"] = "suspended"
    value = json.dumps(document).encode()
    typed, whole = read_typed(value), decode(value, max_bytes=len(value))
    assert typed is not None
    assert isinstance(whole, Decoded)
    assert typed.envelope == whole.envelope
    assert typed.envelope["part"] == {"number": 2, "of": 3}
    assert typed.envelope["event"]["status"] == "suspended"


@pytest.mark.parametrize(
    "wrong",
    [
        {"part": {"number": 3, "of": 2}},
        {"part": {"number": 0, "of": 2}},
        {"part": {"number": 1, "of": 1001}},
        {"event": {"id": "e1", "status": "ended"}},
    ],
    ids=str,
)
def test_a_wrong_part_or_status_is_refused_though_the_rest_is_usual(wrong: dict[str, Any]) -> None:
    document = json.loads(observation("sportybet", GOOD_MARKETS["sportybet"])) | wrong
    assert reason(json.dumps(document).encode()) == "INVALID_FIELD"


def test_a_message_beyond_the_bound_is_not_parsed_at_all() -> None:
    seen = read(observation("sportybet", []), max_bytes=10)
    assert isinstance(seen, UnreadableRecord)
    assert seen.reason == "TOO_LARGE"
