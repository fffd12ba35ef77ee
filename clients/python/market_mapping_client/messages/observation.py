"""Observation v1: one event of one bookmaker as a scraper saw it at one moment, or a part of a large one.

The envelope is checked, the entries of `markets` are not: one bad entry must not cost its neighbours.
They are not even visited, so that reading the envelope of a megabyte costs microseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, field_validator, model_validator
from pydantic_core import PydanticCustomError

from . import examples
from .fields import (
    EVENT_STATUSES,
    MODEL,
    NO_NUL,
    EventStatus,
    Identifier,
    Platform,
    SportradarId,
    Text100,
    Text255,
    Timestamp,
    Version1,
)

MOST_PARTS: Final = 1000

# JSON Schema cannot say "the type of markets follows platform" in one keyword, so it is said in two branches.
_FORM_BY_PLATFORM: Final[dict[str, Any]] = {
    "if": {"properties": {"platform": {"const": "bet9ja"}}, "required": ["platform"]},
    "then": {"properties": {"markets": {"type": "object"}}},
    "else": {"properties": {"markets": {"type": "array"}, "market_names": {"type": "null"}}},
}


def _names_hold_no_nul(schema: dict[str, Any]) -> None:
    names = next(branch for branch in schema["anyOf"] if branch["type"] == "object")
    names["additionalProperties"] = {"type": "string", "pattern": NO_NUL}
    names["propertyNames"] = {"pattern": NO_NUL}


class Event(BaseModel):
    """The event, as the platform identifies it."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.EVENT]})

    id: Identifier = Field(
        description="The platform's own id of the event, without control characters.",
        examples=["sr:match:68995116", "33289995", "769895636"],
    )
    sportradar_id: SportradarId | None = Field(
        default=None,
        description="SportRadar's number of the match, digits only: the same on all platforms.",
        examples=["68995116"],
    )
    home: Text255 | None = Field(
        default=None,
        description="Name of the home team as this platform writes it; labels that hold team names need it.",
        examples=["Wuhan Three Towns FC"],
    )
    away: Text255 | None = Field(
        default=None,
        description="Name of the away team as this platform writes it.",
        examples=["Qingdao Hainiu FC"],
    )
    starts_at: Timestamp | None = Field(
        default=None,
        description="Scheduled kick-off: RFC 3339 with an offset, years 2000 to 2099.",
        examples=["2026-05-06T11:00:00Z"],
    )
    sport: Text100 | None = Field(default=None, description="The sport.", examples=["football"])
    competition: Text255 | None = Field(
        default=None,
        description="Name of the competition as this platform writes it.",
        examples=["Chinese Super League"],
    )
    live: bool | None = Field(
        default=None,
        description="Whether the event was in play when it was seen. Null or absent: not known.",
        examples=[False],
    )
    status: EventStatus | None = Field(
        default=None,
        description=(
            "Where the event is in its lifecycle; passed on unchanged. Null or absent: not known. "
            + " ".join(f"{status}: {sentence}" for status, sentence in EVENT_STATUSES.items())
        ),
        examples=["scheduled"],
    )


class Part(BaseModel):
    """Which part of a snapshot this is, when a large event is split into several observations."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.PART]})

    number: Annotated[int, Field(ge=1, le=MOST_PARTS)] = Field(
        description="Number of this part, from 1; not greater than `of`.", examples=[1]
    )
    of: Annotated[int, Field(ge=1, le=MOST_PARTS)] = Field(
        description="How many parts the snapshot has.", examples=[2]
    )

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.number > self.of:
            raise PydanticCustomError(
                "part_number",
                "part {number} of {of}: a part's number is not greater than how many there are",
                {"number": self.number, "of": self.of},
            )
        return self


class Observation(BaseModel):
    """What a scraper saw of one event on one platform at one moment."""

    model_config = ConfigDict(
        **MODEL,
        json_schema_extra={**_FORM_BY_PLATFORM, "examples": list(examples.OBSERVATIONS.values())},
    )

    schema_version: Version1 = 1
    platform: Platform = Field(description="The bookmaker.", examples=["sportybet"])
    observed_at: Timestamp = Field(
        description=(
            "When the scraper received the platform's reply: RFC 3339 with an offset, years 2000 to 2099. "
            "A timestamp without an offset is refused."
        ),
        examples=["2026-11-22T12:00:00.120Z"],
    )
    scrape_id: Text100 | None = Field(
        default=None,
        description="Names the scrape that this observation is part of; passed on unchanged.",
        examples=["2026-11-22T12:00Z"],
    )
    event: Event = Field(description="The event that was seen.")
    part: Part | None = Field(
        default=None,
        description=(
            "Which part of the snapshot this is. All parts of a snapshot have the same `observed_at` and "
            "`scrape_id`, and no market is in two of them. Null or absent: the observation is complete."
        ),
    )
    markets: Annotated[list[Any] | dict[str, Any], SkipValidation] = Field(
        description=(
            "The markets in the platform's own form, unchanged. sportybet: the array `data.markets`. "
            "betpawa: the array `markets`. bet9ja: the object `D.O` of flat keys. "
            "An entry that is not in the platform's form is reported by itself and costs no other."
        ),
    )
    market_names: dict[str, str] | None = Field(
        default=None,
        description="bet9ja only: names of its markets by key, because `D.O` carries none.",
        examples=[{"S_1X2": "1X2", "S_OU": "Over/Under"}],
        json_schema_extra=_names_hold_no_nul,
    )

    @model_validator(mode="after")
    def _markets_have_the_form_of_the_platform(self) -> Self:
        flat = self.platform == "bet9ja"
        if not isinstance(self.markets, dict if flat else list):
            raise PydanticCustomError(
                "wrong_shape",
                "markets of {platform} must be an {expected}",
                {"platform": self.platform, "expected": "object" if flat else "array"},
            )
        if self.market_names is not None and not flat:
            raise PydanticCustomError("market_names", "market_names is for bet9ja only")
        return self

    @field_validator("market_names")
    @classmethod
    def _no_nul(cls, names: dict[str, str] | None) -> dict[str, str] | None:
        # One search over hundreds of names: a pattern on each would cost more than the rest of the envelope.
        if names and ("\x00" in "".join(names.values()) or "\x00" in "".join(names)):
            raise PydanticCustomError("nul_character", "market_names must not hold U+0000")
        return names
