"""The messages of market-mapping-worker, and what its readers and writers need around them.

What is here needs no Kafka client. With the extra `kafka` there are `publish`, `follow`, `present` and
`compacted_topic`, too.
"""

from .access import KafkaAccess
from .board import LEFT_OUT, Board, BoardRow, Comparison, LeftOut, PlayerRow, Price
from .compacted_state import CompactedState
from .errors import ClientError
from .grades import Grades
from .keys import observation_key
from .latest import Latest
from .mappings import Mappings
from .markets import CanonicalMarket, canonical_market, canonical_markets
from .messages import (
    ID_HEADER,
    REPLAY_HEADER,
    DeadLetter,
    EvidenceGrade,
    MappingChanged,
    MappingGraded,
    MappingState,
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
from .running import run
from .unreadable import UnreadableRecord

__all__ = [
    "ID_HEADER",
    "LEFT_OUT",
    "REPLAY_HEADER",
    "Board",
    "BoardRow",
    "CanonicalMarket",
    "ClientError",
    "CompactedState",
    "Comparison",
    "DeadLetter",
    "EvidenceGrade",
    "Grades",
    "JoinedPlayer",
    "KafkaAccess",
    "Latest",
    "LeftOut",
    "MappingChanged",
    "MappingGraded",
    "MappingState",
    "Mappings",
    "Observation",
    "PlayerRow",
    "Price",
    "Redriven",
    "ResolvedEvent",
    "UnknownReplyError",
    "UnmappedMarket",
    "UnreadableRecord",
    "canonical_market",
    "canonical_markets",
    "joined_players",
    "observation_from_bet9ja",
    "observation_from_betpawa",
    "observation_from_reply",
    "observation_from_sportybet",
    "observation_key",
    "run",
]
