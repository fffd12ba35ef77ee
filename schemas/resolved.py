"""ResolvedEvent v1: one for each observation, in the canonical terms of the mapping table."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from . import examples
from .fields import (
    MODEL,
    ExternalMarketId,
    Identifier,
    Line,
    MappingVersion,
    Platform,
    Price,
    Text100,
    Text255,
    Text500,
    Timestamp,
    Version1,
)
from .observation import Event, Part

MissReason = Literal["UNKNOWN_MARKET", "UNKNOWN_PARAM_MARKET", "NO_MATCHING_OUTCOMES"]
MISS_REASONS: Final[dict[MissReason, str]] = {
    "UNKNOWN_MARKET": "No active mapping has this market id in the sport and phase of the event.",
    "UNKNOWN_PARAM_MARKET": "The id is mapped, but its specifier or param names another market.",
    "NO_MATCHING_OUTCOMES": "The market is mapped, but no mapping knows its labels, or that of `outcome`.",
}

RejectedCode = Literal["INVALID_SPECIFIER", "INVALID_ODDS", "INVALID_KEY_FORMAT"]
REJECTED_CODES: Final[dict[RejectedCode, str]] = {
    "INVALID_SPECIFIER": "The line is missing or cannot be read, or the rows have specifiers that differ.",
    "INVALID_ODDS": "A price cannot be used, or not be trusted; the market at this line is held back.",
    "INVALID_KEY_FORMAT": "A Bet9ja key against the grammar, or an entry that is not in the platform's form.",
}

# More may be added.
REJECTED_CAUSES: Final[dict[str, str]] = {
    "LABEL_ID_DISAGREE": "The label of an outcome names one outcome, the bookmaker's own id another.",
    "LINE_KIND_DIFFERS": "The line is written under the key of another kind of market.",
    "PARTICIPANTS_DIFFER": "The label, the id or the specifier of an outcome name different players.",
    "PRICES_DIFFER": "One outcome is on offer at two prices.",
    "PRODUCTS_DIFFER": "Two products of a bookmaker offer one outcome at two prices.",
    "RESIDUAL_DIFFERS": "Of a market that lists other outcomes than are known, what they leave over.",
    "SIDE_NOT_KNOWN": "A line is only shown next to prices, and nothing says from which side.",
    "UNITS_DISAGREE": "The places, or the units, that a line is given in do not agree.",
    "UNIT_NOT_KNOWN": "Nothing says in which unit the line is given.",
    "VARIANTS_DIFFER": "The rows of a market differ in a specifier that its labels leave open.",
}

ParticipantSide = Literal["home", "away"]

_ACTIVE_HAS_A_PRICE: Final[dict[str, Any]] = {
    "if": {"properties": {"active": {"const": True}}, "required": ["active"]},
    "then": {"properties": {"odds": {"type": "number"}}, "required": ["odds"]},
}


def _listing(sentences: dict[Any, str]) -> str:
    return " ".join(f"{code}: {sentence}" for code, sentence in sentences.items())


class ResolvedOutcome(BaseModel):
    """The price of one outcome."""

    model_config = ConfigDict(**MODEL, json_schema_extra=_ACTIVE_HAS_A_PRICE)

    outcome: Identifier = Field(
        description="Canonical id of the outcome within its market.", examples=["over"]
    )
    odds: Price | None = Field(
        default=None,
        description="Decimal odds, stake included, above 1. Null: no price, and active is false.",
        examples=[1.98],
    )
    active: bool = Field(
        description="Whether the platform takes bets on it. False: suspended or closed, not on offer.",
        examples=[True],
    )

    @model_validator(mode="after")
    def _an_active_outcome_has_a_price(self) -> Self:
        if self.active and self.odds is None:
            raise PydanticCustomError("active_without_odds", "an active outcome has odds")
        return self


class ResolvedMarket(BaseModel):
    """One canonical market at one line. Within an event there is one entry for each market and line."""

    model_config = MODEL

    canonical_id: Identifier = Field(
        description="Canonical id of the market.", examples=["over_under_ft"]
    )
    line: Line | None = Field(
        default=None,
        description=(
            "The line as a plain decimal string: no plus sign, no trailing zeros, never -0. "
            "Handicaps are the home side's. Null for a market without a line; 0 is a line."
        ),
        examples=["2.5", "-0.25", "0"],
    )
    external_market_id: ExternalMarketId = Field(
        description="The platform's id: SportyBet's market id, BetPawa's marketType id, Bet9ja's S_ key.",
        examples=["18", "5000", "S_OU"],
    )
    outcomes: list[ResolvedOutcome] = Field(
        min_length=1, description="The outcomes that a mapping knows, active or not."
    )
    complete: bool | None = Field(
        default=None,
        description=(
            "False: the bookmaker lists outcomes here that could not be read, so the odds have no margin. "
            "Absent: complete. A bookmaker that lists fewer outcomes than the mapping is complete."
        ),
        examples=[False],
    )


class Participant(BaseModel):
    """Whom a market is about, as one bookmaker says it. What it does not say is absent."""

    model_config = MODEL

    feed_id: Text100 | None = Field(
        default=None,
        description="The player's number in the feed that several bookmakers share (`sr:player:`).",
        examples=["1006665"],
    )
    id: Text100 | None = Field(
        default=None,
        description="The bookmaker's own id of the player.",
        examples=["30364928"],
    )
    name: Text255 = Field(
        description="The name as the bookmaker shows it.", examples=["Antuna, Uriel (Pumas UNAM)"]
    )
    side: ParticipantSide | None = Field(
        default=None,
        description="The player's team. Absent: it is not known.",
        examples=["away"],
    )
    key: Text100 = Field(
        description=(
            "The name without the team, accents and case, its words in alphabetical order: in this form "
            "bookmakers agree on it. Two players may share one; join only what is unique on both sides."
        ),
        examples=["antuna uriel"],
    )


class ParticipantMarket(BaseModel):
    """One canonical market at one line for one participant."""

    model_config = MODEL

    canonical_id: Identifier = Field(
        description="Canonical id of the market.", examples=["anytime_goalscorer_ft"]
    )
    line: Line | None = Field(
        default=None, description="The line, as in `markets`.", examples=["1.5"]
    )
    participant: Participant = Field(description="Whom it is about.")
    external_market_id: ExternalMarketId = Field(
        description="The platform's id of the market.", examples=["40"]
    )
    outcomes: list[ResolvedOutcome] = Field(
        min_length=1, description="The outcomes that a mapping knows, active or not."
    )
    complete: bool | None = Field(
        default=None,
        description="False: there are outcomes here that could not be read. Absent: complete.",
        examples=[False],
    )


class MissEntry(BaseModel):
    """A market, or one outcome of a mapped market, that the mappings do not cover. An editor can fix it."""

    model_config = MODEL

    external_market_id: ExternalMarketId = Field(
        description=(
            "The platform's id of the market, with the specifier that names another market "
            "than the mapped one, never with a line; with the sport unless it is football, and with the "
            "phase where mappings tell the phases apart. One of more than 100 characters is cut and ends in "
            "`~` and a checksum."
        ),
        examples=["800117", "8?goalnr=2", "18?@basketball", "S_3COMBO1"],
    )
    market_name: Text255 | None = Field(
        default=None,
        description="The platform's name of the market, if it gave one.",
        examples=["Player To Be Booked"],
    )
    reason: MissReason = Field(description=_listing(MISS_REASONS), examples=["UNKNOWN_MARKET"])
    outcome: Text255 | None = Field(
        default=None,
        description="Label of the unknown outcome of a mapped market. Absent: all of the market is missed.",
        examples=["Other"],
    )


class RejectedEntry(BaseModel):
    """A market that is not published because its data is faulty. No mapping can fix it."""

    model_config = MODEL

    external_market_id: ExternalMarketId = Field(
        description="The platform's id of the market, or the key that cannot be read; `?`: there is none.",
        examples=["18"],
    )
    line: Line | None = Field(
        default=None, description="The line, if it could be read.", examples=["2.5"]
    )
    code: RejectedCode = Field(description=_listing(REJECTED_CODES), examples=["INVALID_ODDS"])
    detail: Text500 | None = Field(
        default=None,
        description="What was found, for a person.",
        examples=["Over 2.5: odds '2,15'"],
    )
    cause: str | None = Field(
        default=None,
        pattern=r"^[A-Z][A-Z_]{0,49}$",
        description=f"What more there is to say than the code; more may come. {_listing(REJECTED_CAUSES)}",
        examples=["LABEL_ID_DISAGREE"],
    )


class Omitted(BaseModel):
    """How many entries were left out because the lists would have grown too long."""

    model_config = MODEL

    misses: int = Field(ge=0, description="Entries left out of `misses`.", examples=[1200])
    rejected: int = Field(ge=0, description="Entries left out of `rejected`.", examples=[0])
    participant_markets: int | None = Field(
        default=None,
        ge=0,
        description=(
            "Entries left out of `participant_markets`: all of them, because the message would have been "
            "too large. Absent: none."
        ),
        examples=[60000],
    )


class ResolvedEvent(BaseModel):
    """One observation in canonical terms: what resolved, what is not mapped, and what was rejected."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.RESOLVED_EVENT]})

    schema_version: Version1
    platform: Platform = Field(description="The bookmaker.", examples=["sportybet"])
    observed_at: Timestamp = Field(
        description="When the platform was seen, from the observation, in UTC.",
        examples=["2026-11-22T12:00:00.120Z"],
    )
    scrape_id: Text100 | None = Field(
        default=None, description="From the observation.", examples=["2026-11-22T12:00Z"]
    )
    event: Event = Field(description="From the observation.")
    part: Part | None = Field(
        default=None,
        description=(
            "From the observation: which part of the snapshot this is. The snapshot is what all its parts "
            "say together. Null or absent: this is the whole snapshot."
        ),
    )
    mapping_version: MappingVersion
    markets: list[ResolvedMarket] = Field(
        description="Every market that resolved, even if nothing in it is active: readers see it close."
    )
    misses: list[MissEntry] = Field(description="What the mappings do not cover.")
    rejected: list[RejectedEntry] = Field(
        description="What is not published because the data is faulty."
    )
    omitted: Omitted | None = Field(
        default=None,
        description="Present only when entries of one of the lists were left out.",
    )
    participant_markets: list[ParticipantMarket] | None = Field(
        default=None,
        description=(
            "Markets that are sold for each player. One entry for each market, line and participant. Absent: "
            "there are none."
        ),
    )
