"""The messages of market-mapping-worker, and what joins them to Kafka."""

from .keys import observation_key
from .messages import (
    ID_HEADER,
    REPLAY_HEADER,
    DeadLetter,
    MappingChanged,
    Observation,
    Redriven,
    ResolvedEvent,
    UnmappedMarket,
)

__all__ = [
    "ID_HEADER",
    "REPLAY_HEADER",
    "DeadLetter",
    "MappingChanged",
    "Observation",
    "Redriven",
    "ResolvedEvent",
    "UnmappedMarket",
    "observation_key",
]
