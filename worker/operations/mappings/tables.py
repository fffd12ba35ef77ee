"""Mappings, their changes and their history as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from functools import partial
from typing import Any, Final, NamedTuple

from rich.table import Table
from rich.text import Text

from worker.cli.console import printable
from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, signed, text, when
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.bounded_json import objects_in
from worker.domain.diff import FieldChange, diff
from worker.insight.graded import GradedEvidence
from worker.operations.mappings.editing import AppliedChange, LeftOpen
from worker.storage.audit import AuditRow
from worker.storage.insight.mapping_hours import MappingUse, MappingUses, Sampled
from worker.storage.mappings import StoredMapping

_HEADINGS = ("field", "before", "after")


_MAPPING_COLUMNS: Final = (
    Column("canonical id", is_typed=True),
    Column("name", least=10, left_out=1),
    *(Column(platform, is_typed=True) for platform in ID_COLUMNS),
    Column("line", left_out=2),
    Column("version", least=7, left_out=3),
    Column("grade", least=12, left_out=4),
    Column("", least=3),
)
# By canonical id and bookmaker.
MappingGrades = Mapping[str, Mapping[str, str]]


def grades_of(found: Iterable[GradedEvidence]) -> MappingGrades:
    """The grades of all mappings that were compared with anything."""
    grades: dict[str, dict[str, str]] = {}
    for one in found:
        grades.setdefault(one.canonical_id, {})[one.platform] = one.grade
    return grades


def grade_words(grades: Mapping[str, str]) -> str:
    """One word where all bookmakers have the same grade, else one for each; empty without any."""
    if len(set(grades.values())) == 1:
        return next(iter(grades.values()))
    return ", ".join(f"{platform} {grade}" for platform, grade in sorted(grades.items()))


class SampledUse(NamedTuple):
    """How much a mapping is used at a bookmaker, and the sample that says so."""

    use: MappingUse
    of: Sampled


def ids_at(row: StoredMapping) -> dict[str, list[str]]:
    """The ids of a mapping at each bookmaker, its own first; further ids count also if they are off."""
    found: dict[str, list[str]] = {}
    for platform, column in ID_COLUMNS.items():
        own = getattr(row, column)
        further = [
            str(one.get("id")) for one in objects_in(row.also) if one.get("platform") == platform
        ]
        found[platform] = [*([] if own is None else [own]), *further]
    return found


def uses_at(row: StoredMapping, uses: MappingUses) -> dict[str, SampledUse]:
    """The use of a mapping at each bookmaker where it has an id and that was sampled."""
    return {
        platform: SampledUse(
            uses.used.get((row.canonical_id, platform), MappingUse(0, 0)), uses.sampled[platform]
        )
        for platform, ids in ids_at(row).items()
        if ids and platform in uses.sampled
    }


def use_words(use: MappingUse, of: Sampled) -> str:
    """How much a mapping is used, and how that is known: a sample."""
    on = f"on {use.observations:,} of {of.sampled:,} sampled observations of the last 24 hours"
    return f"{on}, about {use.per_day:,} of {of.records:,}" if use.observations else on


def mappings_list(rows: Iterable[StoredMapping], grades: MappingGrades) -> ListTable:
    table = ListTable(_MAPPING_COLUMNS)
    for row in rows:
        rule = row.line_rule if isinstance(row.line_rule, dict) else {}
        ids = (getattr(row, column) for column in ID_COLUMNS.values())
        state = "" if row.is_active else "off"
        grade = grade_words(grades.get(row.canonical_id, {}))
        table.add(row.canonical_id, row.name, *ids, rule.get("kind"), row.version, grade, state)
    return table


def mapping_json(row: StoredMapping, grades: MappingGrades, uses: MappingUses) -> dict[str, Any]:
    """A mapping with its grade at each bookmaker that was compared, and its use at each that was sampled."""
    times = {
        name: getattr(row, name).astimezone(UTC).isoformat()
        for name in ("created_at", "updated_at")
    }
    return (
        row._asdict()
        | times
        | {
            "grades": dict(grades.get(row.canonical_id, {})),
            "uses": {
                platform: {**use._asdict(), **of._asdict()}
                for platform, (use, of) in uses_at(row, uses).items()
            },
        }
    )


def mappings_of(grades: MappingGrades, uses: MappingUses) -> ListLayout[StoredMapping]:
    """How mappings are listed, with these grades and uses."""
    return ListLayout(
        (*StoredMapping._fields, "grades", "uses"),
        partial(mapping_json, grades=grades, uses=uses),
        partial(mappings_list, grades=grades),
    )


def mapping_table(row: StoredMapping, grades: MappingGrades, uses: MappingUses) -> Table:
    """Return all of one mapping except its outcomes, which are in outcomes_table."""
    table = Table(
        show_header=False, box=None, title=Text(printable(row.canonical_id)), title_justify="left"
    )
    for name in (
        "name",
        *ID_COLUMNS.values(),
        "priority",
        "line_rule",
        "scope",
        "traits",
        "participant",
        "is_active",
    ):
        table.add_row(name, text(getattr(row, name)))
    for platform, grade in sorted(grades.get(row.canonical_id, {}).items()):
        table.add_row(f"grade at {platform}", text(grade))
    for platform, one in sorted(uses_at(row, uses).items()):
        table.add_row(f"use at {platform}", use_words(*one))
    table.add_row("version", text(row.version))
    table.add_row("created", Text.assemble(when(row.created_at), " by ", text(row.created_by)))
    table.add_row("updated", when(row.updated_at))
    return table


def outcomes_table(rows: object) -> Table:
    table = Table("outcome", *LABEL_COLUMNS, box=None)
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict):
            table.add_row(
                text(row.get("canonical_id")), *(text(row.get(c)) for c in LABEL_COLUMNS.values())
            )
        else:
            table.add_row(text(row))
    return table


def further_ids_table(rows: object) -> Table:
    """Return the ids that a mapping has besides those of its columns."""
    table = Table("also", "id", "grade", "phase", "line", "", "fixed", "labels", box=None)
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, dict):
            table.add_row(text(row))
            continue
        state = "" if row.get("active", True) is True else "off"
        table.add_row(
            *(text(row.get(name)) for name in ("platform", "id", "grade", "phase")),
            text(_line_words(row.get("line"))),
            state,
            text(row.get("fixed")),
            text(row.get("labels")),
        )
    return table


def _line_words(line: object) -> object:
    """A line's reading in a few words: `ordinal from score_sum+1`, `total 3.5`."""
    if not isinstance(line, dict):
        return line
    source = line.get("from")
    words = [line.get("kind"), line.get("constant"), None if source is None else f"from {source}"]
    return " ".join(str(word) for word in words if word is not None)


def change_table(change: AppliedChange) -> Table:
    title = Text(printable(f"{change.action} {change.canonical_id}"))
    table = Table(*_HEADINGS, title=title, title_justify="left", box=None)
    for field in change.fields:
        table.add_row(*map(text, field))
    return table


def change_json(change: AppliedChange) -> dict[str, Any]:
    return {
        "canonical_id": change.canonical_id,
        "action": change.action,
        "version": change.version,
        "changes": fields_json(change.fields),
        "covered": [list(key) for key in change.covered],
        "reopened": [list(key) for key in change.reopened],
        "left_open": left_open_json(change.left_open),
    }


def left_open_json(left: Iterable[LeftOpen]) -> list[dict[str, Any]]:
    return [{"market": list(one.key), "lines": list(one.lines)} for one in left]


def fields_json(fields: Iterable[FieldChange]) -> list[dict[str, Any]]:
    return [field._asdict() for field in fields]


_WHICH: Final = Column("mapping", is_typed=True)
_CHANGE_COLUMNS: Final = (
    Column("version", is_typed=True),
    Column("when (UTC)", least=10),
    Column("who", least=11),
    Column("action"),
    Column("why", least=10, left_out=2),
    Column("field", is_typed=True, left_out=1),
    Column("before", left_out=4),
    Column("after", left_out=3),
)


def history_list(rows: Iterable[AuditRow], *, title: str | None) -> ListTable:
    """Return who, when, why and what; each field of a change has its own row.

    ``title`` is the mapping's canonical id; without it, each change names its own.
    """
    columns = list(_CHANGE_COLUMNS)
    if title is None:
        columns.insert(3, _WHICH)
    table = ListTable(columns, title)
    for row in rows:
        head = (
            row.id,
            when(row.created_at),
            signed(row.created_by, row.login),
            *([row.canonical_id] if title is None else []),
            row.action,
            row.reason,
        )
        for place, field in enumerate(_field_changes(row) or [FieldChange("", None, None)]):
            table.add(*(head if place == 0 else [None] * len(head)), *field)
    return table


HISTORY_FIELDS: Final = (
    *("version", "canonical_id", "action", "actor", "login", "reason", "at"),
    *("changes", "old", "new"),
)


def history_json(row: AuditRow) -> dict[str, Any]:
    return {
        "version": row.id,
        "canonical_id": row.canonical_id,
        "action": row.action,
        "actor": row.created_by,
        "login": row.login,
        "reason": row.reason,
        "at": row.created_at.astimezone(UTC).isoformat(),
        "changes": fields_json(diff(row.old_value, row.new_value)),
        "old": row.old_value,
        "new": row.new_value,
    }


def changes_of(canonical_id: str | None) -> ListLayout[AuditRow]:
    """How the changes of one mapping are listed, or those of all."""
    return ListLayout(HISTORY_FIELDS, history_json, partial(history_list, title=canonical_id))


def _field_changes(row: AuditRow) -> list[FieldChange]:
    """A created or deleted mapping is one line, without its fields."""
    if row.old_value is None or row.new_value is None:
        return []
    return diff(row.old_value, row.new_value)
