"""Rows of the queue of missed markets, as a worker leaves them."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
_INSERT = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name, sample_outcomes,
    first_seen_at, last_seen_at, occurrence_count, reason, mapping_version)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7, 0)
"""


def add_miss(
    query: Callable[..., object],
    source: str,
    market_id: str,
    name: str | None = None,
    labels: Sequence[str] = ("Yes", "No"),
    *,
    reason: str = "UNKNOWN_MARKET",
    qualifier: str | None = None,
    count: int = 1,
) -> None:
    """Insert a row by ``query``, which takes a statement and its values."""
    samples = [{"label": label, "odds": 2.0, "qualifier": qualifier} for label in labels]
    query(_INSERT, source, market_id, name, json.dumps(samples), NOON, count, reason)
