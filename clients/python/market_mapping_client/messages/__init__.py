"""The messages of this application: what it reads, what it writes, and what each field means."""

from .dead_letter import DEAD_REASONS, DeadLetter, DeadReason
from .fields import EVENT_STATUSES, PLATFORMS, EventStatus, Platform
from .headers import ID_HEADER, REPLAY_HEADER, audit_id, record_id, unmapped_id
from .mapping_event import MappingAction, MappingChanged, MappingState, OutcomeMapping
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
    "ID_HEADER",
    "PLATFORMS",
    "REDRIVEN_HEADER",
    "REDRIVES_HEADER",
    "REPLAY_HEADER",
    "DeadLetter",
    "DeadReason",
    "Event",
    "EventStatus",
    "MappingAction",
    "MappingChanged",
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
    "record_id",
    "refusal",
    "unmapped_id",
]
