"""The further ids of a mapping, in the form: a row each. Pure.

What a row says in words has fields. Labels of its own and ids of outcomes are structure: YAML in one line.
Specifiers are written as SportyBet writes them: ``goalnr=1|variant`` fixes the first and leaves the second
free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, get_args

from worker.console.forms import SentForm
from worker.domain.books.lines import LINE_KINDS
from worker.domain.books.rows import abbreviate
from worker.domain.bounded_json import objects_in
from worker.domain.further_ids import Grade
from worker.domain.mapping import MappingError, MappingFault
from worker.domain.scope import DEFAULT_SCOPE, PHASES
from worker.operations.mappings.files import dump_line, parse_object

SPARE_ROWS: Final = 2
ON: Final = "on"
OFF: Final = "off"
# What a choice of a row can be; an empty one is that of the mapping, or unknown.
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "active": (ON, OFF),
    "grade": get_args(Grade),
    "phase": PHASES,
    "kind": LINE_KINDS,
}
_LINE: Final = ("kind", "from", "constant")
_OWN: Final = {"platform", "id", "active", "grade", "phase", "line", "fixed", "free"}
_BETWEEN: Final = "|"


class FurtherFields(NamedTuple):
    """One further id, as texts."""

    platform: str = ""
    id: str = ""
    active: str = ON
    grade: str = ""
    phase: str = DEFAULT_SCOPE.phase
    kind: str = ""
    line_from: str = ""
    constant: str = ""
    specifiers: str = ""
    more: str = ""


# The names of the fields of a row.
NAMES: Final = tuple(f"further_{name}" for name in FurtherFields._fields)


def shown_further(raw: object) -> list[FurtherFields]:
    """The rows of the JSON form of further ids, and empty ones."""
    rows = [_shown(one) for one in objects_in(raw)]
    return [*rows, *[FurtherFields()] * SPARE_ROWS]


def sent_rows(form: SentForm) -> list[FurtherFields]:
    """The rows as they were sent, the empty ones as well."""
    columns = [form.all(name) for name in NAMES]
    rows = zip(*columns, strict=False)
    return [FurtherFields(*(text.strip() for text in texts)) for texts in rows]


def is_left_out(row: FurtherFields) -> bool:
    """Whether a row says nothing."""
    return not (row.id or row.more or row.specifiers)


def read_further(form: SentForm) -> list[dict[str, Any]] | None:
    """The JSON form of the rows that were sent; empty ones are left out. Raises MappingError."""
    found: list[dict[str, Any]] = []
    faults: list[MappingFault] = []
    rows = [row for row in sent_rows(form) if not is_left_out(row)]
    for index, row in enumerate(rows):
        try:
            found.append(_read(row, f"also[{index}]"))
        except MappingError as error:
            faults += error.faults
    if faults:
        raise MappingError(faults)
    return found or None


def labels_of(row: FurtherFields) -> list[str]:
    """The labels that a row has of its own; none of YAML that cannot be read."""
    try:
        labels = parse_object(row.more, "more").get("labels") if row.more.strip() else None
    except MappingError:
        return []
    listed = labels.values() if isinstance(labels, dict) else ()
    return [text for each in listed for text in each if isinstance(text, str)]


def _shown(entry: Mapping[str, Any]) -> FurtherFields:
    line = entry.get("line")
    parts = line if isinstance(line, dict) and set(line) <= set(_LINE) else {}
    specifiers = _written(entry.get("fixed") or {}, entry.get("free") or [])
    rest = {name: value for name, value in entry.items() if name not in _OWN}
    if line and not parts:
        rest["line"] = line
    if specifiers is None:
        rest |= {name: entry[name] for name in ("fixed", "free") if entry.get(name)}
    active = entry.get("active", True)
    return FurtherFields(
        as_text(entry.get("platform")),
        as_text(entry.get("id")),
        (ON if active else OFF) if isinstance(active, bool) else as_text(active),
        as_text(entry.get("grade")),
        as_text(entry.get("phase")) or DEFAULT_SCOPE.phase,
        as_text(parts.get("kind")),
        as_text(parts.get("from")),
        as_text(parts.get("constant")),
        specifiers or "",
        dump_line(rest) if rest else "",
    )


def _read(row: FurtherFields, where: str) -> dict[str, Any]:
    rest = parse_object(row.more, f"{where}.more") if row.more else {}
    fixed, free = _specifiers(row.specifiers)
    line = {
        name: text
        for name, text in zip(_LINE, (row.kind, row.line_from, row.constant), strict=True)
        if text
    }
    said: dict[str, Any] = {
        "platform": row.platform,
        "id": row.id,
        "active": {ON: True, OFF: False}.get(row.active, row.active),
        "grade": row.grade,
        "phase": None if row.phase == DEFAULT_SCOPE.phase else row.phase,
        "line": line,
        "fixed": fixed,
        "free": free,
    }
    said = {name: value for name, value in said.items() if value not in (None, "", {}, [])}
    if twice := said.keys() & rest.keys():
        reason = "has a field of its own in this row"
        raise MappingError(
            [
                MappingFault(f"{where}.more.{name}", abbreviate(rest[name]), reason)
                for name in sorted(twice)
            ]
        )
    return said | rest


def _written(fixed: object, free: object) -> str | None:
    """Specifiers as one text; None where it would be read otherwise."""
    if not (isinstance(fixed, dict) and isinstance(free, list)):
        return None
    text = _BETWEEN.join([*(f"{key}={value}" for key, value in fixed.items()), *map(str, free)])
    return text if _specifiers(text) == (fixed, free) else None


def _specifiers(text: str) -> tuple[dict[str, str], list[str]]:
    """What is fixed, and which keys are free."""
    parts = [part.strip() for part in text.split(_BETWEEN) if part.strip()]
    pairs = [part.partition("=") for part in parts]
    fixed = {key.strip(): value.strip() for key, is_fixed, value in pairs if is_fixed}
    return fixed, [key for key, is_fixed, _ in pairs if not is_fixed]


def as_text(value: object) -> str:
    """A value in a field."""
    return "" if value is None else str(value)
