"""Setting single fields of a mapping's JSON form, under the names that a diff shows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from worker.domain import further_edits, traits
from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.mapping import OPTIONAL_FIELDS, MappingError, MappingFault
from worker.domain.meaning.vocabulary import VERDICTS

_TEXTS: Final = ("canonical_id", "name", *ID_COLUMNS.values())
_COLUMNS: Final = (*_TEXTS, "priority", "line_rule", "outcome_mapping", *OPTIONAL_FIELDS)
FIELDS: Final = (
    *_TEXTS,
    "priority",
    "line_rule.kind",
    "line_rule.free",
    "line_rule.fixed.PLATFORM.KEY",
    "scope.sport",
    "scope.phase",
    *(f"traits.{name}" for name in traits.FIELDS if name != "residuals"),
    "traits.residuals.OUTCOME",
    "participant.kind",
    *further_edits.FIELDS,
    "outcome.ID.COLUMN",
)
AssignedValues = dict[str, Any]
_TRUTHS: Final = {"true": True, "false": False}


def assign(values: AssignedValues, assignments: Iterable[str]) -> AssignedValues:
    """A copy of ``values`` with each ``field=value`` set, in order. An empty value takes the field away.

    The fields are FIELDS: PLATFORM is a platform's name and COLUMN an outcome's label column; a new outcome
    is added at the end, one that has no label left goes. ``line_rule.free`` and outcome ids
    take texts with commas between.
    Raises MappingError naming every assignment that cannot be read. The result is still to be parsed.
    """
    copy: AssignedValues = json.loads(json.dumps({name: values.get(name) for name in _COLUMNS}))
    _refuse_unusable(copy)
    faults = [fault for assignment in assignments if (fault := _set(copy, assignment))]
    if faults:
        raise MappingError(faults)
    return copy | {name: copy[name] or None for name in OPTIONAL_FIELDS}


def _refuse_unusable(values: AssignedValues) -> None:
    """Refuse values of the wrong shape: plain SQL can write them, and their fields cannot be set."""
    rule = values["line_rule"] = values["line_rule"] or {}
    rows = values["outcome_mapping"] = values["outcome_mapping"] or []
    fixed = rule.get("fixed") or {} if isinstance(rule, dict) else None
    scope = values["scope"] = values["scope"] or {}
    also = values["also"] = values["also"] or []
    declared = values["traits"] = values["traits"] or {}
    participant = values["participant"] = values["participant"] or {}
    shapes = {
        "line_rule": isinstance(fixed, dict)
        and all(isinstance(one, dict) for one in fixed.values()),
        "outcome_mapping": isinstance(rows, list) and all(isinstance(one, dict) for one in rows),
        "scope": isinstance(scope, dict),
        "also": further_edits.can_be_edited(also),
        "participant": isinstance(participant, dict),
        "traits": isinstance(declared, dict) and isinstance(declared.get("residuals") or {}, dict),
    }
    faults = [
        MappingFault(
            name, abbreviate(values[name]), "cannot be read: replace the mapping by a file"
        )
        for name, is_well_formed in shapes.items()
        if not is_well_formed
    ]
    if faults:
        raise MappingError(faults)


def _set(values: AssignedValues, assignment: str) -> MappingFault | None:
    field, separator, value = assignment.partition("=")
    if not separator:
        return MappingFault("--set", abbreviate(assignment), "must be field=value")
    if field in _TEXTS:
        values[field] = value or None
        return None
    if field == "priority":
        return _set_priority(values, value)
    head, _, rest = field.partition(".")
    known = head == "traits" and _set_trait(values["traits"], rest, value)
    if field in ("scope.sport", "scope.phase", "participant.kind"):
        known = True
        _set_part(values[head], rest, value)
    known = known or (head == "also" and further_edits.set_further_id(values["also"], field, value))
    known = known or (head == "line_rule" and _set_rule(values, rest, value))
    known = known or (head == "outcome" and _set_label(values, rest, value))
    if known:
        return None
    return MappingFault(
        field, abbreviate(value), f"is not a field; the fields are {', '.join(FIELDS)}"
    )


def _set_priority(values: AssignedValues, value: str) -> MappingFault | None:
    try:
        values["priority"] = int(value or "0")
    except ValueError:
        return MappingFault("priority", abbreviate(value), "must be a whole number")
    return None


def _set_part(part: AssignedValues, name: str, value: str) -> None:
    part[name] = value
    if not value:
        del part[name]


def _set_trait(declared: AssignedValues, name: str, value: str) -> bool:
    part, _, outcome = name.partition(".")
    if part == "residuals" and outcome:
        residuals = declared["residuals"] = declared.get("residuals") or {}
        _set_part(residuals, outcome, value)
        return True
    if name not in traits.FIELDS or name == "residuals":
        return False
    _set_part(declared, name, value)
    if value in _TRUTHS and name in VERDICTS:
        declared[name] = _TRUTHS[value]
    return True


def _set_rule(values: AssignedValues, part: str, value: str) -> bool:
    rule = values["line_rule"]
    if part in {"kind", "free"}:
        rule[part] = value if part == "kind" else [key.strip() for key in value.split(",")]
        if not value:
            del rule[part]
    elif not _set_fixed(rule, part, value):
        return False
    return True


def _set_fixed(rule: AssignedValues, part: str, value: str) -> bool:
    name, _, rest = part.partition(".")
    platform, _, key = rest.partition(".")
    if name != "fixed" or platform not in PLATFORMS or not key:
        return False
    fixed = rule.setdefault("fixed", {})
    fixed.setdefault(platform, {})[key] = value
    if not value:
        del fixed[platform][key]
    rule["fixed"] = {one: keys for one, keys in fixed.items() if keys}
    if not rule["fixed"]:
        del rule["fixed"]
    return True


def _set_label(values: AssignedValues, place: str, value: str) -> bool:
    """An outcome's id may hold dots, its columns do not."""
    outcome_id, _, column = place.rpartition(".")
    holds_ids = column in OUTCOME_ID_COLUMNS.values()
    if not outcome_id or (column not in LABEL_COLUMNS.values() and not holds_ids):
        return False
    rows = values["outcome_mapping"]
    row = next((one for one in rows if one.get("canonical_id") == outcome_id), None)
    if row is None:
        last = max((one.get("position") or 0 for one in rows), default=-1)
        row = {"canonical_id": outcome_id, "position": last + 1}
        rows.append(row)
    row[column] = value or None
    if holds_ids:
        row[column] = [each.strip() for each in value.split(",")]
        if not value:
            del row[column]
    if all(row.get(name) is None for name in LABEL_COLUMNS.values()):
        rows.remove(row)
    return True
