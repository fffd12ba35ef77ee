"""UnmappedMarket v1: a market was missed for the first time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from . import examples
from .fields import (
    MODEL,
    ExternalMarketId,
    MappingVersion,
    Platform,
    Price,
    Text255,
    Timestamp,
    Version1,
)
from .resolved import MissReason


class SampleOutcome(BaseModel):
    """An outcome of the missed market as the platform showed it."""

    model_config = MODEL

    label: Text255 = Field(description="The platform's label.", examples=["Yes"])
    odds: Price | None = Field(
        default=None,
        description="Decimal odds; null if there was no readable price.",
        examples=[4.5],
    )
    qualifier: Text255 | None = Field(
        default=None,
        description="The specifier or param of its row, as the platform wrote it.",
        examples=["total=2.5"],
    )


class UnmappedMarket(BaseModel):
    """Sent once for each (source, external_market_id): the first time that it is missed."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.UNMAPPED_MARKET]})

    schema_version: Version1
    source: Platform = Field(description="The bookmaker.", examples=["sportybet"])
    external_market_id: ExternalMarketId = Field(
        description="The platform's id of the market, as in the misses of the resolved event.",
        examples=["800117"],
    )
    market_name: Text255 | None = Field(
        default=None,
        description="The platform's name of the market, if it gave one.",
        examples=["Player To Be Booked"],
    )
    reason: MissReason = Field(description="Why it was missed.", examples=["UNKNOWN_MARKET"])
    sample_outcomes: list[SampleOutcome] = Field(
        max_length=100, description="Some of its outcomes, for the editor who maps it."
    )
    first_seen_at: Timestamp = Field(
        description="observed_at of the observation in which it was missed, in UTC.",
        examples=["2026-11-22T12:00:00.120Z"],
    )
    mapping_version: MappingVersion
