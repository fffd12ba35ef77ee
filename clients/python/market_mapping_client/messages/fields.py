"""Field types that several messages share, and the settings that all models share.

Patterns are written in the part of the regular expression syntax that means the same in Rust, ECMA-262,
Python, Go and Java, because they are exported in the JSON Schemas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

Platform = Literal["betpawa", "sportybet", "bet9ja"]
PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)

# Strict: "1" is not an integer. Unknown fields are ignored: a message may gain a field within its version.
MODEL: Final = ConfigDict(strict=True, extra="ignore", frozen=True, validate_default=False)

NO_NUL: Final = r"^[^\x00]*$"
NO_CONTROL: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
LINE: Final = r"^(0|-?(0\.[0-9]*[1-9]|[1-9][0-9]*(\.[0-9]*[1-9])?))$"
TIMESTAMP: Final = (
    r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

# With and without the offset, which is group 5: its absence has its own message.
_TIMESTAMP: Final = re.compile(TIMESTAMP.removesuffix("$") + "?")
_OFFSET: Final = 5
_LONGEST_TIMESTAMP: Final = 35


def parse_timestamp(value: Any) -> datetime:
    """An RFC 3339 timestamp with its offset, of the years 2000 to 2099, as an aware datetime in UTC.

    An aware datetime passes, a naive one does not. Digits after the microseconds are cut off.
    Raises PydanticCustomError of type `timestamp`.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise PydanticCustomError("timestamp", "timestamp has no UTC offset")
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise PydanticCustomError("timestamp", "timestamp must be an RFC 3339 string")
    found = _TIMESTAMP.fullmatch(value)
    if not found:
        raise PydanticCustomError(
            "timestamp", "timestamp is not of RFC 3339, or not of the years 2000 to 2099"
        )
    if found[_OFFSET] is None:
        raise PydanticCustomError("timestamp", "timestamp has no UTC offset")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except ValueError as error:
        raise PydanticCustomError("timestamp", "timestamp is of no real day") from error


def timestamp_text(moment: datetime) -> str:
    """A moment in UTC as messages write it: RFC 3339 with ``Z``, microseconds where there are any."""
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


def number_of_fields(value: Mapping[Any, Any]) -> str:
    """An object, as an error message names it."""
    return f"an object with {len(value)} field{'' if len(value) == 1 else 's'}"


def number_of_entries(value: Sequence[Any]) -> str:
    """An array, as an error message names it."""
    return f"an array of {len(value)} {'entry' if len(value) == 1 else 'entries'}"


def require_version_1(value: Any) -> Any:
    """The integer 1 and nothing equal to it: True == 1.0 == 1 in Python.

    Raises PydanticCustomError of type `unsupported_version` for another integer, `version_type` otherwise.
    """
    if type(value) is not int:
        raise PydanticCustomError("version_type", "schema_version must be an integer")
    if value != 1:
        raise PydanticCustomError("unsupported_version", "only schema_version 1 is known")
    return value


Timestamp = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": TIMESTAMP,
            "maxLength": _LONGEST_TIMESTAMP,
        }
    ),
]
Version1 = Annotated[
    Literal[1],
    BeforeValidator(require_version_1),
    Field(description="Version of the message's form. Only 1 exists."),
]

LONGEST_IDENTIFIER: Final = 100
Text100 = Annotated[str, StringConstraints(max_length=LONGEST_IDENTIFIER, pattern=NO_NUL)]
Text255 = Annotated[str, StringConstraints(max_length=255, pattern=NO_NUL)]
Text500 = Annotated[str, StringConstraints(max_length=500, pattern=NO_NUL)]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=LONGEST_IDENTIFIER, pattern=NO_CONTROL)
]
SportradarId = Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=r"^[0-9]+$")]
ExternalMarketId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]
Line = Annotated[str, StringConstraints(max_length=100, pattern=LINE)]
EventStatus = Literal["scheduled", "live", "suspended", "finished", "cancelled"]
EVENT_STATUSES: Final[dict[EventStatus, str]] = {
    "scheduled": "It has not begun.",
    "live": "It is in play.",
    "suspended": "It is interrupted, or the bookmaker takes no bets on it for now.",
    "finished": "It is over: no odds follow.",
    "cancelled": "It does not take place: no odds follow.",
}
# What every reader's 64-bit integer holds.
Integer64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Integer32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Price = Annotated[float, Field(gt=1, allow_inf_nan=False)]
MappingVersion = Annotated[
    int,
    Field(
        ge=0,
        description=(
            "Version of the mapping table: the id of the last audit row that the table contained. "
            "One order for all mappings; 0 is the table before the first change."
        ),
        examples=[4711],
    ),
]
