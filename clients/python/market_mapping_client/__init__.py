"""The messages of market-mapping-worker, and what joins them to Kafka."""

from .keys import observation_key
from .latest import Latest
from .markets import CanonicalMarket, canonical_market, canonical_markets
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
    "CanonicalMarket",
    "DeadLetter",
    "JoinedPlayer",
    "Latest",
    "MappingChanged",
    "Observation",
    "Redriven",
    "ResolvedEvent",
    "UnknownReplyError",
    "UnmappedMarket",
    "canonical_market",
    "canonical_markets",
    "joined_players",
    "observation_from_bet9ja",
    "observation_from_betpawa",
    "observation_from_reply",
    "observation_from_sportybet",
    "observation_key",
]
