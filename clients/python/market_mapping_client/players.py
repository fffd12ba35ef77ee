"""Joins the players of bookmakers within one match, only where that is unique on both sides."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from .messages import Participant, ResolvedEvent

_Name = tuple[str, str]
# A player of one bookmaker: its platform, and what tells the player apart from the others there.
PlayerKey = tuple[str, _Name]


class JoinedPlayer(NamedTuple):
    """One player as each of two bookmakers says who it is."""

    one: Participant
    other: Participant


class _Player(NamedTuple):
    """All that one bookmaker says of a player of a match; it may write the name in several ways.

    Without ``is_clear`` two markets say different sides: it may be anybody of its name, and is not joined.
    """

    identity: _Name
    participant: Participant
    feed_id: str | None
    keys: frozenset[str]
    sides: frozenset[str]
    is_clear: bool

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
    return [
        JoinedPlayer(ours.participant, theirs.participant)
        for ours, theirs in _pairs(_players_of(one), _players_of(other))
    ]


def player_key(platform: str, participant: Participant) -> PlayerKey:
    """Return what tells a player apart from the others of a bookmaker's event, in all its markets."""
    return platform, _identity(participant)


def joined_keys(books: Sequence[ResolvedEvent]) -> Mapping[PlayerKey, frozenset[PlayerKey]]:
    """Return, of each player whom several bookmakers of a match have, the keys at all of them.

    A player of three bookmakers is one only if each two of them are joined. If one of them could be someone
    else, all three stay alone, and are not in the result.
    """
    met: defaultdict[PlayerKey, set[PlayerKey]] = defaultdict(set)
    players = {book.platform: _players_of(book) for book in books}
    for one, other in combinations(players, 2):
        for ours, theirs in _pairs(players[one], players[other]):
            ends = (one, ours.identity), (other, theirs.identity)
            met[ends[0]].add(ends[1])
            met[ends[1]].add(ends[0])
    groups = {key: frozenset({key, *others}) for key, others in met.items()}
    # Who meets whom is not transitive: a name may be between two others. Then nobody knows who is meant.
    return {
        key: group for key, group in groups.items() if all(groups[each] == group for each in group)
    }


def _players_of(event: ResolvedEvent) -> list[_Player]:
    """Return each player of an event once."""
    found: defaultdict[_Name, list[Participant]] = defaultdict(list)
    for market in event.participant_markets or ():
        found[_identity(market.participant)].append(market.participant)
    return [_player(identity, same) for identity, same in found.items()]


def _identity(participant: Participant) -> _Name:
    if participant.feed_id is not None:
        return "feed", participant.feed_id
    if participant.id is not None:
        return "id", participant.id
    return "key", f"{participant.key}/{participant.side or ''}"


def _player(identity: _Name, same: list[Participant]) -> _Player:
    sides = frozenset(each.side for each in same if each.side is not None)
    is_clear = len(sides) <= 1
    return _Player(
        identity=identity,
        participant=min(same, key=lambda each: (each.key, each.name)),
        feed_id=same[0].feed_id,
        keys=frozenset(each.key for each in same),
        sides=sides if is_clear else frozenset(),
        is_clear=is_clear,
    )


def _pairs(ours: Iterable[_Player], theirs: Iterable[_Player]) -> Iterator[tuple[_Player, _Player]]:
    candidates: defaultdict[_Name, list[_Player]] = defaultdict(list)
    for other in theirs:
        for name in other.names:
            candidates[name].append(other)
    pairs = []
    for one in ours:
        met = {id(other): other for name in one.names for other in candidates[name]}
        pairs += [(one, other) for other in met.values() if one.may_be(other)]
    times = Counter(id(player) for pair in pairs for player in pair)
    for one, other in pairs:
        is_unique = times[id(one)] == 1 and times[id(other)] == 1
        if is_unique and one.is_clear and other.is_clear:
            yield one, other
