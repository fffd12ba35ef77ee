"""The messages of market-mapping-worker, and what joins them to Kafka."""

from .keys import observation_key
from .latest import Latest
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
from .messages.raw_reply import (
    UnknownReplyError,
    observation_from_bet9ja,
    observation_from_betpawa,
    observation_from_reply,
    observation_from_sportybet,
)
from .players import JoinedPlayer, joined_players

__all__ = [
    "ID_HEADER",
    "REPLAY_HEADER",
    "DeadLetter",
    "JoinedPlayer",
    "Latest",
    "MappingChanged",
    "Observation",
    "Redriven",
    "ResolvedEvent",
    "UnknownReplyError",
    "UnmappedMarket",
    "joined_players",
    "observation_from_bet9ja",
    "observation_from_betpawa",
    "observation_from_reply",
    "observation_from_sportybet",
    "observation_key",
]
