"""A stream of small observations whose outputs and counts are known: nothing lost, nothing counted twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from schemas import ID_HEADER
from tests.support.markets import observation, sportybet
from tests.support.services.installation import Installation, Published
from worker.kafka.record import RawRecord

KEYS = 12
_MARKETS: Any = [
    sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"}),
    sportybet("900001", prices={"Yes": "2"}),
]


def stream(records: int, first: int = 0) -> list[Published]:
    """Numbered observations; each misses one market that all miss and one that every seventh misses."""
    return [_numbered(number) for number in range(first, first + records)]


def _numbered(number: int) -> Published:
    markets = [*_MARKETS, sportybet(f"seventh {number % 7}", prices={"Yes": "2"})]
    key = f"{number % KEYS}"
    return (
        "observations.sportybet",
        key.encode(),
        observation("sportybet", markets, id=key, home=str(number)),
        [],
    )


def expected_counts(records: int) -> Counter[tuple[str, str]]:
    sevenths = Counter(("sportybet", f"seventh {number % 7}") for number in range(records))
    return Counter({("sportybet", "900001"): records}) + sevenths


def numbers(records: Iterable[RawRecord]) -> list[int]:
    """The numbers of the observations that resolved events were made of, in the order of the records."""
    return [int(orjson.loads(record.value or b"")["event"]["home"]) for record in records]


def ids(records: Iterable[RawRecord]) -> list[bytes]:
    return [dict(record.headers)[ID_HEADER] or b"" for record in records]


def first_occurrences_by_key(records: Sequence[RawRecord]) -> dict[bytes, list[int]]:
    """The numbers under each key, in the order of the topic, repetitions dropped by their id."""
    seen: set[bytes] = set()
    ordered: defaultdict[bytes, list[int]] = defaultdict(list)
    for record, source_id, number in zip(records, ids(records), numbers(records), strict=True):
        if source_id not in seen:
            seen.add(source_id)
            ordered[record.key or b""].append(number)
    return ordered


async def resolved(installation: Installation) -> list[RawRecord]:
    return await installation.consume("odds.resolved")
