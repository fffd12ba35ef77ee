"""What a mapping applies to, and what an observation is of: a sport, before or during the match.

Bookmakers sell the same ids in several sports: SportyBet's 18 is over/under goals in football and over/under
points in basketball. So an observation only meets the mappings of its own sport, and those of its phase.

What is missed is counted under an external id (``worker.domain.misses``). The same id in two sports would be
one row of the queue, which a mapping of one sport could neither cover nor leave alone. So the external id
carries a mark for each part of the scope that tells two markets apart: ``18?@basketball`` for any sport but
football, and ``10?@live`` where mappings tell the phases of an id apart. A mark starts with ``@`` and has no
``=``, which no part of a qualifier does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple, get_args

Phase = Literal["both", "prematch", "live"]

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
FOOTBALL: Final = "football"
LONGEST_SPORT: Final = 40
# How scrapers may write the sport that is meant when they write none.
FOOTBALL_SPELLINGS: Final = frozenset(
    ("football", "Football", "FOOTBALL", "soccer", "Soccer", "SOCCER")
)
_SYNONYMS: Final = {"soccer": FOOTBALL}
_SPORT: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_UNNAMED: Final = "other"


class Scope(NamedTuple):
    """What a mapping applies to."""

    sport: str = FOOTBALL
    phase: Phase = "both"

    @property
    def is_default(self) -> bool:
        """Whether it is that of a mapping that names no scope."""
        return self == DEFAULT_SCOPE

    def meets(self, other: Scope) -> bool:
        """Whether one observation may be in both scopes."""
        return self.sport == other.sport and are_together(self.phase, other.phase)


DEFAULT_SCOPE: Final = Scope()


class EventScope(NamedTuple):
    """What an observation is of."""

    sport: str = FOOTBALL
    is_live: bool = False

    @property
    def phase(self) -> Phase:
        return "live" if self.is_live else "prematch"


PREMATCH_FOOTBALL: Final = EventScope()
LIVE_FOOTBALL: Final = EventScope(is_live=True)


class ExternalName(NamedTuple):
    """An external id taken apart: the bookmaker's id, the scope that it is marked with, and what follows.

    ``phase`` is None when it carries no mark of one.
    """

    market_id: str
    sport: str
    phase: Phase | None
    qualifier: str | None


def are_together(one: Phase, other: Phase) -> bool:
    """Whether two phases have a moment in common."""
    return one == other or "both" in (one, other)


def event_scope(sport: str | None, *, live: bool | None) -> EventScope:
    """The scope of an event whose scraper wrote this; nothing written is football, and not in play."""
    if sport is None:
        return LIVE_FOOTBALL if live else PREMATCH_FOOTBALL
    return EventScope(read_sport(sport), is_live=bool(live))


@lru_cache(maxsize=256)
def read_sport(text: str) -> str:
    """A sport as mappings name it: small letters and digits, words joined by an underscore.

    ``other`` when nothing of it can be written so, football when it is blank.
    """
    folded = text.casefold().strip()
    if not folded:
        return FOOTBALL
    words = re.sub(r"[^a-z0-9]+", "_", folded).strip("_")[:LONGEST_SPORT].strip("_")
    return _SYNONYMS.get(words, words) or _UNNAMED


def is_sport(value: object) -> bool:
    """Whether a mapping may name a sport like this."""
    return (
        isinstance(value, str)
        and len(value) <= LONGEST_SPORT
        and _SPORT.fullmatch(value) is not None
        and value not in _SYNONYMS
    )


def marks_of(sport: str, phase: Phase | None = None) -> tuple[str, ...]:
    """The marks of an external id: of a sport that is not football, and of a phase."""
    marks = () if sport == FOOTBALL else (f"@{sport}",)
    return marks if phase is None else (*marks, f"@{phase}")


def external_id(market_id: str, parts: tuple[str, ...]) -> str:
    """A bookmaker's id with marks, and with what of its qualifier names another market."""
    return f"{market_id}?{'|'.join(parts)}" if parts else market_id


def parse_external_id(text: str) -> ExternalName:
    """Take an external id apart."""
    market_id, _, rest = text.partition("?")
    sport, phase, others = FOOTBALL, None, []
    for part in rest.split("|") if rest else ():
        name = part[1:]
        if not part.startswith("@") or "=" in part:
            others.append(part)
        elif name in ("prematch", "live"):
            phase = name
        else:
            sport = name
    return ExternalName(market_id, sport, phase, "|".join(others) or None)  # type: ignore[arg-type]
