import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import DeadReason, Observation, Refusal, refusal
from schemas.examples import DEAD_LETTER_BODY, DEAD_LETTER_HEADERS, OBSERVATIONS
from schemas.refusal import describe_faults

SPORTYBET = OBSERVATIONS["sportybet"]


def verdict(document: Any) -> Refusal:
    with pytest.raises(ValidationError) as refused:
        Observation.model_validate(document)
    return refusal(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_version": 2}, "UNSUPPORTED_VERSION"),
        ({"schema_version": "1"}, "INVALID_FIELD"),
        ({"platform": "bet365"}, "UNSUPPORTED_PLATFORM"),
        ({"platform": 7}, "INVALID_FIELD"),
        ({"platform": "a\x00"}, "NUL_CHARACTER"),
        ({"observed_at": "2026-11-22"}, "INVALID_FIELD"),
        ({"event": {}}, "INVALID_FIELD"),
        ({"event": {"id": "a\x00"}}, "NUL_CHARACTER"),
        ({"markets": {}}, "WRONG_SHAPE"),
        ({"markets": None}, "WRONG_SHAPE"),
        ({"market_names": {}}, "INVALID_FIELD"),
        ({"platform": "bet9ja", "markets": {}, "market_names": {"a": "\x00"}}, "NUL_CHARACTER"),
    ],
)
def test_each_fault_gives_its_reason(change: dict[str, Any], reason: DeadReason) -> None:
    assert verdict({**SPORTYBET, **change}).reason == reason


def test_an_unknown_version_outweighs_what_else_is_wrong() -> None:
    found = verdict({"schema_version": 2, "platform": "bet365"})
    assert found.reason == "UNSUPPORTED_VERSION"


@pytest.mark.parametrize(
    ("event", "detail"),
    [
        ({"id": 7}, "event.id = 7: Input should be a valid string"),
        ({"id": ["a"]}, "event.id = an array of 1 entry: Input should be a valid string"),
        ({"id": {}}, "event.id = an object with 0 fields: Input should be a valid string"),
        ({"id": 10**5000}, "event.id = a very large integer: Input should be a valid string"),
        ({}, "event.id: Field required"),
    ],
)
def test_the_detail_names_the_field_its_value_and_what_is_wrong(
    event: dict[str, Any], detail: str
) -> None:
    assert verdict({**SPORTYBET, "event": event}).detail == detail


def test_every_fault_gets_a_line() -> None:
    with pytest.raises(ValidationError) as refused:
        Observation.model_validate({"platform": "betpawa", "markets": [], "event": {"id": 7}})
    assert describe_faults(refused.value) == [
        "observed_at: Field required",
        "event.id = 7: Input should be a valid string",
    ]


def test_a_value_is_quoted_as_json_with_what_does_not_print_escaped() -> None:
    found = verdict({**SPORTYBET, "scrape_id": 'a"b\u202e' * 50})
    assert found.detail.startswith('scrape_id = "a\\"b\\u202e')


def test_a_long_value_is_cut() -> None:
    found = verdict({**SPORTYBET, "event": {"id": "x" * 1_000_000}})
    shown = "x" * 80
    assert found.detail == f'event.id = "{shown}": String should have at most 100 characters'


def test_the_detail_names_markets_of_the_wrong_form() -> None:
    assert (
        verdict({**SPORTYBET, "markets": {}}).detail
        == "markets: markets of sportybet must be an array"
    )


def test_the_detail_is_bounded_whatever_the_payload_holds() -> None:
    names = {"k" * 5000 + str(number): number for number in range(50)}
    found = verdict({**OBSERVATIONS["bet9ja"], "market_names": names})
    assert found.reason == "INVALID_FIELD"
    assert len(found.detail) <= 500


def test_the_example_of_a_dead_letter_is_what_its_body_gives() -> None:
    assert verdict(json.loads(DEAD_LETTER_BODY)) == (
        DEAD_LETTER_HEADERS["marketmap.dead.reason"],
        DEAD_LETTER_HEADERS["marketmap.dead.detail"],
    )
