from typing import get_args

import pytest
from pydantic import ValidationError

from schemas import DEAD_REASONS, DeadLetter, DeadReason
from schemas.dead_letter import header_name
from schemas.examples import DEAD_LETTER_HEADERS

LETTER = DeadLetter(
    id="topic/3/1042", reason="INVALID_JSON", topic="observations.bet9ja", partition=3, offset=1042
)


def test_headers_are_utf_8_text_and_nulls_are_left_out() -> None:
    assert LETTER.to_headers() == [
        ("marketmap-id", b"topic/3/1042"),
        ("marketmap.dead.reason", b"INVALID_JSON"),
        ("marketmap.dead.topic", b"observations.bet9ja"),
        ("marketmap.dead.partition", b"3"),
        ("marketmap.dead.offset", b"1042"),
    ]


def test_headers_read_back_are_the_letter_that_was_written() -> None:
    full = DeadLetter.model_validate(DEAD_LETTER_HEADERS)
    assert DeadLetter.from_headers(full.to_headers()) == full


def test_the_record_s_own_headers_are_passed_over() -> None:
    foreign: list[tuple[str, bytes | None]] = [
        ("traceparent", b"\xff\xfe"),
        ("marketmap.dead.offset", None),
    ]
    assert DeadLetter.from_headers([*foreign, *LETTER.to_headers()]) == LETTER


@pytest.mark.parametrize(
    "forged",
    [
        ("marketmap.dead.event_id", b"another"),
        ("marketmap.dead.event_id", b""),
        ("marketmap.dead.truncated_from", b"no number"),
        ("marketmap.dead.timestamp", b"-1"),
    ],
)
def test_what_a_sender_calls_by_our_names_is_passed_over(forged: tuple[str, bytes]) -> None:
    headers = [("marketmap-id", b"theirs"), forged, *LETTER.to_headers()]
    assert DeadLetter.from_headers(headers) == LETTER


def test_the_last_letter_counts_when_a_record_died_twice() -> None:
    first = LETTER.model_copy(update={"scrape_id": "noon", "truncated_from": 9})
    again = LETTER.model_copy(update={"offset": 2000, "reason": "WRONG_SHAPE"})
    assert DeadLetter.from_headers([*first.to_headers(), *again.to_headers()]) == again
    assert DeadLetter.from_headers([*LETTER.to_headers(), *again.to_headers()]) == again


def test_a_lone_surrogate_in_the_detail_does_not_stop_the_letter() -> None:
    letter = LETTER.model_copy(update={"detail": "id \ud800"})
    assert ("marketmap.dead.detail", b"id ?") in letter.to_headers()


def test_a_record_without_our_headers_is_no_dead_letter() -> None:
    with pytest.raises(ValidationError):
        DeadLetter.from_headers([("traceparent", b"00")])


def test_every_reason_has_a_sentence() -> None:
    assert tuple(DEAD_REASONS) == get_args(DeadReason)
    assert all(sentence.endswith(".") for sentence in DEAD_REASONS.values())


def test_every_field_has_a_header_of_its_own() -> None:
    names = [header_name(field) for field in DeadLetter.model_fields]
    assert names == [
        *DEAD_LETTER_HEADERS,
        "marketmap.dead.truncated_from",
        "marketmap.dead.left_out",
    ]
