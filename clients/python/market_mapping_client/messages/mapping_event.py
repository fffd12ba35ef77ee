"""MappingChanged v1: one row of the mapping audit log, keyed by canonical_id on a compacted topic."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import examples
from .fields import (
    MODEL,
    Identifier,
    Integer32,
    Integer64,
    MappingVersion,
    Timestamp,
    Version1,
)

MappingAction = Literal["CREATE", "UPDATE", "DELETE", "ACTIVATE", "DEACTIVATE"]


class OutcomeMapping(BaseModel):
    """One outcome of a mapping and its label on each platform; null if the platform does not offer it."""

    model_config = MODEL

    canonical_id: str = Field(description="Canonical id of the outcome.", examples=["over"])
    betpawa_name: str | None = Field(
        default=None, description="BetPawa's price name.", examples=["Over"]
    )
    sportybet_desc: str | None = Field(
        default=None, description="SportyBet's label.", examples=["Over"]
    )
    bet9ja_suffix: str | None = Field(
        default=None, description="Bet9ja's key ending.", examples=["O"]
    )
    betpawa_type_ids: list[str] | None = Field(
        default=None,
        description="BetPawa's own ids of the outcome, the same in every event and language.",
        examples=[["5001"]],
    )
    sportybet_outcome_ids: list[str] | None = Field(
        default=None,
        description="SportyBet's own ids of the outcome, the same in every event and language.",
        examples=[["12"]],
    )
    position: Integer64 | None = Field(
        default=None, description="Place in a display, from 0.", examples=[0]
    )


class MappingScope(BaseModel):
    """The sport and the phase of the events that a mapping applies to."""

    model_config = MODEL

    sport: str = Field(
        default="football",
        description="The sport, in lower case with underscores.",
        examples=["basketball"],
    )
    phase: str = Field(
        default="both", description="`prematch`, `live` or `both`.", examples=["both"]
    )


class FurtherMarketId(BaseModel):
    """One more id of a bookmaker for a canonical market."""

    model_config = MODEL

    platform: str = Field(description="The bookmaker.", examples=["bet9ja"])
    id: str = Field(description="The bookmaker's id of the market.", examples=["S_OUA"])
    active: bool = Field(default=True, description="Whether workers use this id.", examples=[True])
    grade: str | None = Field(
        default=None,
        description="How sure the id is: A by odds, B by rules or identities, C by its label only.",
        examples=["A"],
    )
    phase: str = Field(
        default="both", description="`prematch`, `live` or `both`.", examples=["both"]
    )
    line: dict[str, str] | None = Field(
        default=None,
        description=(
            "How the line is read here: `kind`, `from` where the kind has no usual place, or `constant`. "
            "Null: as `line_rule` says."
        ),
        examples=[{"kind": "total", "constant": "3.5"}],
    )
    fixed: dict[str, str] | None = Field(
        default=None,
        description="Qualifier values that belong to the market's name.",
        examples=[{"goalnr": "1"}],
    )
    free: list[str] | None = Field(
        default=None,
        description="Qualifier keys that say nothing about the market.",
        examples=[["variant"]],
    )
    labels: dict[str, list[str]] | None = Field(
        default=None,
        description="The labels of each outcome here. Null: those of `outcome_mapping`.",
        examples=[{"over": ["O"], "under": ["U"]}],
    )
    outcome_ids: dict[str, list[str]] | None = Field(
        default=None,
        description="The bookmaker's ids of each outcome here.",
        examples=[{"over": ["12"]}],
    )


class MarketTraits(BaseModel):
    """What a canonical market means: what readers may rely on when they compare prices."""

    model_config = MODEL

    family: str = Field(description="The kind of bet.", examples=["total"])
    sport: str = Field(default="football", description="The sport.", examples=["football"])
    period: str = Field(
        description="What part of the match counts: `ft`, `1h`, `2h`, `minutes 1-10`.",
        examples=["ft"],
    )
    subject: str = Field(
        description="Whom it is about: `match`, `home`, `away`, `player`.", examples=["match"]
    )
    counts: str = Field(description="What is counted.", examples=["goals"])
    line: str = Field(
        description=("`none`, `total`, `handicap_2way`, `handicap_3way`, `ordinal` or `at_least`."),
        examples=["total"],
    )
    exhaustive: bool | None = Field(
        default=None,
        description="Every result wins an outcome or gives the stake back. Null: not known.",
        examples=[True],
    )
    exclusive: bool | None = Field(
        default=None, description="No result wins two outcomes. Null: not known.", examples=[True]
    )
    push: bool | None = Field(
        default=None,
        description="Some result gives the stake back. Null: not known.",
        examples=[True],
    )
    settlement: str | None = Field(
        default=None,
        description="A sentence for people, where it says more than the rest.",
        examples=["Regular time."],
    )
    residuals: dict[str, str] | None = Field(
        default=None,
        description=(
            "Outcomes that are what the others leave over, each with the name of the list of others. "
            "Prices of a residual compare only where the list is the same."
        ),
        examples=[{"other": "scores_25"}],
    )


class MappingParticipant(BaseModel):
    """Whom the prices of a mapping are about."""

    model_config = MODEL

    kind: str = Field(description="`player`: each price is about one player.", examples=["player"])


class MappingState(BaseModel):
    """A row of user_market_mappings before or after the change."""

    model_config = MODEL

    id: Integer64 | None = Field(default=None, description="Primary key of the row.", examples=[12])
    canonical_id: Identifier = Field(
        description="Canonical id of the market.", examples=["over_under_ft"]
    )
    name: str = Field(description="Name for people.", examples=["Over/Under - Full Time"])
    betpawa_id: str | None = Field(
        default=None, description="BetPawa's marketType id.", examples=["5000"]
    )
    sportybet_id: str | None = Field(
        default=None, description="SportyBet's market id.", examples=["18"]
    )
    bet9ja_key: str | None = Field(
        default=None, description="Bet9ja's market key.", examples=["S_OU"]
    )
    outcome_mapping: list[OutcomeMapping] = Field(description="The outcomes and their labels.")
    line_rule: dict[str, Any] | None = Field(
        default=None, description="How the line is read, and which specifiers name the market."
    )
    scope: MappingScope | None = Field(
        default=None,
        description="What it applies to. Null or absent: football, before the match and in play.",
    )
    also: list[FurtherMarketId] | None = Field(
        default=None,
        description="Further ids of bookmakers for the market, next to those of the columns.",
    )
    traits: MarketTraits | None = Field(
        default=None, description="What the market means. Null: nobody has said it."
    )
    participant: MappingParticipant | None = Field(
        default=None,
        description=(
            "Whom the prices are about; in labels, `{player}` is where the bookmaker writes the name. "
            "Null or absent: a market of the match."
        ),
    )
    priority: Integer32 = Field(
        default=0,
        description="The higher one wins if two mappings claim the same outcome.",
        examples=[0],
    )
    is_active: bool = Field(default=True, description="Whether workers use it.", examples=[True])
    created_at: Timestamp | None = Field(default=None, description="When the row was created.")
    updated_at: Timestamp | None = Field(default=None, description="When the row was last changed.")
    created_by: str | None = Field(
        default=None, description="Who created the row.", examples=["ada"]
    )


class MappingChanged(BaseModel):
    """A mapping was created, changed, switched on or off, or deleted."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.MAPPING_CHANGED]})

    schema_version: Version1
    action: MappingAction = Field(description="What was done.", examples=["UPDATE"])
    mapping_version: MappingVersion
    canonical_id: Identifier = Field(
        description="Canonical id of the market; the record's key.", examples=["over_under_ft"]
    )
    old: MappingState | None = Field(default=None, description="The row before. Null for CREATE.")
    new: MappingState | None = Field(default=None, description="The row after. Null for DELETE.")
    reason: str | None = Field(
        default=None, description="Why, in the editor's words.", examples=["new label"]
    )
    created_by: str | None = Field(
        default=None, description="Who made the change, as they signed it.", examples=["ada"]
    )
    created_at: Timestamp = Field(
        description="When the change was made, in UTC.", examples=["2026-11-22T12:00:00Z"]
    )
    login: str | None = Field(
        default=None,
        description="The database login that made the change. Null if it is not known.",
        examples=["editor_ada"],
    )
