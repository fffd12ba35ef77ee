"""A numbered stream whose outputs, dead letters, counts and newest odds are known beforehand.

Of every third key the events are large: two records of it, one after the other, are the parts of a snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import orjson

from tests.support.markets import observation, sportybet
from tests.support.services.installation import Published

TOPIC = "observations.sportybet"
KEYS = 24
UNREADABLE_EVERY = 29
BLOCK = 100
LARGE_EVERY = 3
PARTS = 2
STARTED_AT = datetime(2026, 11, 22, 12)  # noqa: DTZ001  # written as UTC below

Counts = Counter[tuple[str, str]]

_RESOLVED = sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})
_ALWAYS_MISSED = "900001"
_UNREADABLE = b"unreadable "


def record(number: int) -> Published:
    """An observation that misses three markets, one of them new with every block; or one of no form."""
    key = str(number % KEYS).encode()
    if is_unreadable(number):
        return TOPIC, key, _UNREADABLE + str(number).encode(), []
    markets = [sportybet(market, prices={"Yes": "2"}) for market in missed(number)]
    if part_number(number) < PARTS:
        markets = [_RESOLVED, *markets]
    document = orjson.loads(observation("sportybet", markets, id=key.decode(), home=str(number)))
    more = {"observed_at": observed_at(number), "part": part_of(number)}
    return TOPIC, key, orjson.dumps(document | more), []


def part_number(number: int) -> int:
    """Which part of its snapshot an observation is; 0 for a whole one."""
    key, turn = number % KEYS, number // KEYS
    return 0 if key % LARGE_EVERY else 1 + turn % PARTS


def part_of(number: int) -> dict[str, Any] | None:
    """The part as the message says it."""
    part = part_number(number)
    return {"number": part, "of": PARTS} if part else None


def observed_at(number: int) -> str:
    """A millisecond later with each number; the parts of a snapshot have the time of its first."""
    first = number - KEYS * max(0, part_number(number) - 1)
    return f"{(STARTED_AT + timedelta(milliseconds=first)).isoformat()}Z"


def newest(numbers: Collection[int]) -> dict[str, int]:
    """What the newest odds hold once all of these are resolved: by key the number of an observation."""
    readable = (number for number in sorted(numbers) if not is_unreadable(number))
    return {latest_key_of(number): number for number in readable}


def latest_key_of(number: int) -> str:
    part = part_number(number)
    return f"sportybet:{number % KEYS}" + (f"/{part}" if part else "")


def is_unreadable(number: int) -> bool:
    return number % UNREADABLE_EVERY == UNREADABLE_EVERY - 1


def missed(number: int) -> list[str]:
    markets = [_ALWAYS_MISSED, f"seventh {number % 7}", f"block {number // BLOCK}"]
    # No market is in two parts of a snapshot.
    return [f"{each} of part 2" for each in markets] if part_number(number) == PARTS else markets


def counts(numbers: Collection[int]) -> Counts:
    """How often each market is missed by the observations of these numbers."""
    readable = (number for number in numbers if not is_unreadable(number))
    return Counter(("sportybet", market) for number in readable for market in missed(number))


def number_of_dead(value: bytes | None) -> int:
    """The number of a dead letter. Raises ValueError when its bytes are not those that were sent."""
    content = value or b""
    if not content.startswith(_UNREADABLE):
        raise ValueError(f"no record of this stream: {content[:60]!r}")
    return int(content.removeprefix(_UNREADABLE))
