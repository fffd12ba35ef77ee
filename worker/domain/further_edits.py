"""Further ids of a mapping's JSON form, field by field: how a diff names them, and how an edit sets them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from worker.domain.books.platforms import PLATFORMS

FIELDS: Final = (
    "also.PLATFORM.ID.active",
    "also.PLATFORM.ID.grade",
    "also.PLATFORM.ID.phase",
    "also.PLATFORM.ID.line.kind",
    "also.PLATFORM.ID.line.from",
    "also.PLATFORM.ID.line.constant",
    "also.PLATFORM.ID.fixed.KEY",
    "also.PLATFORM.ID.free",
    "also.PLATFORM.ID.labels.OUTCOME",
    "also.PLATFORM.ID.outcome_ids.OUTCOME",
)
_FIELD: Final = re.compile(
    rf"also\.({'|'.join(PLATFORMS)})\.([^.]+)"
    r"(?:\.(active|grade|phase|free|(?:line|fixed|labels|outcome_ids)\..+))?",
)
# No valid mapping has an object with a longer name. A plain row or draft may, and with many fields below it.
_LONGEST_WHERE: Final = 100
_LISTS: Final = frozenset({"labels", "outcome_ids"})
_FLAGS: Final = {"true": True, "false": False}
FurtherIdJson = dict[str, Any]


def can_be_divided(value: object, where: str) -> TypeGuard[Mapping[str, Any]]:
    """Whether the fields of an object are named one by one: each of their names begins with ``where``."""
    return isinstance(value, Mapping) and len(where) <= _LONGEST_WHERE


def flat_further_ids(column: object) -> dict[str, Any]:
    """Each field of each further id by its name; a column of another form is one field."""
    if column is None:
        return {}
    if not isinstance(column, list) or not all(isinstance(one, Mapping) for one in column):
        return {"also": column}
    met: Counter[str] = Counter()
    flat: dict[str, Any] = {}
    for entry in column:
        name = f"also.{entry.get('platform')}.{entry.get('id')}"
        met[name] += 1
        place = name if met[name] == 1 else f"{name}#{met[name]}"
        if not can_be_divided(entry, place):
            flat[place] = entry
            continue
        for part, value in entry.items():
            where = f"{place}.{part}"
            if can_be_divided(value, where):
                flat |= {f"{where}.{key}": one for key, one in value.items()}
            elif part not in ("platform", "id") or isinstance(value, Mapping):
                flat[where] = value
        flat.setdefault(f"{place}.active", True)
    return flat


def can_be_edited(column: object) -> bool:
    """Whether the column has the form that fields can be set in."""
    return isinstance(column, list) and all(
        isinstance(entry, dict)
        and all(isinstance(entry.get(part, {}), dict) for part in ("line", "fixed", *_LISTS))
        for entry in column
    )


def set_further_id(column: list[FurtherIdJson], field: str, value: str) -> bool:
    """Set one field of a further id, which is added when it is new; False when it is no such field.

    An empty value takes the field away; without a field, the further id. Several labels have ``|`` between.
    Of two further ids with one id, which differ by a fixed value or a line, none is set.
    """
    match = _FIELD.fullmatch(field)
    if match is None:
        return False
    platform, market_id, part = match.groups()
    found = [one for one in column if (one.get("platform"), one.get("id")) == (platform, market_id)]
    if len(found) > 1 or (part is None and value):
        return False
    if part is None:
        column[:] = [one for one in column if one not in found]
        return True
    entry = found[0] if found else {"platform": platform, "id": market_id}
    _set(entry, part, value)
    if not found:
        column.append(entry)
    return True


def _set(entry: FurtherIdJson, part: str, value: str) -> None:
    name, _, key = part.partition(".")
    if not key:
        entry[name] = _read(name, value)
        if not value:
            del entry[name]
        return
    parts = entry.setdefault(name, {})
    parts[key] = value.split("|") if name in _LISTS else value
    if not value:
        del parts[key]
    if not parts:
        del entry[name]


def _read(name: str, value: str) -> Any:
    if name == "free":
        return [key.strip() for key in value.split(",")]
    return _FLAGS.get(value, value) if name == "active" else value
