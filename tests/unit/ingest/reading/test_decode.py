import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile.feeds import JSON
from tests.support.laws import LAWS
from tests.support.markets import observation, sportybet
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode
from worker.ingest.reading.record_ids import NO_IDS

GOOD = observation(
    "sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": "1.98"})], live=False
)
MAX_BYTES = 4 * 1024 * 1024


def verdict(value: bytes | None, max_bytes: int = MAX_BYTES) -> str:
    decoded = decode(value, max_bytes=max_bytes)
    assert isinstance(decoded, UnreadableRecord)
    assert 0 < len(decoded.detail) <= 500
    return decoded.reason


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(GOOD) | fields).encode()


def test_an_observation_is_what_is_resolved_and_the_envelope_that_goes_through() -> None:
    decoded = decode(GOOD, max_bytes=MAX_BYTES)
    assert isinstance(decoded, Decoded)
    assert (decoded.observation.platform, decoded.observation.home) == (
        "sportybet",
        "Wuhan Three Towns FC",
    )
    assert decoded.observed_at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert decoded.envelope.keys() == {"platform", "observed_at", "scrape_id", "event", "part"}
    assert decoded.envelope["event"]["live"] is False


def test_unknown_fields_are_ignored() -> None:
    assert isinstance(decode(changed(colour="blue"), max_bytes=MAX_BYTES), Decoded)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "TOMBSTONE"),
        (b"", "EMPTY"),
        (b" \r\n\t ", "EMPTY"),
        (b"\xff\xfe", "INVALID_UTF8"),
        (b'{"a": "\xc3\x28"}', "INVALID_UTF8"),
        (b"nonsense", "INVALID_JSON"),
        (b'{"a": NaN}', "INVALID_JSON"),
        (b'{"a": Infinity}', "INVALID_JSON"),
        (b'{"a": 1e999}', "INVALID_JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "INVALID_JSON"),
        (b'{"a": "\\ud800"}', "INVALID_JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "INVALID_JSON"),
        (b'{"a":' * 100_000, "INVALID_JSON"),
        (b"\xef\xbb\xbf{}", "INVALID_JSON"),
        (b"[]", "NOT_AN_OBJECT"),
        (b"null", "NOT_AN_OBJECT"),
        (b'"text"', "NOT_AN_OBJECT"),
        (b"{}", "INVALID_FIELD"),
    ],
)
def test_a_hostile_record_is_unreadable_for_a_reason(value: bytes | None, reason: str) -> None:
    assert verdict(value) == reason


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"[]", "an array of 0 entries"), (b"[1]", "an array of 1 entry"), (b"null", "null")],
)
def test_a_body_that_is_no_object_is_called_what_it_is_in_json(value: bytes, shown: str) -> None:
    found = decode(value, max_bytes=1000)
    assert isinstance(found, UnreadableRecord)
    assert found.detail == f"the body is {shown}, not an object"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"platform": "betway"}, "UNSUPPORTED_PLATFORM"),
        ({"platform": 5}, "INVALID_FIELD"),
        ({"platform": ["sportybet"]}, "INVALID_FIELD"),
        ({"schema_version": 2}, "UNSUPPORTED_VERSION"),
        ({"schema_version": "1"}, "INVALID_FIELD"),
        ({"schema_version": True}, "INVALID_FIELD"),
        ({"observed_at": "2026-11-22T12:00:00"}, "INVALID_FIELD"),
        ({"observed_at": 5}, "INVALID_FIELD"),
        ({"event": {}}, "INVALID_FIELD"),
        ({"event": {"id": "x\x00y"}}, "NUL_CHARACTER"),
        ({"markets": {"a": ["\x00"]}}, "NUL_CHARACTER"),
        ({"markets": {}}, "WRONG_SHAPE"),
        ({"markets": "x"}, "WRONG_SHAPE"),
        ({"markets": None}, "WRONG_SHAPE"),
    ],
)
def test_an_envelope_that_is_wrong_is_unreadable_for_a_reason(
    fields: dict[str, Any], reason: str
) -> None:
    assert verdict(changed(**fields)) == reason


@pytest.mark.parametrize(
    "fields",
    [
        {"platform": "betway"},
        {"schema_version": 2},
        {"observed_at": "yesterday"},
        {"markets": {}},
        {"markets": {"a": ["\x00"]}},
    ],
)
def test_a_record_that_is_refused_still_names_its_scrape_and_event(fields: dict[str, Any]) -> None:
    decoded = decode(changed(scrape_id="noon", **fields), max_bytes=MAX_BYTES)
    assert isinstance(decoded, UnreadableRecord)
    assert decoded.ids == ("noon", json.loads(GOOD)["event"]["id"])


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{", b"[]", b"x" * 2000])
def test_a_record_that_cannot_be_parsed_names_none(value: bytes | None) -> None:
    decoded = decode(value, max_bytes=1000)
    assert isinstance(decoded, UnreadableRecord)
    assert decoded.ids == NO_IDS


def test_a_record_above_the_limit_is_not_even_parsed() -> None:
    assert verdict(b"x" * 1001, max_bytes=1000) == "TOO_LARGE"
    assert verdict(b"x" * 1000, max_bytes=1000) == "INVALID_JSON"


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert isinstance(decode(changed(scrape_id="\\u0000"), max_bytes=MAX_BYTES), Decoded)


def test_a_wrong_field_is_named_with_the_reason() -> None:
    decoded = decode(changed(observed_at="yesterday"), max_bytes=MAX_BYTES)
    assert isinstance(decoded, UnreadableRecord)
    assert "observed_at" in decoded.detail


def test_the_detail_is_bounded_however_much_is_wrong() -> None:
    names = {f"{number}" * 900: 5 for number in range(50)}
    assert verdict(changed(platform="bet9ja", markets={}, market_names=names)) == "INVALID_FIELD"


@LAWS
@given(st.binary(max_size=200))
def test_decode_never_raises_on_arbitrary_bytes(value: bytes) -> None:
    assert isinstance(decode(value, max_bytes=MAX_BYTES), Decoded | UnreadableRecord)


@LAWS
@given(
    st.dictionaries(
        st.sampled_from(
            ["schema_version", "platform", "observed_at", "event", "markets", "market_names"]
        ),
        JSON,
    )
)
def test_decode_never_raises_on_an_envelope_of_anything(fields: dict[str, Any]) -> None:
    assert isinstance(decode(changed(**fields), max_bytes=MAX_BYTES), Decoded | UnreadableRecord)


@LAWS
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_decode_never_raises_on_a_damaged_record(place: int, damage: bytes) -> None:
    value = GOOD[:place] + damage + GOOD[place + len(damage) :]
    assert isinstance(decode(value, max_bytes=MAX_BYTES), Decoded | UnreadableRecord)
