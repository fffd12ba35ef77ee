from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloud_events import EVENT_TYPES, cloud_event, header_schemas, moment
from schemas.json_schema import MESSAGES
from tests.support.laws import LAWS


@LAWS
@given(st.integers(0, 253_402_300_799_999))
def test_a_moment_keeps_every_millisecond(timestamp_ms: int) -> None:
    found = moment(timestamp_ms)
    assert found is not None
    assert (found - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1) == timestamp_ms


@pytest.mark.parametrize("timestamp_ms", [-1, -(2**63), 253_402_300_800_000, 2**63 - 1])
def test_a_timestamp_that_cannot_be_written_is_none(timestamp_ms: int) -> None:
    assert moment(timestamp_ms) is None


def test_without_a_time_the_attribute_is_left_out() -> None:
    assert "ce_time" not in dict(cloud_event("ResolvedEvent", "id", "topic", None))


def test_a_time_is_told_in_utc() -> None:
    there = datetime(2026, 11, 22, 13, tzinfo=timezone(timedelta(hours=1)))
    headers = dict(cloud_event("MappingChanged", "id", "mapping_audit_log", there))
    assert headers["ce_time"] == b"2026-11-22T12:00:00.000+00:00"


@pytest.mark.parametrize("message", EVENT_TYPES)
def test_the_headers_are_as_their_schemas_describe_them(message: str) -> None:
    headers = dict(cloud_event(message, "id", "topic", moment(1795348800120)))
    assert headers.keys() == header_schemas().keys()
    for name, schema in header_schemas().items():
        jsonschema.validate((headers[name] or b"").decode(), schema)


def test_a_type_is_named_after_the_schema_of_its_message() -> None:
    files = {message.model.__name__: message.file for message in MESSAGES}
    assert {
        name: f"marketmap.{files[name].removesuffix('.json')}" for name in EVENT_TYPES
    } == EVENT_TYPES
