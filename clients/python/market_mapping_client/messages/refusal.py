"""From Pydantic's errors to the reason of a dead letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from .fields import number_of_entries, number_of_fields

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from .dead_letter import DeadReason

_LONGEST_DETAIL: Final = 500
_FAULTS_NAMED: Final = 5
_LONGEST_VALUE: Final = 80
_MOST_BITS: Final = 256


class Refusal(NamedTuple):
    """Why an observation is refused; `detail` names the fields that are wrong, at most 500 characters."""

    reason: DeadReason
    detail: str


def refusal(error: ValidationError) -> Refusal:
    """The verdict on an Observation that did not validate.

    The most telling fault gives the reason: of an unknown version or platform nothing else can be judged.
    """
    faults = error.errors(include_url=False, include_context=False)
    reasons = {_reason(fault) for fault in faults}
    reason = next(reason for reason in _MOST_TELLING_FIRST if reason in reasons)
    detail = "; ".join(_describe(fault) for fault in faults[:_FAULTS_NAMED])
    return Refusal(reason, detail[:_LONGEST_DETAIL])


def describe_faults(error: ValidationError) -> list[str]:
    """One line for each fault: the field, its value cut short, the reason. An absent field has no value."""
    return [_describe(fault) for fault in error.errors(include_url=False, include_context=False)]


def _describe(fault: ErrorDetails) -> str:
    # Of an absent field, and of a fault of the whole message, Pydantic shows what is around it.
    shown = "" if fault["type"] == "missing" or not fault["loc"] else f" = {_shown(fault['input'])}"
    return f"{_path(fault)}{shown}: {fault['msg']}"


def _shown(value: object) -> str:
    match value:
        case dict():
            return number_of_fields(value)
        case list():
            return number_of_entries(value)
        case str():
            return _quoted(value[:_LONGEST_VALUE])
        case int() if value.bit_length() > _MOST_BITS:
            return "a very large integer"  # Python refuses to print thousands of digits
        case _:
            return json.dumps(value, default=str)[:_LONGEST_VALUE]


def _quoted(text: str) -> str:
    """Return a JSON string with every character escaped that does not print."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode()
        for one in json.dumps(text, ensure_ascii=False)
    )


_MOST_TELLING_FIRST: Final[tuple[DeadReason, ...]] = (
    "UNSUPPORTED_VERSION",
    "UNSUPPORTED_PLATFORM",
    "NUL_CHARACTER",
    "INVALID_FIELD",
    "WRONG_SHAPE",
)


def _reason(fault: ErrorDetails) -> DeadReason:
    value = fault["input"]
    if fault["type"] == "unsupported_version":
        return "UNSUPPORTED_VERSION"
    if fault["type"] == "wrong_shape":
        return "WRONG_SHAPE"
    if fault["type"] == "nul_character" or (isinstance(value, str) and "\x00" in value):
        return "NUL_CHARACTER"
    if (
        fault["loc"] == ("platform",)
        and fault["type"] == "literal_error"
        and isinstance(value, str)
    ):
        return "UNSUPPORTED_PLATFORM"
    return "INVALID_FIELD"


def _path(fault: ErrorDetails) -> str:
    return ".".join(str(step)[:100] for step in fault["loc"]) or "markets"
