"""Change sets as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.table import Table

from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, signed, text, when
from worker.domain.diff import FieldChange, diff
from worker.operations.changes.applying import Refusal
from worker.operations.drafts.tables import iso
from worker.operations.mappings.editing import AppliedChanges
from worker.operations.mappings.tables import change_json, left_open_json
from worker.operations.unmapped.tables import keys_json
from worker.storage.audit import AuditRow
from worker.storage.changes.drafts import StoredDraft
from worker.storage.changes.sets import ChangeSet, Comment

_COLUMNS: Final = (
    Column("change set", is_typed=True),
    Column("state", least=9),
    Column("name", least=16),
    Column("mappings", least=8, left_out=2),
    Column("author", least=8),
    Column("decided by", least=10, left_out=1),
    Column("when (UTC)", least=19, left_out=3),
    Column("why", least=12, left_out=4),
)
CHANGE_SET_FIELDS: Final = (
    *("change_set", "name", "reason", "state", "is_direct", "mappings", "reverts", "reverted_by"),
    *("revision", "actor", "login", "created_at", "proposed_by", "proposed_login", "proposed_at"),
    *("decided_by", "decided_login", "decided_at", "forced", "last_version", "authors"),
)


DIFF_FIELDS: Final = (
    *("change_set", "draft", "version", "canonical_id", "action", "by", "field", "old", "new"),
)


def diff_rows(
    change_set_id: int,
    held: Iterable[tuple[StoredDraft, Sequence[FieldChange]]],
    made: Iterable[AuditRow],
) -> Iterator[dict[str, Any]]:
    """A row for each field that a change set is to change or has changed, for a spreadsheet."""
    for draft, fields in held:
        common = {"draft": draft.id, "version": None, "action": draft.action, "by": draft.actor}
        for one in fields:
            yield {
                "change_set": change_set_id,
                "canonical_id": draft.canonical_id,
                **common,
                **one._asdict(),
            }
    for row in made:
        common = {"draft": None, "version": row.id, "action": row.action, "by": row.created_by}
        for one in diff(row.old_value, row.new_value):
            yield {
                "change_set": change_set_id,
                "canonical_id": row.canonical_id,
                **common,
                **one._asdict(),
            }


def change_sets_list(rows: Iterable[ChangeSet]) -> ListTable:
    table = ListTable(_COLUMNS)
    for row in rows:
        table.add(
            str(row.id),
            row.state,
            name_of(row),
            str(size_of(row)),
            signed(row.actor, row.login),
            signed(row.decided_by, row.decided_login) if row.decided_by else None,
            when(row.decided_at or row.proposed_at or row.created_at),
            row.reason,
        )
    return table


def name_of(row: ChangeSet) -> str:
    """Its name; a direct change has none, and is called after its first mapping."""
    if row.name is not None:
        return row.name
    more = f" and {row.versions - 1} more" if row.versions > 1 else ""
    return f"direct change of {row.canonical_id}{more}"


def size_of(row: ChangeSet) -> int:
    """How many changes it holds, or made."""
    return row.drafts or row.versions


def change_set_json(row: ChangeSet) -> dict[str, Any]:
    return {
        "change_set": row.id,
        "name": name_of(row),
        "reason": row.reason,
        "state": row.state,
        "is_direct": row.is_direct,
        "mappings": size_of(row),
        "reverts": row.reverts,
        "reverted_by": row.reverted_by,
        "revision": row.revision,
        "actor": row.actor,
        "login": row.login,
        "created_at": iso(row.created_at),
        "proposed_by": row.proposed_by,
        "proposed_login": row.proposed_login,
        "proposed_at": iso(row.proposed_at),
        "decided_by": row.decided_by,
        "decided_login": row.decided_login,
        "decided_at": iso(row.decided_at),
        "forced": row.forced,
        "last_version": row.last_version,
        "authors": list(row.authors),
    }


CHANGE_SETS: Final = ListLayout(CHANGE_SET_FIELDS, change_set_json, change_sets_list)


def change_set_table(row: ChangeSet) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("state", text(row.state))
    table.add_row("why", text(row.reason))
    table.add_row("authors", text(", ".join(row.authors)))
    _add_step(table, "written", row.actor, row.login, row.created_at)
    _add_step(table, "proposed", row.proposed_by, row.proposed_login, row.proposed_at)
    _add_step(table, "decided", row.decided_by, row.decided_login, row.decided_at)
    for name in ("revision", "forced", "reverts"):
        if getattr(row, name):
            table.add_row(name, text(str(getattr(row, name))))
    if row.reverted_by:
        part = "" if row.state == "REVERTED" else "in part "
        table.add_row(f"reverted {part}by", text(str(row.reverted_by)))
    return table


def _add_step(table: Table, name: str, actor: str | None, login: str | None, at: Any) -> None:
    if at is not None:
        by = signed(actor, login)
        table.add_row(name, text(f"{when(at)}" + (f" by {by}" if by else "")))


def comments_table(rows: Sequence[Comment]) -> Table:
    table = Table("when (UTC)", "who", "comment", box=None)
    for row in rows:
        table.add_row(when(row.created_at), text(signed(row.actor, row.login)), text(row.comment))
    return table


def comment_json(row: Comment) -> dict[str, Any]:
    return {
        "comment": row.comment,
        "actor": row.actor,
        "login": row.login,
        "at": iso(row.created_at),
    }


def applied_table(applied: AppliedChanges) -> Table:
    table = Table("action", "mapping", "fields", "version", box=None)
    for one in applied.changes:
        table.add_row(
            one.action,
            text(one.canonical_id),
            str(len(one.fields)),
            text(one.version),
        )
    return table


def applied_json(applied: AppliedChanges) -> dict[str, Any]:
    return {
        "changes": [change_json(one) for one in applied.changes],
        "covered": keys_json(list(applied.covered)),
        "reopened": keys_json(list(applied.reopened)),
        "left_open": left_open_json(applied.left_open),
    }


def refusals_json(refusals: Sequence[Refusal]) -> list[dict[str, Any]]:
    return [one._asdict() for one in refusals]
