"""Counting distinct events by a few hashes of them.

Of all hashes the smallest ones are kept. Below that number the count is exact; from there, how far the
largest of them lies tells how many there are. The same event again, or another order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

MOST_HASHES: Final = 32

# The smallest hashes of a set of events, ascending.
EventHashes = tuple[int, ...]


def event_key(envelope: Mapping[str, Any]) -> str:
    """The key of an observation's event: the SportRadar id when there is one, else ``platform:event id``.

    Bookmakers share the SportRadar id, so their records of one event share a partition and are one event.
    """
    event = envelope["event"]
    return str(event.get("sportradar_id") or f"{envelope['platform']}:{event['id']}")


@lru_cache(maxsize=4096)  # messages of one event come together
def event_hash(event_key: str) -> int:
    """A number from 0 to 2**31 - 1, the same in every process; ``event_key`` is any text."""
    digest = blake2b(event_key.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest) >> 1


def smallest(hashes: set[int]) -> EventHashes:
    """Those of a set of events that are kept."""
    return tuple(sorted(hashes)[:MOST_HASHES])


def union(one: EventHashes, other: EventHashes) -> EventHashes:
    """The smallest hashes of both sets."""
    return smallest({*one, *other})
