"""The quick way to read a message gives what the whole way gives, whatever the message holds.

One difference is allowed: of a field of a market that nobody reads the quick way does not read the number
either, so one beyond a double goes unnoticed there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.property.fuzz import corpus
from tests.property.fuzz.mutations import spoil
from tests.support.hostile.fields import spoilt_markets
from tests.support.hostile.records import LARGEST, hostile_records
from tests.support.markets import said
from worker.domain.labels import teams
from worker.domain.resolve import platform_rows, resolve_rows
from worker.ingest.reading.decode import UnreadableRecord, decode
from worker.ingest.reading.read import Readable, read, read_typed

SPOILT: Final = 1200
BEYOND_A_DOUBLE: Final = re.compile(rb"\d{300}|[eE]\+?\d{3}")
Verdict = UnreadableRecord | tuple[Any, ...]


def verdict(seen: Readable) -> Verdict:
    """All that comes of an observation; of what was missed, what is counted of it."""
    found = resolve_rows(seen.rows, seen.platform, seen.names, corpus.INDEX, seen.scope)
    return seen.platform, seen.observed_at, seen.envelope, said(found)


def whole(value: bytes) -> Verdict:
    decoded = decode(value, max_bytes=len(value))
    if isinstance(decoded, UnreadableRecord):
        return decoded
    observed = decoded.observation
    names = teams(observed.home, observed.away)
    return verdict(
        Readable(
            observed.platform,
            platform_rows(observed),
            names,
            decoded.observed_at,
            decoded.envelope,
            observed.scope,
        )
    )


def check(values: Iterable[bytes]) -> int:
    """How many of the messages were read the quick way, with the same result; fails where it is another."""
    quick = 0
    for value in values:
        seen = read_typed(value)
        if seen is None:
            continue
        quick += 1
        expected = whole(value)
        if isinstance(expected, UnreadableRecord) and expected.reason == "INVALID_JSON":
            assert BEYOND_A_DOUBLE.search(value), (value[:2000], expected)
        else:
            assert verdict(seen) == expected, value[:2000]
    return quick


@pytest.mark.parametrize("seed", range(3))
def test_a_spoilt_message_gives_the_same_either_way(seed: int) -> None:
    draw = random.Random(seed)
    good = corpus.messages(seed)
    assert check(good) > len(good) * 0.9
    assert check(spoil(draw, draw.choice(good), good) for _ in range(SPOILT)) > SPOILT // 10


def test_a_field_of_a_wrong_type_gives_the_same_either_way() -> None:
    assert check(spoilt.value for spoilt in spoilt_markets()) > 0


def test_a_hostile_record_is_refused_for_the_same_reason_either_way() -> None:
    for record in hostile_records():
        seen = read(record.value, max_bytes=LARGEST)
        if not isinstance(seen, Readable):
            assert seen == decode(record.value, max_bytes=LARGEST), record.name
    check(record.value for record in hostile_records() if record.value is not None)
