from typing import Any

import pytest
from hypothesis import given

from tests.support.hostile.feeds import JSON
from tests.support.laws import LAWS
from worker.ingest.reading.record_ids import NO_IDS, RecordIds, ids_in


def test_an_observation_names_its_scrape_and_its_event() -> None:
    document = {"scrape_id": "2026-11-22T12:00Z", "event": {"id": "sr:match:1", "home": 5}}
    assert ids_in(document) == RecordIds("2026-11-22T12:00Z", "sr:match:1")


def test_a_number_is_read_as_its_digits() -> None:
    assert ids_in({"scrape_id": 7, "event": {"id": 33289995}}) == RecordIds("7", "33289995")


@pytest.mark.parametrize("wrong", [None, True, 1.5, [], {}, "x" * 101, "nul \x00", 10**200])
def test_what_its_field_may_not_hold_is_absent_and_the_other_id_stays(wrong: Any) -> None:
    assert ids_in({"scrape_id": wrong, "event": {"id": "e"}}) == RecordIds(None, "e")
    assert ids_in({"scrape_id": "s", "event": {"id": wrong}}) == RecordIds("s", None)


@pytest.mark.parametrize("wrong", ["", "two\nlines", "\x7f"])
def test_an_event_id_has_characters_and_none_of_control(wrong: str) -> None:
    assert ids_in({"event": {"id": wrong}}) == NO_IDS


@pytest.mark.parametrize("event", [None, "e", [{"id": "e"}], 5])
def test_an_event_of_another_form_has_no_id(event: Any) -> None:
    assert ids_in({"scrape_id": "s", "event": event}) == RecordIds("s", None)


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_what_is_no_object_has_no_ids(document: Any) -> None:
    assert ids_in(document) == NO_IDS


@LAWS
@given(JSON, JSON)
def test_ids_are_bounded_whatever_the_record_holds(scrape: Any, event: Any) -> None:
    found = ids_in({"scrape_id": scrape, "event": {"id": event}})
    assert all(one is None or len(one) <= 100 for one in found)
