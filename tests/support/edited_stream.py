"""A stream of observations of markets that are being edited, and what it must resolve to as of a version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import orjson

from tests.support.installation import Published
from tests.support.markets import observation, sportybet
from worker.app.topic_reader import AnyRecord
from worker.domain.index import MappingIndex
from worker.domain.resolve import resolve
from worker.ingest.decode import Decoded, decode
from worker.ingest.live_index import build_index
from worker.storage.audit import AuditRow

MARKETS = 12
_LABELS = [("yes", "Yes"), ("no", "No")]
_PRICES = [sportybet(f"e{n}", prices={"Yes": "1.5", "No": "2.5"}) for n in range(MARKETS)]

# All take the same arguments: canonical id, SportyBet's id, the outcomes and the outcomes swapped.
_STATEMENTS = {
    "create": """
        INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
        SELECT $1, $1, $2, $3::jsonb WHERE $4::jsonb IS NOT NULL
        ON CONFLICT (canonical_id) DO NOTHING
    """,
    "delete": """
        DELETE FROM user_market_mappings
        WHERE canonical_id = $1 AND num_nonnulls($2::text, $3::jsonb, $4::jsonb) = 3
    """,
    "switch": """
        UPDATE user_market_mappings SET is_active = NOT is_active
        WHERE canonical_id = $1 AND num_nonnulls($2::text, $3::jsonb, $4::jsonb) = 3
    """,
    "swap": """
        UPDATE user_market_mappings
        SET outcome_mapping = CASE WHEN outcome_mapping = $3::jsonb THEN $4::jsonb ELSE $3::jsonb END
        WHERE canonical_id = $1 AND $2::text IS NOT NULL
    """,
}


def records(first: int, count: int) -> list[Published]:
    """Numbered observations; each offers every market that editors change."""
    return [
        ("observations.sportybet", b"%d" % (n % 31), _payload(n), []) for n in range(first, first + count)
    ]


def _payload(number: int) -> bytes:
    return observation("sportybet", _PRICES, id=str(number % 31), home=str(number))


async def edit(connection: Any, random: Random) -> None:
    """Make one change; what stood for yes may stand for no afterwards."""
    while not await _edit(connection, random.randrange(MARKETS), random.choice(list(_STATEMENTS))):
        pass


async def _edit(connection: Any, market: int, kind: str) -> bool:
    """Whether the row was there, or was not, as this kind of change needs it."""
    labels = [_outcomes(swapped=False), _outcomes(swapped=True)]
    arguments = [f"edited {market}", f"e{market}", *labels]
    tag: str = await connection.execute(_STATEMENTS[kind], *arguments)
    return tag.endswith(" 1")


def _outcomes(*, swapped: bool) -> str:
    labels = [label for _, label in _LABELS]
    shown = reversed(labels) if swapped else labels
    return json.dumps(
        [
            {"canonical_id": outcome, "sportybet_desc": label}
            for (outcome, _), label in zip(_LABELS, shown, strict=True)
        ]
    )


def indexes_of(rows: Sequence[AuditRow], wanted: set[int]) -> dict[int, MappingIndex]:
    """The index of each version wanted, built from the audit log alone."""
    table: dict[str, Any] = {}
    indexes = {}
    for row in rows:
        table[row.canonical_id] = row.new_value
        if row.id in wanted:
            active = [state for state in table.values() if state is not None and state["is_active"]]
            indexes[row.id] = build_index(row.id, active)
    return indexes


def wrongly_resolved(outputs: Sequence[AnyRecord], indexes: dict[int, MappingIndex]) -> list[dict[str, Any]]:
    """The outputs that differ from what their observation gives under the version that they name."""
    return [
        event
        for event in (orjson.loads(record.value or b"") for record in outputs)
        if (event["markets"], event["misses"]) != _expected(event, indexes[event["mapping_version"]])
    ]


def _expected(event: dict[str, Any], index: MappingIndex) -> tuple[Any, Any]:
    decoded = decode(_payload(int(event["event"]["home"])), max_bytes=1 << 20)
    assert isinstance(decoded, Decoded)
    resolution = resolve(decoded.observation, index)
    written: dict[str, Any] = orjson.loads(
        orjson.dumps({"markets": resolution.markets, "misses": resolution.misses})
    )
    return written["markets"], written["misses"]
