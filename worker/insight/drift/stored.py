"""Hours as rows of `shape_hour`. Bounded: what is clipped is clipped in the same way every time.

Senders choose the names of fields, and what an example shows. The database refuses a row whose JSON is longer
than 65,536 characters, and a row that is refused is an hour of which nothing is known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from typing import Any, Final, TypeVar

from worker.insight.drift.hours import ShapeHour
from worker.insight.drift.shapes import ShapeSample
from worker.storage.insight.shapes import StoredHour

Entry = TypeVar("Entry")
_MOST_FIELDS: Final = 200
# Characters of JSON. Twenty names of each level fit in, and an example of each reason, if few of their
# characters are escaped. Reasons are those of this program: their counts take a few thousand.
_LONGEST_FIELDS: Final = 30_000
_LONGEST_EXAMPLES: Final = 24_000


def stored_of(one: ShapeHour) -> StoredHour:
    sample = one.sample
    return StoredHour(
        one.platform,
        one.hour,
        one.version,
        sample.observations,
        sample.unreadable,
        dict(sorted(sample.markets.items())),
        sample.recalled,
        [list(one) for one in _first(sorted(sample.unread)[:_MOST_FIELDS], _LONGEST_FIELDS)],
        dict(_first(sorted(sample.examples.items()), _LONGEST_EXAMPLES)),
        one.records,
    )


def hour_of(row: StoredHour) -> ShapeHour:
    """The hour in a row. Values of another form, which this program did not write, are left out."""
    sample = ShapeSample(
        row.observations,
        row.unreadable,
        Counter({name: n for name, n in _items(row.markets) if isinstance(n, int)}),
        row.recalled,
        {(level, name) for level, name in row.unread} if isinstance(row.unread, list) else set(),
        {reason: said for reason, said in _items(row.examples) if isinstance(said, str)},
    )
    return ShapeHour(row.platform, row.hour.astimezone(UTC), row.version, sample, row.records)


def _first(entries: Iterable[Entry], most: int) -> list[Entry]:
    """The first entries that have no more than ``most`` characters together, as the database counts them."""
    kept: list[Entry] = []
    length = 2
    for one in entries:
        length += len(json.dumps(one, ensure_ascii=False)) + 2
        if length > most:
            break
        kept.append(one)
    return kept


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
