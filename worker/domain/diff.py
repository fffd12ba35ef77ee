"""What differs between two states of a mapping, field by field, under the names that an edit uses.

Fields: a column (``name``), a part of the line rule (``line_rule.fixed.sportybet.goalnr``), or an outcome's
label (``outcome.over.sportybet_desc``) or ids (``outcome.over.sportybet_outcome_ids``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.further_edits import can_be_divided, flat_further_ids

COLUMNS: Final = (
    "canonical_id",
    "name",
    *ID_COLUMNS.values(),
    "priority",
    "is_active",
)
_ORDER: Final = "outcome_order"
_ROW: Final = "row"

DiffState = Mapping[str, Any]


class FieldChange(NamedTuple):
    """One field that differs; None is a field that is not there."""

    field: str
    old: Any
    new: Any


def diff(old: object, new: object) -> list[FieldChange]:
    """Every field that differs between two states, None for a mapping that is not there.

    A state is the JSON form of a mapping or of its table row. Its ids, times and author do not count. Nothing
    is assumed of the values: a row that got in by SQL may hold anything. A state that is no object at all is
    one field, ``row``. A part whose name is longer than that of any valid mapping is one field, with all that
    is in it: the names of all fields together are never larger than the states by more than a factor.
    """
    old_state, new_state = _as_state(old), _as_state(new)
    before, after = _flat(old_state), _flat(new_state)
    changes = [
        FieldChange(name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    return changes + _reordered(old_state, new_state)


def _as_state(value: object) -> DiffState | None:
    return value if value is None or isinstance(value, Mapping) else {_ROW: value}


def _flat(state: DiffState | None) -> dict[str, Any]:
    if state is None:
        return {}
    flat = {name: state[name] for name in (*COLUMNS, _ROW) if state.get(name) is not None}
    flat |= _flat_rule(state.get("line_rule"))
    for column in ("scope", "traits", "participant"):
        if (value := state.get(column)) is not None:
            _add_object(flat, column, value)
    return flat | flat_further_ids(state.get("also")) | _flat_outcomes(state.get("outcome_mapping"))


def _add_object(flat: dict[str, Any], where: str, value: object) -> None:
    if can_be_divided(value, where):
        for name, one in value.items():
            if one is not None:
                _add_object(flat, f"{where}.{name}", one)
    else:
        flat[where] = value


def _flat_rule(rule: object) -> dict[str, Any]:
    if not isinstance(rule, Mapping):
        return {} if rule is None else {"line_rule": rule}
    flat: dict[str, Any] = {}
    for name, value in rule.items():
        if name == "fixed" and isinstance(value, Mapping):
            flat |= _flat_fixed(value)
        else:
            flat[f"line_rule.{name}"] = value
    return flat


def _flat_fixed(fixed: DiffState) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for platform, values in fixed.items():
        where = f"line_rule.fixed.{platform}"
        if can_be_divided(values, where):
            flat |= {f"{where}.{key}": value for key, value in values.items()}
        else:
            flat[where] = values
    return flat


def _flat_outcomes(rows: object) -> dict[str, Any]:
    if _ids(rows) is None:
        return {} if rows is None else {"outcome_mapping": rows}
    return {
        f"outcome.{row['canonical_id']}.{column}": row[column]
        for row in rows  # type: ignore[attr-defined]  # _ids has looked
        for column in (*LABEL_COLUMNS.values(), *OUTCOME_ID_COLUMNS.values())
        if row.get(column) is not None
    }


def _ids(rows: object) -> list[str] | None:
    """The outcomes' ids in order; None when these are not outcomes."""
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return None
    ids = [row.get("canonical_id") for row in rows]
    return ids if all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids) else None


def _reordered(old: DiffState | None, new: DiffState | None) -> list[FieldChange]:
    """The places of outcomes, where the same outcomes are in another order or at other positions."""
    before, after = _places(old), _places(new)
    if (
        before is None
        or after is None
        or dict(before).keys() != dict(after).keys()
        or before == after
    ):
        return []
    return [FieldChange(_ORDER, before, after)]


def _places(state: DiffState | None) -> list[tuple[str, Any]] | None:
    rows: Any = None if state is None else state.get("outcome_mapping")
    ids = _ids(rows)
    if ids is None:
        return None
    return [
        (outcome_id, row.get("position", place))
        for place, (outcome_id, row) in enumerate(zip(ids, rows, strict=True))
    ]
