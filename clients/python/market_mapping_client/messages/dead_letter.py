"""DeadLetter: a record that could not be read, byte for byte, with headers that say why and where it was.

Value, key and the record's own headers are untouched; ours are added behind them, the id first. A record
that is dead-lettered a second time carries ours twice, and those from the last id on count. Of a value that
is too long to be kept whole the head is kept, and `truncated_from` says how long it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from . import examples
from .fields import MODEL, Identifier, Text100
from .headers import ID_HEADER

DeadReason = Literal[
    "TOMBSTONE",
    "EMPTY",
    "TOO_LARGE",
    "INVALID_UTF8",
    "INVALID_JSON",
    "NUL_CHARACTER",
    "NOT_AN_OBJECT",
    "INVALID_FIELD",
    "UNSUPPORTED_VERSION",
    "UNSUPPORTED_PLATFORM",
    "OBSERVED_IN_FUTURE",
    "WRONG_SHAPE",
    "RESULT_TOO_LARGE",
    "DATABASE_REFUSED",
]

DEAD_REASONS: Final[dict[DeadReason, str]] = {
    "TOMBSTONE": "The record has no value.",
    "EMPTY": "The value has no bytes.",
    "TOO_LARGE": "The value is longer than the application reads.",
    "INVALID_UTF8": "The value is not UTF-8.",
    "INVALID_JSON": "The value is not JSON, or holds NaN, Infinity, a lone surrogate or nesting too deep.",
    "NUL_CHARACTER": "A string of the message holds the character U+0000.",
    "NOT_AN_OBJECT": "The value is JSON, but not an object.",
    "INVALID_FIELD": "A field of the envelope is missing, of the wrong type or out of bounds.",
    "UNSUPPORTED_VERSION": "schema_version is one that this application does not know.",
    "UNSUPPORTED_PLATFORM": "platform is none of the known bookmakers.",
    "OBSERVED_IN_FUTURE": "observed_at is too far ahead of the record's Kafka timestamp or of the clock.",
    "WRONG_SHAPE": "`markets` is not in the platform's form, or none of its entries is.",
    "RESULT_TOO_LARGE": "The resolved event would be larger than the broker takes.",
    "DATABASE_REFUSED": "The database refused what this record would have written, and it alone.",
}

PREFIX: Final = "marketmap.dead."


def header_name(field: str) -> str:
    """The header of a field of DeadLetter: `marketmap.dead.` and the field; for `id` the id header."""
    return ID_HEADER if field == "id" else PREFIX + field


# A number in a header is text on the wire.
HeaderNumber = Annotated[
    int, Field(ge=0), WithJsonSchema({"type": "string", "pattern": "^[0-9]+$"})
]


class DeadLetter(BaseModel):
    """The headers of a dead letter. On the wire every value is UTF-8 text, and a null is not sent."""

    # Not strict: on the wire the numbers are text.
    model_config = ConfigDict(
        **{**MODEL, "strict": False},
        alias_generator=header_name,
        populate_by_name=True,
        json_schema_extra={"examples": [examples.DEAD_LETTER_HEADERS]},
    )

    id: str = Field(
        description="Topic id, partition and offset of the record, as `topic id/partition/offset`.",
        examples=["Wq3nVJ0iSkKZp2bK1yF0Bg/3/1042"],
    )
    reason: DeadReason = Field(
        description=" ".join(f"{reason}: {sentence}" for reason, sentence in DEAD_REASONS.items()),
        examples=["INVALID_FIELD"],
    )
    detail: str | None = Field(
        default=None,
        max_length=500,
        description="What was found, for a person.",
        examples=['observed_at = "2026-11-22T12:00:00": timestamp has no UTC offset'],
    )
    topic: str = Field(
        description="Topic that the record was read from.", examples=["observations.sportybet"]
    )
    partition: HeaderNumber = Field(
        description="Partition that the record was read from.", examples=["3"]
    )
    offset: HeaderNumber = Field(description="Offset of the record.", examples=["1042"])
    timestamp: HeaderNumber | None = Field(
        default=None,
        description="Timestamp of the record in milliseconds since 1970-01-01T00:00:00Z.",
        examples=["1795348800120"],
    )
    exception: str | None = Field(
        default=None,
        max_length=255,
        description="Class of the error, if there was one.",
        examples=["JSONDecodeError"],
    )
    group: str | None = Field(
        default=None,
        max_length=255,
        description="Consumer group that could not process it.",
        examples=["market-mapping-worker"],
    )
    scrape_id: Text100 | None = Field(
        default=None,
        description="`scrape_id` of the record, if it could be read.",
        examples=["2026-11-22T12:00Z"],
    )
    event_id: Identifier | None = Field(
        default=None,
        description="`event.id` of the record, if it could be read; digits if it was a number.",
        examples=["sr:match:68995116"],
    )
    truncated_from: HeaderNumber | None = Field(
        default=None,
        description="Length of the value in bytes, if it was too long and only its head is kept.",
        examples=["73400320"],
    )
    left_out: HeaderNumber | None = Field(
        default=None,
        description="Bytes of the record's key and headers, if they were too large and are left out.",
        examples=["5242880"],
    )

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, nulls left out. A lone surrogate becomes a question mark."""
        values = self.model_dump(by_alias=True, exclude_none=True)
        return [(name, str(value).encode("utf-8", "replace")) for name, value in values.items()]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self:
        """Read our headers of a record; other headers, and ours without a value, are skipped.

        Ours begin with the last id header. What comes before it is the sender's, whatever its name.

        Raises pydantic.ValidationError when the record is no dead letter of ours.
        """
        names = {header_name(field) for field in cls.model_fields}
        listed = list(headers)
        begin = max((at for at, (name, _) in enumerate(listed) if name == ID_HEADER), default=0)
        ours = {
            name: value.decode("utf-8", "replace")
            for name, value in listed[begin:]
            if name in names and value is not None
        }
        return cls.model_validate(ours)
