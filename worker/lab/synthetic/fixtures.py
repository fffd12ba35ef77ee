"""The events of a scrape: who plays, when, under which ids, and how much is offered on them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from worker.lab.synthetic.model import MatchModel, draw_model

if TYPE_CHECKING:
    from collections.abc import Mapping

_CITIES = (
    "Alder", "Brack", "Corin", "Dunmore", "Elvas", "Farrow", "Glenby", "Harrow", "Isk", "Jarrow", "Kelso",
    "Lorne", "Marsk", "Norby", "Orton", "Pelham", "Quarry", "Rovna", "Selby", "Tarn", "Ulver", "Varde",
    "Wexley", "Yarm", "Zolder", "São Bento", "Malmköping", "Óbidos", "Bătrâna", "Saint-Aubin",
)  # fmt: skip
_CLUBS = (
    "United",
    "City",
    "FC",
    "Athletic",
    "Rovers",
    "SK",
    "Sporting",
    "Town",
    "Wanderers",
    "1907",
)
_GIVEN = (
    "Ade",
    "Bruno",
    "Chidi",
    "Dario",
    "Emil",
    "Femi",
    "Goran",
    "Hugo",
    "Ivan",
    "Jonas",
    "Karim",
    "Luis",
)
_FAMILY = (
    "Adeyemi",
    "Berg",
    "Costa",
    "Duarte",
    "Eze",
    "Fofana",
    "Garcia",
    "Horvat",
    "Ibe",
    "Jensen",
    "Kovac",
)
_COMPETITIONS = (
    "Premier Division", "First League", "Second League", "National Cup", "Regional League North",
    "Regional League South", "Youth League", "Women's Premier League",
)  # fmt: skip
# Shares of 1,291 events that each bookmaker had in one scrape.
_ON_BOOK = {"betpawa": 0.868, "sportybet": 0.988, "bet9ja": 0.949}
_WITHOUT_SPORTRADAR_ID = {"betpawa": 0.015, "sportybet": 0.0, "bet9ja": 0.015}
_SQUAD = 34
# Events that are not football before the match.
KINDS = ("live", "basketball", "tennis")
_IDS_OF_A_KIND = 100_000_000


class Player(NamedTuple):
    id: int
    name: str
    side: str


class Fixture(NamedTuple):
    """One event. ``rank`` is 0 for the richest and near 1 for the poorest: a market that a share f of events
    has is offered where rank < f, so big events have everything and small ones the main markets only.

    ``ordinal`` is when it is scraped; ``serial`` tells it from all other events, whatever else is generated.
    """

    ordinal: int
    rank: float
    home: str
    away: str
    competition: str
    starts_at: datetime
    sportradar_id: str
    event_ids: Mapping[str, str]
    known_to_sportradar: frozenset[str]
    model: MatchModel
    serial: int
    sport: str = "football"
    is_live: bool = False

    def team(self, side: str) -> str:
        return self.home if side == "home" else self.away

    def players(self) -> tuple[Player, ...]:
        return tuple(_player(self, number) for number in range(2 * _SQUAD))


def draw_other(seed: int, kind: str, index: int, started_at: datetime, *, ordinal: int) -> Fixture:
    """Event ``index`` of those of another kind ("live" or a sport); ``ordinal`` is when it is scraped.

    Its ids are apart from those of football before the match and of every other kind.
    """
    offset = (1 + KINDS.index(kind)) * _IDS_OF_A_KIND
    rng = seeded(seed, kind, index)
    home, away = rng.sample(_CITIES, 2)
    is_tennis = kind == "tennis"
    names = rng.sample(_FAMILY, 2)
    sportradar_id = str(60_000_000 + offset + seed % 1000 * 10_000 + index)
    ids = _event_ids(rng, offset + index, sportradar_id, everywhere=True)
    return Fixture(
        ordinal=ordinal,
        rank=rank_of(index),
        home=f"{names[0]}, {rng.choice(_GIVEN)}" if is_tennis else f"{home} {rng.choice(_CLUBS)}",
        away=f"{names[1]}, {rng.choice(_GIVEN)}" if is_tennis else f"{away} {rng.choice(_CLUBS)}",
        competition=rng.choice(_COMPETITIONS),
        starts_at=started_at - timedelta(minutes=40)
        if kind == "live"
        else _kick_off(rng, started_at),
        sportradar_id=sportradar_id,
        event_ids=ids,
        known_to_sportradar=frozenset(ids),
        model=draw_model(rng),
        serial=offset + index,
        sport="football" if kind == "live" else kind,
        is_live=kind == "live",
    )


def draw_fixture(seed: int, index: int, started_at: datetime) -> Fixture:
    """Event ``index`` of the scrape with this seed, the same whatever else is generated."""
    rng = seeded(seed, "fixture", index)
    home, away = rng.sample(_CITIES, 2)
    sportradar_id = str(60_000_000 + seed % 1000 * 10_000 + index)
    rank = rank_of(index)
    ids = _event_ids(rng, index, sportradar_id, everywhere=rank < 0.05)
    return Fixture(
        ordinal=index,
        rank=rank,
        home=f"{home} {rng.choice(_CLUBS)}",
        away=f"{away} {rng.choice(_CLUBS)}",
        competition=rng.choice(_COMPETITIONS),
        starts_at=_kick_off(rng, started_at),
        sportradar_id=sportradar_id,
        event_ids=ids,
        known_to_sportradar=frozenset(p for p in ids if rng.random() >= _WITHOUT_SPORTRADAR_ID[p]),
        model=draw_model(rng),
        serial=index,
    )


def seeded(seed: int, *parts: object) -> random.Random:
    """A generator for one purpose; seeded by text, so it is the same in every process."""
    return random.Random(":".join(map(str, (seed, *parts))))  # noqa: S311 - made-up prices are no secret


def rank_of(index: int) -> float:
    """Spreads the events evenly over 0..1 however many there are; the first is the richest."""
    rank, share = 0.0, 0.5
    while index:
        index, bit = divmod(index, 2)
        rank += bit * share
        share /= 2
    return rank


def _event_ids(
    rng: random.Random, index: int, sportradar_id: str, *, everywhere: bool
) -> dict[str, str]:
    ids = {
        "betpawa": str(33_000_000 + index * 7),
        "sportybet": f"sr:match:{sportradar_id}",
        "bet9ja": str(769_000_000 + index * 11),
    }
    drawn = {platform: rng.random() for platform in ids}
    return {p: id_ for p, id_ in ids.items() if everywhere or drawn[p] < _ON_BOOK[p]}


def _kick_off(rng: random.Random, started_at: datetime) -> datetime:
    quarter_hours = rng.randrange(8, 4 * 24 * 5)
    day = started_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return day + timedelta(minutes=15 * quarter_hours)


def _player(fixture: Fixture, number: int) -> Player:
    pick = fixture.ordinal * 5 + number * 7
    name = f"{_FAMILY[pick % len(_FAMILY)]}, {_GIVEN[(pick // 3) % len(_GIVEN)]}"
    side = "home" if number < _SQUAD else "away"
    return Player(100_000 + fixture.ordinal * 100 + number, name, side)
