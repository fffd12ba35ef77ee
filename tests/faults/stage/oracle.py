"""A numbered stream whose outputs, dead letters and counts are known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from tests.support.markets import observation, sportybet
from tests.support.services.installation import Published

TOPIC = "observations.sportybet"
KEYS = 24
UNREADABLE_EVERY = 29
BLOCK = 100

Counts = Counter[tuple[str, str]]

_RESOLVED = sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})
_ALWAYS_MISSED = "900001"
_UNREADABLE = b"unreadable "


def record(number: int) -> Published:
    """An observation that misses three markets, one of them new with every block; or one of no form."""
    key = str(number % KEYS).encode()
    if is_unreadable(number):
        return TOPIC, key, _UNREADABLE + str(number).encode(), []
    markets = [_RESOLVED, *(sportybet(market, prices={"Yes": "2"}) for market in missed(number))]
    return TOPIC, key, observation("sportybet", markets, id=key.decode(), home=str(number)), []


def is_unreadable(number: int) -> bool:
    return number % UNREADABLE_EVERY == UNREADABLE_EVERY - 1


def missed(number: int) -> list[str]:
    return [_ALWAYS_MISSED, f"seventh {number % 7}", f"block {number // BLOCK}"]


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
