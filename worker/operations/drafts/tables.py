"""Drafts as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table

from worker.cli.console import out, printable
from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, print_table, signed, text, when
from worker.domain.diff import FieldChange
from worker.operations.mappings.tables import fields_json
from worker.storage.changes.drafts import StoredDraft

_COLUMNS: Final = (
    Column("draft", is_typed=True),
    Column("change set", is_typed=True),
    Column("state", least=9),
    Column("action", left_out=1),
    Column("mapping", is_typed=True),
    Column("for", least=10, left_out=3),
    Column("who", least=8, left_out=2),
    Column("when (UTC)", least=19, left_out=4),
)
DRAFT_FIELDS: Final = (
    *("draft", "change_set", "name", "state", "canonical_id", "action", "base_version"),
    *("is_active", "misses", "actor", "login", "created_at", "updated_at", "mapping"),
)


def drafts_list(rows: Iterable[StoredDraft]) -> ListTable:
    table = ListTable(_COLUMNS)
    for row in rows:
        table.add(
            str(row.id),
            str(row.change_set_id),
            row.state,
            row.action,
            row.canonical_id,
            ", ".join(" ".join(key) for key in row.keys),
            signed(row.actor, row.login),
            when(row.updated_at),
        )
    return table


def draft_json(row: StoredDraft) -> dict[str, Any]:
    return {
        "draft": row.id,
        "change_set": row.change_set_id,
        "name": row.name,
        "state": row.state,
        "canonical_id": row.canonical_id,
        "action": row.action,
        "base_version": row.base_version,
        "is_active": row.is_active,
        "misses": [
            {"source": source, "external_market_id": market_id} for source, market_id in row.keys
        ],
        "actor": row.actor,
        "login": row.login,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "mapping": row.mapping,
    }


DRAFTS: Final = ListLayout(DRAFT_FIELDS, draft_json, drafts_list)


def print_draft(row: StoredDraft, fields: Sequence[FieldChange]) -> None:
    """Print what a draft does, and below it what it changes."""
    # No title of the table: that would be as narrow as the table.
    title = printable(f"draft {row.id}: {row.action} {row.canonical_id}")
    out.print(title, markup=False, soft_wrap=True)
    print_table(_draft_table(fields))


def _draft_table(fields: Sequence[FieldChange]) -> Table:
    """What a draft changes, field by field."""
    table = Table("field", "now", "proposed", box=None)
    for field in fields:
        table.add_row(*map(text, field))
    return table


def draft_diff_json(row: StoredDraft, fields: Sequence[FieldChange]) -> dict[str, Any]:
    return draft_json(row) | {"changes": fields_json(fields)}


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()
