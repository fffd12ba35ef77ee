"""Missed markets as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, signed, text, when
from worker.domain.coverage import Coverage
from worker.storage.misses import QueuedMiss

_COLUMNS: Final = (
    Column("score", left_out=5),
    Column("platform", is_typed=True),
    Column("market", is_typed=True),
    Column("name", least=16),
    Column("why", least=12, left_out=1),
    Column("count", least=5),
    Column("per hour", left_out=3),
    Column("events", left_out=6),
    Column("other bookmakers", least=9, left_out=7),
    Column("last seen (UTC)", least=19, left_out=4),
    Column("status", least=12, left_out=2),
)


def misses_list(rows: Iterable[QueuedMiss]) -> ListTable:
    table = ListTable(_COLUMNS)
    for row in rows:
        table.add(
            f"{row.score:.3g}",
            row.source,
            row.external_market_id,
            row.market_name,
            row.reason,
            str(row.occurrence_count),
            f"{row.occurrences_per_hour:.1f}",
            str(row.event_count),
            str(row.other_books),
            when(row.last_seen_at),
            row.status,
        )
    return table


def miss_json(row: QueuedMiss) -> dict[str, Any]:
    """A miss with its times in ISO 8601, UTC."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row._asdict().items()
    }


MISSES: Final = ListLayout(QueuedMiss._fields, miss_json, misses_list)


def miss_table(row: QueuedMiss) -> Table:
    table = Table(show_header=False, box=None, title_justify="left")
    table.title = text(f"{row.source} {row.external_market_id}")
    for name in (
        "market_name",
        "reason",
        "status",
        "notes",
        "occurrence_count",
        "event_count",
        "other_books",
    ):
        table.add_row(name.replace("_", " "), text(getattr(row, name)))
    table.add_row("per hour", f"{row.occurrences_per_hour:.1f}")
    table.add_row("score", f"{row.score:.3g}")
    table.add_row("first seen", when(row.first_seen_at))
    table.add_row(
        "last seen", Text.assemble(when(row.last_seen_at), f" under version {row.mapping_version}")
    )
    if row.status_changed_at is not None:
        table.add_row(
            "status by",
            Text.assemble(
                text(signed(row.status_actor, row.status_login)),
                " at ",
                when(row.status_changed_at),
            ),
        )
    for name in ("mapped_version", "ignored_until_count", "ignored_until_rate", "ignored_until"):
        if getattr(row, name) is not None:
            table.add_row(name.replace("_", " "), text(str(getattr(row, name))))
    return table


def samples_table(row: QueuedMiss, found: Coverage) -> Table:
    """Return the labels of the newest sighting, and which of them a mapping knows."""
    table = Table("label", "qualifier", "odds", "", box=None)
    samples = row.sample_outcomes if isinstance(row.sample_outcomes, list) else []
    for sample in samples:
        values = sample if isinstance(sample, dict) else {"label": sample}
        label = values.get("label")
        known = "known" if label in found.known else "unknown"
        table.add_row(text(label), text(values.get("qualifier")), text(values.get("odds")), known)
    return table


def keys_json(keys: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"source": source, "external_market_id": market_id} for source, market_id in keys]
