"""What a scrape may hold in addition to football before the match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

# players: their markets, on events of football before the match. live: events of football in play.
# basketball, tennis: events of these sports. shapes: the other forms of football before the match.
# catalogue: the rest of the football markets that the catalogue has, on events before the match.
Extra = Literal["players", "live", "basketball", "tennis", "shapes", "catalogue"]
# How many events of a kind there are for each of football before the match.
SHARES: Final[dict[Extra, float]] = {"live": 0.12, "basketball": 0.1, "tennis": 0.1}
EXTRAS: Final[tuple[Extra, ...]] = get_args(Extra)


def extras_of(names: Iterable[str]) -> frozenset[Extra]:
    """The extras of these names; "all" is every one."""
    given = set(names)
    return frozenset(each for each in EXTRAS if each in given or "all" in given)
