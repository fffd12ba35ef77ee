# Types of the compiled part; src/lib.rs says what it does.

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, TypeAlias, final

INTERFACE: int  # raised with every change of what follows

Platform: TypeAlias = Literal["betpawa", "sportybet", "bet9ja"]
MissReason: TypeAlias = Literal["UNKNOWN_MARKET", "UNKNOWN_PARAM_MARKET", "NO_MATCHING_OUTCOMES"]

_Place: TypeAlias = tuple[int, int]  # begin and end, in bytes
# Its place, its market's JSON before the first outcome, the mapping where a row may have a part of it; the
# ranks of what others leave over, and of those that are listed with it, in order.
_Claim: TypeAlias = tuple[str, str, int | None, list[int], list[int]]
_Label: TypeAlias = tuple[
    str, str | None, str | None, int, int, str
]  # line shown next to it, id, number of the claim, rank, JSON before the price
# Its place, its market's JSON before the first outcome, whether there is no more of it; of a player's market
# the place without the player, its order among others, and the number of the claim.
_About: TypeAlias = tuple[str, str, bool, tuple[str, str, int] | None]
_PlayerPrice: TypeAlias = tuple[
    str, str | None, str | None, Literal["home", "away"] | None, int, int, str
]  # label, line shown next to it, id, side, number of what it is about, rank there, JSON before the price
# Platform, id, how often, first and last observation, number of the miss in the last, hashes of events.
_Counted: TypeAlias = tuple[Platform, str, int, int, int, int, list[int]]

@final
class Recall:
    def __init__(
        self,
        flags: bytes,
        bits: Mapping[str, int],
        folded: Mapping[str, str],
        not_names: AbstractSet[str],
        football: AbstractSet[str],
        limits: Mapping[str, int],
    ) -> None: ...
    def read(self, values: Sequence[bytes | None]) -> list[Recalled | None]: ...
    def read_apart(self, value: bytes, places: Sequence[str]) -> Recalled | None: ...
    @staticmethod
    def tally(seen: Sequence[tuple[Recalled, int]], most_hashes: int) -> list[_Counted]: ...
    def learn_unknown(self, platform_name: str, live: bool, market_id: str) -> None: ...
    def learn_not_mapped(
        self,
        platform_name: str,
        live: bool,
        market_id: str,
        qualifier: str,
        external_id: str,
        reason: MissReason,
    ) -> None: ...
    def learn_labels(
        self,
        platform_name: str,
        live: bool,
        market_id: str,
        qualifier: str,
        words: Sequence[AbstractSet[str]],
        ids: AbstractSet[str],
        claims: Sequence[_Claim],
        labels: Sequence[_Label],
    ) -> None: ...
    def learn_players(
        self,
        platform_name: str,
        live: bool,
        market_id: str,
        qualifier: str,
        home: str | None,
        away: str | None,
        abouts: Sequence[_About],
        prices: Sequence[_PlayerPrice],
    ) -> None: ...
    @property
    def bytes_of_players(self) -> int: ...
    def learn_line(self, handicap: str, specifier: str, formatted: str, line: str) -> None: ...
    def roles(self, labels: Sequence[str], home: str, away: str) -> list[str] | None: ...

@final
class Recalled:
    @property
    def platform(self) -> Platform: ...
    @property
    def envelope(self) -> bytes: ...
    @property
    def names(self) -> _Place | None: ...
    @property
    def markets(self) -> int: ...
    @property
    def aside(self) -> list[_Place]: ...
    @property
    def lines(self) -> list[tuple[str, str, str]]: ...
    @property
    def missed(self) -> int: ...
    @property
    def reasons(self) -> dict[MissReason, int]: ...
    def miss(self, number: int) -> tuple[str, str | None, MissReason]: ...
    def rows(self, miss: int) -> list[_Place]: ...
    def sample(self, miss: int, value: bytes) -> str | None: ...
    def body(
        self,
        markets: Sequence[tuple[str, str]],
        misses: Sequence[tuple[str, str]],
        players: Sequence[tuple[str, str]],
        tail: str,
    ) -> bytes: ...
    def meets(self, places: Sequence[str], ids: Sequence[str]) -> bool: ...
    def shared(self, markets: Sequence[str]) -> int: ...
