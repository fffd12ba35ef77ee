"""Hours as rows of `shape_hour`. Bounded: what is clipped is clipped in the same way every time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import Any, Final

from worker.insight.drift.hours import ShapeHour
from worker.insight.drift.shapes import ShapeSample
from worker.storage.insight.shapes import StoredHour

_MOST_FIELDS: Final = 200


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
        [[level, name] for level, name in sorted(sample.unread)[:_MOST_FIELDS]],
        dict(sorted(sample.examples.items())),
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


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
