"""The second act of a demo: an editor maps a missed market, and the next scrape shows it.

The market is a whole and quarter over/under, under a key that only the generator has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from schemas import MappingChanged
from worker.domain.draft import draft
from worker.domain.mapping import parse_mapping
from worker.kafka.bounded_reader import read_topic
from worker.lab.synthetic.expected import ExpectedMarket, ExpectedOutcome, Generated
from worker.lab.synthetic.shapes.bet9ja import odds_of
from worker.operations.mappings.editing import AppliedChange
from worker.operations.unmapped import triage
from worker.settings.connected import ConnectedSettings
from worker.storage import audit, misses
from worker.storage.audit import AuditRow
from worker.storage.editing import editing
from worker.storage.engine import opened, transaction
from worker.storage.misses import QueuedMiss, QueueKey

MARKET: Final[QueueKey] = ("bet9ja", "Z_OUA")
WHY: Final = "its meaning is beyond doubt: its keys say line, over and under"
CANONICAL_ID: Final = "over_under_asian_ft"
ACTOR: Final = "demo"
_OUTCOMES: Final = {"O": "over", "U": "under"}
_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.05
_MOST_CHANGES: Final = 20


class Mapped(NamedTuple):
    """A missed market that was mapped. ``place`` is where it stood in the queue, of ``queue`` markets."""

    miss: QueuedMiss
    place: int
    queue: int
    change: AppliedChange
    history: Sequence[AuditRow]

    @property
    def version(self) -> int:
        return self.change.version or 0


async def map_missed(settings: ConnectedSettings) -> Mapped | None:
    """Map the market; None when this scrape had none of it."""
    async with opened(settings.database_url, application_name="marketmap-demo") as engine:
        async with transaction(engine) as connection:
            queue = await misses.list_misses(connection, limit=100_000)
        found = next(
            ((place, miss) for place, miss in enumerate(queue, 1) if miss.key == MARKET), None
        )
        if found is None:
            return None
        place, miss = found
        reason = f"missed {miss.occurrence_count} times, number {place} of the queue"
        async with editing(engine, actor=ACTOR, reason=reason) as edit:
            change = await triage.map_new(edit, MARKET, parse_mapping(finished_draft(miss)))
        async with transaction(engine) as connection:
            history = await audit.last_changes(connection, CANONICAL_ID, _MOST_CHANGES)
        return Mapped(miss, place, len(queue), change, history)


def finished_draft(miss: QueuedMiss) -> dict[str, Any]:
    """The draft that `unmapped map` gives, with the names that an editor would choose."""
    values = draft("bet9ja", miss.external_market_id, miss.market_name, miss.sample_outcomes)
    rows = [
        row | {"canonical_id": _OUTCOMES[row["bet9ja_suffix"]]} for row in values["outcome_mapping"]
    ]
    return values | {
        "canonical_id": CANONICAL_ID,
        "name": "Over/Under Asian",
        "outcome_mapping": rows,
    }


async def published_change(settings: ConnectedSettings, version: int) -> MappingChanged:
    """The change as the relay published it."""
    topic = settings.topics.changes
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            for record in await read_topic(settings, topic):
                change = MappingChanged.model_validate_json(record.value or b"{}")
                if change.mapping_version == version:
                    return change
            await asyncio.sleep(_PAUSE_S)


def as_mapped(seen: Generated) -> Generated:
    """The true answer of an observation once the market is mapped: its own keys tell it."""
    if seen.platform != MARKET[0]:
        return seen
    lines: dict[str, list[ExpectedOutcome]] = {}
    for key, price in seen.observation["markets"].items():
        market, _, rest = key.partition("@")
        if market == MARKET[1]:
            line, _, suffix = rest.rpartition("_")
            odds = odds_of(price)
            lines.setdefault(line, []).append(
                ExpectedOutcome(_OUTCOMES[suffix], odds, active=odds is not None)
            )
    added = [
        ExpectedMarket(CANONICAL_ID, line, MARKET[1], tuple(rows)) for line, rows in lines.items()
    ]
    return seen._replace(
        expected=seen.expected._replace(
            markets=(*seen.expected.markets, *added),
            misses=tuple(
                miss for miss in seen.expected.misses if miss.external_market_id != MARKET[1]
            ),
        )
    )
