"""MappingGraded v1: how well the odds bear out a mapping at a bookmaker; the key of its topic is both."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from . import examples
from .fields import MODEL, Identifier, MappingVersion, Platform, Timestamp, Version1

EvidenceGrade = Literal["verified", "modelled", "label", "contradicted"]
EVIDENCE_GRADES: Final[dict[EvidenceGrade, str]] = {
    "verified": "Another bookmaker's odds agree, on two lines or outcomes and ten events or more.",
    "modelled": "No bookmaker to compare with, but the goal model of the same bookmaker agrees.",
    "label": "Too little was compared: its label alone speaks for it.",
    "contradicted": "An alarm is open, or the odds of every bookmaker that was compared speak against it.",
}


class MappingGraded(BaseModel):
    """The grade of a mapping at a bookmaker, as of one version of the mapping."""

    model_config = ConfigDict(**MODEL, json_schema_extra={"examples": [examples.MAPPING_GRADED]})

    schema_version: Version1
    canonical_id: Identifier = Field(
        description="Canonical id of the market.", examples=["over_under_ft"]
    )
    platform: Platform = Field(description="The bookmaker.", examples=["sportybet"])
    grade: EvidenceGrade = Field(
        description=" ".join(f"{grade}: {words}" for grade, words in EVIDENCE_GRADES.items()),
        examples=["verified"],
    )
    mapping_version: MappingVersion
    graded_at: Timestamp = Field(
        description="When this grade was first found, in UTC.", examples=["2026-11-22T12:00:00Z"]
    )
