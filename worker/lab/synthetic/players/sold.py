"""Which markets of players a bookmaker sells on an event, and how likely each of their outcomes is."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from worker.lab.synthetic.expected import UNKNOWN_MARKET
from worker.lab.synthetic.model import poisson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.players.squad import Footballer
    from worker.lab.synthetic.pricing import Pricer

_LEAST_CHANCE = 0.004
_HIGHEST_CHANCE = 0.97


class PlayerSale(NamedTuple):
    """What is sold of players at one bookmaker: the squads, and the pricer that quotes them."""

    squad: tuple[Footballer, ...]
    pricer: Pricer


class PlayerOffer(NamedTuple):
    """A market of players in one bookmaker's own form.

    ``canonical_id`` is empty when no mapping in force knows it: then ``missed_as`` and ``reason`` say how it
    is missed. ``no_goal`` is the label of the outcome that is no player, empty when there is none.
    """

    platform: str
    external_id: str
    canonical_id: str
    form: str
    rungs: tuple[int, ...]
    frequency: float
    no_goal: str
    missed_as: str
    reason: str
    data: dict[str, Any]


class PlayerOutcome(NamedTuple):
    """One price of one player. ``rung`` is the N of "N or more", None when the market has no such number."""

    player: Footballer
    rung: int | None
    chance: float

    @property
    def outcome(self) -> str:
        return "yes" if self.rung is None else "over"

    @property
    def line(self) -> str | None:
        """N or more is over N - 0.5."""
        return None if self.rung is None else f"{self.rung - 1}.5"


@cache
def player_offers(platform: str) -> tuple[PlayerOffer, ...]:
    parsed = orjson.loads(
        resources.files("worker.lab.synthetic").joinpath("data", "players.json").read_bytes()
    )
    return tuple(_offer(entry) for entry in parsed if entry["platform"] == platform)


def _offer(entry: dict[str, Any]) -> PlayerOffer:
    return PlayerOffer(
        platform=entry["platform"],
        external_id=entry["id"],
        canonical_id=entry.get("canonical", ""),
        form=entry["form"],
        rungs=tuple(entry.get("rungs", ())),
        frequency=entry["frequency"],
        no_goal=entry.get("no_goal", ""),
        missed_as=entry.get("missed_as", entry["id"]),
        reason=entry.get("reason", UNKNOWN_MARKET),
        data=entry,
    )


def outcomes(offer: PlayerOffer, squad: tuple[Footballer, ...]) -> Iterator[PlayerOutcome]:
    """Every price of an offer, player by player."""
    team_goals = sum(player.goals for player in squad)
    for player in squad:
        for rung in offer.rungs or (None,):
            chance = _chance(offer, player, rung or 1, team_goals)
            yield PlayerOutcome(player, rung, min(max(chance, _LEAST_CHANCE), _HIGHEST_CHANCE))


def _chance(offer: PlayerOffer, player: Footballer, at_least: int, all_goals: float) -> float:
    rate: float = offer.data["rate"]
    match offer.data["kind"]:
        case "one_of_all":
            return player.goals / all_goals * (1 - math.exp(-all_goals * rate))
        case "not":
            return math.exp(-player.goals * rate)
        case "goals":
            mean = player.goals * rate
        case _:
            mean = player.work * rate
    highest = max(12, round(3 * mean))
    return sum(poisson(mean, highest)[at_least:])
