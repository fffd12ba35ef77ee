"""The messages of this application: what it reads, what it writes, and what each field means."""

from .dead_letter import DEAD_REASONS, DeadLetter, DeadReason
from .fields import EVENT_STATUSES, PLATFORMS, EventStatus, Platform
from .headers import ID_HEADER, REPLAY_HEADER, audit_id, grade_key, record_id, unmapped_id
from .mapping_event import MappingAction, MappingChanged, MappingState, OutcomeMapping
from .mapping_graded import EVIDENCE_GRADES, EvidenceGrade, MappingGraded
from .observation import Event, Observation, Part
from .redriven import REDRIVEN_HEADER, REDRIVES_HEADER, Redriven
from .refusal import Refusal, describe_faults, refusal
from .resolved import (
    MissEntry,
    MissReason,
    Omitted,
    Participant,
    ParticipantMarket,
    RejectedCode,
    RejectedEntry,
    ResolvedEvent,
    ResolvedMarket,
    ResolvedOutcome,
)
from .unmapped import SampleOutcome, UnmappedMarket

__all__ = [
    "DEAD_REASONS",
    "EVENT_STATUSES",
    "EVIDENCE_GRADES",
    "ID_HEADER",
    "PLATFORMS",
    "REDRIVEN_HEADER",
    "REDRIVES_HEADER",
    "REPLAY_HEADER",
    "DeadLetter",
    "DeadReason",
    "Event",
    "EventStatus",
    "EvidenceGrade",
    "MappingAction",
    "MappingChanged",
    "MappingGraded",
    "MappingState",
    "MissEntry",
    "MissReason",
    "Observation",
    "Omitted",
    "OutcomeMapping",
    "Part",
    "Participant",
    "ParticipantMarket",
    "Platform",
    "Redriven",
    "Refusal",
    "RejectedCode",
    "RejectedEntry",
    "ResolvedEvent",
    "ResolvedMarket",
    "ResolvedOutcome",
    "SampleOutcome",
    "UnmappedMarket",
    "audit_id",
    "describe_faults",
    "grade_key",
    "record_id",
    "refusal",
    "unmapped_id",
]
