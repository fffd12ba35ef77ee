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
from worker.operations.unmapped.families import MissFamily
from worker.operations.unmapped.missed_days import MissedSpan
from worker.storage.changes.cases import WorkedCase
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
    Column("may be", least=10, left_out=8),
    Column("unlocks a day", least=7, left_out=9),
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
            row.suggested,
            unlocked_words(row.comparisons_per_day),
            when(row.last_seen_at),
            row.status,
        )
    return table


def unlocked_words(comparisons_per_day: float | None) -> str:
    """The comparisons that a mapping would unlock, in few digits; empty without a suggestion."""
    return "" if comparisons_per_day is None else f"{comparisons_per_day:.3g}"


def miss_json(row: QueuedMiss) -> dict[str, Any]:
    """A miss with its times in ISO 8601, UTC."""
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in row._asdict().items()
    }


def work_json(work: WorkedCase) -> dict[str, Any]:
    """Who works on a miss, and until when it is put off."""
    until = work.snoozed_until
    return {
        "owner": work.owner,
        "snoozed_until": None if until is None else until.astimezone(UTC).isoformat(),
    }


MISSES: Final = ListLayout(QueuedMiss._fields, miss_json, misses_list)


_FAMILY_COLUMNS: Final = (
    Column("score", left_out=3),
    Column("platform", is_typed=True),
    Column("pattern", least=16),
    Column("why", least=12, left_out=1),
    Column("markets", least=7),
    Column("ids", least=20),
    Column("count", least=5),
    Column("may be", least=10, left_out=4),
    Column("unlocks a day", least=7, left_out=2),
)
_IDS_SHOWN: Final = 6


def families_list(rows: Iterable[MissFamily]) -> ListTable:
    table = ListTable(_FAMILY_COLUMNS)
    for row in rows:
        ids = [one.external_market_id for one in row.members]
        more = f" and {len(ids) - _IDS_SHOWN} more" if len(ids) > _IDS_SHOWN else ""
        table.add(
            f"{row.score:.3g}",
            row.key.source,
            row.key.pattern,
            row.key.reason,
            str(len(ids)),
            ", ".join(ids[:_IDS_SHOWN]) + more,
            str(row.occurrences),
            ", ".join(row.suggested),
            unlocked_words(row.comparisons_per_day),
        )
    return table


def family_json(row: MissFamily) -> dict[str, Any]:
    """A family with the ids of its members."""
    return {
        "source": row.key.source,
        "pattern": row.key.pattern,
        "reason": row.key.reason,
        "markets": [one.external_market_id for one in row.members],
        "occurrence_count": row.occurrences,
        "score": row.score,
        "suggested": row.suggested,
        "comparisons_per_day": row.comparisons_per_day,
    }


_FAMILY_FIELDS: Final = (
    *("source", "pattern", "reason", "markets", "occurrence_count", "score"),
    *("suggested", "comparisons_per_day"),
)
FAMILIES: Final = ListLayout(_FAMILY_FIELDS, family_json, families_list)


def miss_table(row: QueuedMiss, spans: Sequence[MissedSpan] = ()) -> Table:
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
    if spans:
        # In parts of about a day, the oldest first.
        table.add_row("per day", ", ".join(f"{one.per_day:.3g}" for one in spans))
    table.add_row("score", f"{row.score:.3g}")
    if row.comparisons_per_day is not None:
        terms = (
            f"{row.comparisons_per_day:.3g} comparisons a day: {row.events_per_day:.3g} events"
            f" * {row.lines:.3g} lines * {row.carriers} bookmakers * {row.confidence:.2f}"
        )
        table.add_row("unlocks", text(f"{terms}, as {row.suggested}"))
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
