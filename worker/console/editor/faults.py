"""Which input of the editor's form a fault of a mapping is about. Pure.

A mapping names its fields by paths, and counts its outcomes and further ids without the rows of the form that
are empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from worker.console.editor.form import EditorFields, is_empty
from worker.console.editor.further import is_left_out
from worker.console.faults import ChangeFault, FormFault
from worker.domain.books.platforms import is_platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS

_ROW: Final = re.compile(r"(outcome_mapping|also|pair)\[(\d+)\]\.?(.*)", re.DOTALL)
_NAMED: Final[Mapping[str, str]] = {
    **{name: name for name in ("canonical_id", "name", "priority", *ID_COLUMNS.values())},
    "line_rule": "line_kind",
    "line_rule.kind": "line_kind",
    "scope": "sport",
    "scope.sport": "sport",
    "scope.phase": "phase",
    "traits": "trait_family",
    "traits.sport": "sport",
    "outcome_mapping": "outcome",
    "also": "further_id",
}
# Whatever else they have is YAML.
_WHOLE: Final[Mapping[str, str]] = {
    "More": "rest",
    "line_rule": "rest",
    "traits": "rest",
    "participant": "participant",
}
# Of a further id: the fields of its row. Whatever else it has is in the last one.
_FURTHER: Final[Mapping[str, str]] = {
    "": "further_id",
    **{name: f"further_{name}" for name in ("platform", "id", "active", "grade", "phase")},
    "fixed": "further_specifiers",
    "free": "further_specifiers",
    "line": "further_kind",
    "line.kind": "further_kind",
    "line.from": "further_line_from",
    "line.constant": "further_constant",
}


class _Input(NamedTuple):
    name: str
    row: int = 0


class _Rows(NamedTuple):
    """The rows of both tables that are not empty, and the first one of each further id."""

    outcomes: Sequence[int]
    further: Sequence[int]
    markets: Mapping[tuple[str, str], int]


def _rows_of(fields: EditorFields) -> _Rows:
    markets: dict[tuple[str, str], int] = {}
    for place, one in enumerate(fields.further):
        markets.setdefault((one.platform, one.id), place)
    return _Rows(
        [place for place, one in enumerate(fields.outcomes) if not is_empty(one)],
        [place for place, one in enumerate(fields.further) if not is_left_out(one)],
        markets,
    )


def faults_of_form(faults: Iterable[ChangeFault], fields: EditorFields) -> list[FormFault]:
    """Each fault of a mapping with the input of the form that it is about, if there is one."""
    found = []
    rows = _rows_of(fields)
    for fault in faults:
        if fault.field is not None:
            place = _input_of(fault.field, fields, rows)
        else:
            place = None if fault.market is None else _input_of_market(fault.market, fields, rows)
        found.append(
            FormFault(fault.words)
            if place is None
            else FormFault(fault.words, place.name, place.row)
        )
    return found


def _input_of(path: str, fields: EditorFields, rows: _Rows) -> _Input | None:
    if row := _ROW.fullmatch(path):
        return _input_of_row(row[1], int(row[2]), row[3], rows)
    whole, _, part = path.partition(".")
    name = _NAMED.get(path) or _WHOLE.get(whole)
    if whole == "traits" and part in fields.traits:
        name = f"trait_{part}"
    return None if name is None else _Input(name)


def _input_of_row(listed: str, index: int, part: str, rows: _Rows) -> _Input | None:
    if listed == "pair":
        return _Input("pair", index)
    if listed == "also":
        places = rows.further
        name = _FURTHER.get(part) or _FURTHER.get(part.partition(".")[0], "further_more")
    else:
        places = rows.outcomes
        name = f"{part}_label" if part in LABEL_COLUMNS.values() else "outcome"
    # A label that was paired with a new outcome has no row yet.
    return _Input(name, places[index]) if index < len(places) else None


def _input_of_market(market: tuple[str, str], fields: EditorFields, rows: _Rows) -> _Input | None:
    platform, market_id = market
    if is_platform(platform) and fields.ids[ID_COLUMNS[platform]] == market_id:
        return _Input(ID_COLUMNS[platform])
    place = rows.markets.get(market)
    return None if place is None else _Input("further_id", place)
