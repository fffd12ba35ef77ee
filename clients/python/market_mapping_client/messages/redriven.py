"""Redriven: the mark that a dead letter was sent back to its topic. It is on the topic of dead letters.

It is written in one transaction with the record that went back, so there is a mark exactly when there is such
a record. Its key is the id of the dead letter, its value is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

from . import examples
from .dead_letter import HeaderNumber
from .fields import MODEL
from .headers import ID_HEADER

REDRIVEN_HEADER: Final = "marketmap.redriven"
# On the record that goes back: how often it has gone back so far.
REDRIVES_HEADER: Final = "marketmap-redrives"


def header_name(field: str) -> str:
    """The header of a field of Redriven."""
    return {"id": ID_HEADER, "times": REDRIVEN_HEADER}.get(field, f"{REDRIVEN_HEADER}.{field}")


class Redriven(BaseModel):
    """The headers of the mark that a dead letter was redriven. On the wire every value is UTF-8 text."""

    # Not strict: on the wire the numbers are text.
    model_config = ConfigDict(
        **{**MODEL, "strict": False},
        alias_generator=header_name,
        populate_by_name=True,
        json_schema_extra={"examples": [examples.REDRIVEN_HEADERS]},
    )

    id: str = Field(
        description="Id of the dead letter; the mark's key.",
        examples=["Wq3nVJ0iSkKZp2bK1yF0Bg/3/1042"],
    )
    times: HeaderNumber = Field(
        description="How often the record was redriven, this time included.", examples=["1"]
    )
    by: str = Field(max_length=255, description="Who redrove it.", examples=["ada"])
    reason: str = Field(
        max_length=500, description="Why.", examples=["the scraper's clock was fixed"]
    )

    def to_headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers. A lone surrogate becomes a question mark."""
        values = self.model_dump(by_alias=True)
        return [(name, str(value).encode("utf-8", "replace")) for name, value in values.items()]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Self:
        """Read the mark. Raises pydantic.ValidationError when the record is none."""
        values = {
            name: value.decode("utf-8", "replace") for name, value in headers if value is not None
        }
        return cls.model_validate(values)
