"""The form of the editor: a mapping as fields of a page, and back. Pure.

What a mapping says in a word has a field, with the words that the model knows, and a further id has a row.
What is free structure (fixed specifiers, what a residual stands for) is YAML in one field, as in files of the
commands. Whatever a row of an outcome holds in addition to its labels is carried along as it is, so that
saving a mapping loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from worker.console.editor.further import (
    SPARE_ROWS,
    FurtherFields,
    as_text,
    read_further,
    sent_rows,
    shown_further,
)
from worker.console.editor.meaning import (
    faults_in_rest,
    read_traits,
    rest_of_traits,
    shown_traits,
)
from worker.console.forms import SentForm
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.draft import slug
from worker.domain.mapping import OPTIONAL_FIELDS, MappingError, MappingFault, parse_mapping
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.scope import DEFAULT_SCOPE
from worker.operations.mappings.files import dump_values, parse_object

# Where a label that was paired goes, if to no outcome of the table.
NEW_ROW: Final = "new"
# The fields of a label that is paired: the place of its outcome, the bookmaker's column, the label.
PAIR_NAMES: Final = ("pair", "pair_column", "pair_label")
_MOST_ROWS: Final = 500
# What is in the YAML, as far as it has no field.
_REST: Final = ("line_rule", "traits")
_OWN: Final = {"canonical_id", *LABEL_COLUMNS.values()}

MappingValues = dict[str, Any]


class OutcomeFields(NamedTuple):
    """One outcome: its name, its label at each bookmaker, and what else the row holds, as JSON."""

    canonical_id: str
    labels: Sequence[str]
    more: str = ""


class EditorFields(NamedTuple):
    """The fields of the editor's page, as texts."""

    canonical_id: str
    name: str
    priority: str
    ids: Mapping[str, str]
    line_kind: str
    sport: str
    phase: str
    participant: str
    traits: Mapping[str, str]
    outcomes: Sequence[OutcomeFields]
    further: Sequence[FurtherFields]
    rest: str

    @property
    def outcome_names(self) -> list[str]:
        """The outcomes that are named."""
        return [one.canonical_id for one in self.outcomes if one.canonical_id]


def fields_of(values: Mapping[str, Any]) -> EditorFields:
    """Arrange a mapping's JSON form, finished or not, as fields."""
    rule = _object(values.get("line_rule"))
    kind = str(rule.get("kind") or "none")
    more_rule = {key: value for key, value in rule.items() if key != "kind"}
    rest = {
        "line_rule": rule if more_rule else None,
        "traits": rest_of_traits(values.get("traits")),
    }
    rest = {name: value for name, value in rest.items() if value}
    scope = _object(values.get("scope"))
    rows = values.get("outcome_mapping")
    outcomes = [_outcome(row) for row in rows or () if isinstance(row, dict)]
    empty = OutcomeFields("", [""] * len(LABEL_COLUMNS))
    return EditorFields(
        as_text(values.get("canonical_id")),
        as_text(values.get("name")),
        as_text(values.get("priority") or 0),
        {column: as_text(values.get(column)) for column in ID_COLUMNS.values()},
        kind,
        as_text(scope.get("sport") or DEFAULT_SCOPE.sport),
        as_text(scope.get("phase") or DEFAULT_SCOPE.phase),
        as_text(_object(values.get("participant")).get("kind")),
        shown_traits(values.get("traits")),
        [*outcomes, *[empty] * SPARE_ROWS],
        shown_further(values.get("also")),
        dump_values(rest) if rest else "",
    )


def as_sent(form: SentForm) -> EditorFields:
    """The fields as they were sent, row by row, whether or not a mapping can be read from them."""
    columns = [form.all(f"{column}_label") for column in LABEL_COLUMNS.values()]
    more = form.all("more")
    outcomes = [
        OutcomeFields(name, [_at(given, place) for given in columns], _at(more, place))
        for place, name in enumerate(form.all("outcome")[:_MOST_ROWS])
    ]
    return EditorFields(
        form.get("canonical_id"),
        form.get("name"),
        form.get("priority"),
        {column: form.get(column) for column in ID_COLUMNS.values()},
        form.get("line_kind", "none"),
        form.get("sport", DEFAULT_SCOPE.sport),
        form.get("phase", DEFAULT_SCOPE.phase),
        form.get("participant"),
        {name: form.get(f"trait_{name}") for name in shown_traits(None)},
        outcomes,
        sent_rows(form),
        form.raw("rest"),
    )


def is_empty(row: OutcomeFields) -> bool:
    """Whether a row of the table is left out."""
    return not row.canonical_id.strip() and not any(row.labels)


def values_of(form: SentForm) -> MappingValues:
    """Read the mapping's JSON form from what was sent. Raises MappingError."""
    rest_text = form.raw("rest")
    rest = parse_object(rest_text, "More") if rest_text.strip() else {}
    faults = [
        MappingFault(f"More.{one}", abbreviate(rest[one]), "has a field of its own on this page")
        for one in sorted(set(rest) - set(_REST))
    ]
    if faults := faults + faults_in_rest(rest.get("traits")):
        raise MappingError(faults)
    kind = form.get("line_kind") or "none"
    rule: Any = rest.get("line_rule") or {}
    if isinstance(rule, dict):
        rule = {**rule, "kind": kind} if kind != "none" or rule else {}
    priority = form.get("priority", "0")
    scope = {
        "sport": form.get("sport") or DEFAULT_SCOPE.sport,
        "phase": form.get("phase") or DEFAULT_SCOPE.phase,
    }
    participant = form.get("participant")
    values: MappingValues = {
        "canonical_id": form.get("canonical_id"),
        "name": form.get("name"),
        **{column: form.get(column) or None for column in ID_COLUMNS.values()},
        "priority": int(priority) if _is_whole(priority) else priority,
        "line_rule": rule or None,
        "outcome_mapping": _rows(form),
        "scope": scope if scope != DEFAULT_SCOPE._asdict() else None,
        "also": read_further(form),
        "traits": read_traits(form, scope["sport"], rest.get("traits")),
        "participant": {"kind": participant} if participant else None,
    }
    return {name: value for name, value in values.items() if value or name not in OPTIONAL_FIELDS}


def mapping_of(form: SentForm) -> MarketMapping:
    """Read the mapping that was sent. Raises MappingError."""
    return parse_mapping(values_of(form))


def _rows(form: SentForm) -> list[MappingValues]:
    """The outcomes whose row is not empty; one that has no position yet comes after all others."""
    names = form.all("outcome")[:_MOST_ROWS]
    columns = {column: form.all(column + "_label") for column in LABEL_COLUMNS.values()}
    more = form.all("more")
    _paired(form, names, columns)
    rows: list[MappingValues] = []
    last: int | None = None
    for place, name in enumerate(names):
        labels = {column: _at(given, place) or None for column, given in columns.items()}
        if not name.strip() and not any(labels.values()):
            continue
        carried = _carried(_at(more, place))
        position = 0 if last is None else last + 1
        row = {"canonical_id": name.strip(), **labels, "position": position, **carried}
        if type(row["position"]) is int:
            last = row["position"] if last is None else max(last, row["position"])
        rows.append(row)
    return rows


def _at(given: Sequence[str], place: int) -> str:
    return given[place] if place < len(given) else ""


def _paired(form: SentForm, names: list[str], columns: dict[str, list[str]]) -> None:
    """Put each label that was paired into the row of its outcome, or into a new row. Raises MappingError."""
    listed = zip(*map(form.all, PAIR_NAMES), strict=False)
    faults = []
    for index, (place, column, label) in enumerate(listed):
        if not place or column not in columns or not label:
            continue
        if place == NEW_ROW:
            at = len(names)
            names.append(slug(label))
        elif _is_whole(place) and 0 <= int(place) < len(names):
            at = int(place)
        else:
            faults.append(
                MappingFault(f"pair[{index}]", abbreviate(place), "is no row of the table")
            )
            continue
        labels = columns[column]
        labels += [""] * (at + 1 - len(labels))
        if labels[at]:
            reason = (
                f"has the label {abbreviate(labels[at])} already; {abbreviate(label)} needs `also`"
            )
            faults.append(MappingFault(f"pair[{index}]", abbreviate(names[at]), reason))
            continue
        labels[at] = label
    if faults:
        raise MappingError(faults)


def _carried(text: str) -> MappingValues:
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or _OWN & set(found):
        raise MappingError([MappingFault("outcome_mapping", abbreviate(text), "cannot be read")])
    return found


def _outcome(row: MappingValues) -> OutcomeFields:
    more = {key: value for key, value in row.items() if key not in _OWN and value is not None}
    return OutcomeFields(
        as_text(row.get("canonical_id")),
        [as_text(row.get(column)) for column in LABEL_COLUMNS.values()],
        json.dumps(more) if more else "",
    )


def _object(value: object) -> MappingValues:
    return value if isinstance(value, dict) else {}


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 9
