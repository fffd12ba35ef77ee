"""The tables in the documentation, from the models."""

from __future__ import annotations

from typing import Any, Final

from .dead_letter import DEAD_REASONS
from .json_schema import shared_schemas

_ORDER: Final = (
    "Observation",
    "Event",
    "ResolvedEvent",
    "ResolvedMarket",
    "ResolvedOutcome",
    "MissEntry",
    "RejectedEntry",
    "Omitted",
    "UnmappedMarket",
    "SampleOutcome",
    "MappingChanged",
    "MappingState",
    "OutcomeMapping",
    "MappingScope",
    "FurtherMarketId",
    "MarketTraits",
    "MappingGraded",
    "DeadLetter",
    "Redriven",
)


def with_reference(text: str) -> str:
    """Return the document with its generated parts updated. Raises ValueError if a part has no marks."""
    for part, generated in {"reasons": _reasons(), "fields": _fields()}.items():
        text = _renewed(text, part, generated)
    return text


def _renewed(text: str, part: str, generated: str) -> str:
    begin, end = f"<!-- {part}: begin (generated, do not edit) -->", f"<!-- {part}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the document needs the lines {begin} and {end}")
    return f"{before}{begin}\n\n{generated}\n{end}{after}"


def _reasons() -> str:
    rows = [f"| `{reason}` | {sentence} |" for reason, sentence in DEAD_REASONS.items()]
    return "\n".join(["| Reason | Meaning |", "|---|---|", *rows, ""])


def _fields() -> str:
    schemas = shared_schemas("{model}")
    return "\n".join(_table(schemas[name]) for name in _ORDER)


def _table(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        _row(name, field, required=name in required) for name, field in schema["properties"].items()
    ]
    head = ["| Field | Type | Required | Meaning |", "|---|---|---|---|"]
    return "\n".join([f"### {schema['title']}", "", schema["description"], "", *head, *rows, ""])


def _row(name: str, field: dict[str, Any], *, required: bool) -> str:
    meaning = field.get("description", "").replace("|", "\\|")
    return f"| `{name}` | {_type(field)} | {'yes' if required else 'no'} | {meaning} |"


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(branch) for branch in field["anyOf"])
    if "$ref" in field:
        return f"[{field['$ref']}](#{field['$ref'].lower()})"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array" and field.get("items"):
        return f"array of {_type(field['items'])}"
    return f"{field['type']}{_bounds(field)}"


def _bounds(field: dict[str, Any]) -> str:
    if field.get("format") == "date-time":
        return " (RFC 3339)"
    if "const" in field:
        return f" ({field['const']})"
    if "maxLength" in field:
        return f" ({field.get('minLength', 0)} to {field['maxLength']} characters)"
    if "exclusiveMinimum" in field:
        return f" (above {field['exclusiveMinimum']})"
    if "minimum" in field:
        return f" ({field['minimum']} or more)"
    return ""
