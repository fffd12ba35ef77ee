"""Joins the players of two bookmakers within one match, only where that is unique on both sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from .messages import Participant, ResolvedEvent

_Name = tuple[str, str]


class JoinedPlayer(NamedTuple):
    """One player as each of two bookmakers says who it is."""

    one: Participant
    other: Participant


class _Player(NamedTuple):
    """All that one bookmaker says of a player of a match; it may write the name in several ways."""

    participant: Participant
    feed_id: str | None
    keys: frozenset[str]
    sides: frozenset[str]

    @property
    def names(self) -> list[_Name]:
        keys = [("key", key) for key in sorted(self.keys)]
        return keys if self.feed_id is None else [*keys, ("feed", self.feed_id)]

    def may_be(self, other: _Player) -> bool:
        if self.feed_id is not None and other.feed_id is not None:
            return self.feed_id == other.feed_id
        return not self.keys.isdisjoint(other.keys) and len(self.sides | other.sides) <= 1


def joined_players(one: ResolvedEvent, other: ResolvedEvent) -> list[JoinedPlayer]:
    """Return the players that two bookmakers' resolved events of one match have in common.

    Two participants are one player if they have the same ``feed_id``; if one of them has none, the same
    ``key`` and no sides that differ. What would match more than one participant of either event stays alone.
    Raises ValueError if both events are of one bookmaker, or not of one match by ``sportradar_id``.
    """
    numbers = one.event.sportradar_id, other.event.sportradar_id
    if one.platform == other.platform or numbers[0] is None or numbers[0] != numbers[1]:
        raise ValueError("the events are not of one match at two bookmakers")
    return _joined(_players_of(one), _players_of(other))


def _players_of(event: ResolvedEvent) -> list[_Player]:
    """Return each player of an event once; not those of whom two markets say different sides."""
    found: defaultdict[_Name, list[Participant]] = defaultdict(list)
    for market in event.participant_markets or ():
        found[_identity(market.participant)].append(market.participant)
    players = map(_player, found.values())
    return [player for player in players if len(player.sides) <= 1]


def _identity(participant: Participant) -> _Name:
    if participant.feed_id is not None:
        return "feed", participant.feed_id
    if participant.id is not None:
        return "id", participant.id
    return "key", f"{participant.key}/{participant.side or ''}"


def _player(same: list[Participant]) -> _Player:
    return _Player(
        min(same, key=lambda each: (each.key, each.name)),
        same[0].feed_id,
        frozenset(each.key for each in same),
        frozenset(each.side for each in same if each.side is not None),
    )


def _joined(ours: Iterable[_Player], theirs: Iterable[_Player]) -> list[JoinedPlayer]:
    candidates: defaultdict[_Name, list[_Player]] = defaultdict(list)
    for other in theirs:
        for name in other.names:
            candidates[name].append(other)
    pairs = []
    for one in ours:
        met = {id(other): other for name in one.names for other in candidates[name]}
        pairs += [(one, other) for other in met.values() if one.may_be(other)]
    times = Counter(id(player) for pair in pairs for player in pair)
    return [
        JoinedPlayer(one.participant, other.participant)
        for one, other in pairs
        if times[id(one)] == 1 and times[id(other)] == 1
    ]
