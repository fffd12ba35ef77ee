"""The entries of one reply, and what becomes of each under an index. Pure.

An entry is a market with its line, as the bookmaker sells it: an id and a qualifier. It is

- *resolved*: all of its labels are read, and all that they say is published;
- *in part*: a part of it is published, another part is missed or refused;
- *refused*: nothing is published, because it cannot be read or its prices contradict each other;
- *missed*: no mapping knows it, or none of its labels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from worker.domain.books.rows import Rejection, Row
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, teams
from worker.domain.markets import (
    Market,
    NotMapped,
    NotReadable,
    PlayerDoubt,
    PlayerMarket,
    PlayerSlot,
    Slot,
    place_of,
)
from worker.domain.participants import Participant
from worker.domain.resolve import Observation, Resolution, platform_rows, resolve

EntryVerdict = Literal["resolved", "in part", "refused", "missed"]

# What a price says: its place, or why it has none.
_Said = Slot | PlayerSlot | PlayerDoubt | None
# Parts of the ids and specifiers of SportyBet's markets of players.
_OF_PLAYERS: Final = ("sr:player:", "playerprops:")


class SoldEntry(NamedTuple):
    """One entry. ``code`` says why it is not resolved; ``places`` are the canonical markets that it says.

    ``names_players``: its outcomes are players, or it is about one.
    """

    market_id: str
    qualifier: str | None
    name: str | None
    verdict: EntryVerdict
    code: str | None
    places: frozenset[str]
    names_players: bool


def entries(observation: Observation, index: MappingIndex) -> list[SoldEntry]:
    """All entries of an observation, in the order of their ids and qualifiers."""
    rows: defaultdict[tuple[str, str | None], list[Row]] = defaultdict(list)
    found: list[SoldEntry] = []
    for row in platform_rows(observation):
        if isinstance(row, Rejection):
            found.append(_unreadable(row))
        else:
            rows[row.market_id, row.qualifier].append(row)
    judge = _Judge(observation, index)
    found += [judge.entry(*sold_as, same) for sold_as, same in rows.items()]
    return sorted(judge.without_refused_variants(found), key=_order)


def _order(entry: SoldEntry) -> tuple[str, str]:
    return entry.market_id, entry.qualifier or ""


def _unreadable(row: Rejection) -> SoldEntry:
    return SoldEntry(
        row.external_market_id,
        row.line,
        name=None,
        verdict="refused",
        code=row.code,
        places=frozenset(),
        names_players=False,
    )


class _Judge:
    """Holds each entry of an observation against what all of them together resolve to."""

    def __init__(self, observation: Observation, index: MappingIndex) -> None:
        self._observation = observation
        self._index = index
        self._names: Teams | None = teams(observation.home, observation.away)
        self._whole: Resolution = resolve(observation, index)
        self._published = {layout.place for layout, _ in self._whole.markets}
        self._published |= {
            _player_place(place_of(layout.claim, layout.line), layout.participant)
            for layout, _, _ in self._whole.players
        }

    def entry(self, market_id: str, qualifier: str | None, rows: list[Row]) -> SoldEntry:
        name = next((row.name for row in rows if row.name), None)
        verdict, code, places = self._verdict(market_id, qualifier, rows)
        is_of_players = _names_players(qualifier, rows)
        return SoldEntry(market_id, qualifier, name, verdict, code, places, is_of_players)

    def _verdict(
        self, market_id: str, qualifier: str | None, rows: list[Row]
    ) -> tuple[EntryVerdict, str | None, frozenset[str]]:
        seen = self._observation
        meaning = self._index.meaning(seen.platform, market_id, qualifier, seen.scope)
        if isinstance(meaning, NotReadable):
            return "refused", "INVALID_SPECIFIER", frozenset()
        if isinstance(meaning, NotMapped):
            return "missed", meaning.reason, frozenset()
        said = [_place(slot) for slot in self._slots(meaning, rows)]
        places = frozenset(place for place in said if place is not None)
        published = places & self._published
        if not places or (published and None in said):
            return ("in part" if published else "missed"), "NO_MATCHING_OUTCOMES", places
        if published < places:
            return ("in part" if published else "refused"), self._code(market_id), places
        return "resolved", None, places

    def _slots(self, market: Market | PlayerMarket, rows: Iterable[Row]) -> Iterator[_Said]:
        for row in rows:
            for one in row.selections:
                if isinstance(market, PlayerMarket):
                    yield market.slot(one, self._names)
                else:
                    yield market.slot(one.label, one.shown_line, self._names, one.id)

    def _code(self, market_id: str) -> str:
        """Why what this id says is held back."""
        codes = [one.code for one in self._whole.rejected if one.external_market_id == market_id]
        return min(codes, default="INVALID_ODDS")

    def without_refused_variants(self, found: list[SoldEntry]) -> Iterator[SoldEntry]:
        """The entries; of those that are variants of one market, only one is published."""
        refused = {
            one.external_market_id for one in self._whole.rejected if one.cause == "VARIANTS_DIFFER"
        }
        for entry in found:
            if (
                entry.market_id in refused
                and entry.verdict == "resolved"
                and self._is_variant(entry)
            ):
                yield entry._replace(verdict="refused", code="INVALID_SPECIFIER")
            else:
                yield entry

    def _is_variant(self, entry: SoldEntry) -> bool:
        """Whether the entry lacks outcomes of its mapping, for which another variant was taken."""
        seen = self._observation
        meaning = self._index.meaning(seen.platform, entry.market_id, entry.qualifier, seen.scope)
        rows = [
            row
            for row in platform_rows(seen)
            if not isinstance(row, Rejection)
            and (row.market_id, row.qualifier) == (entry.market_id, entry.qualifier)
        ]
        if not isinstance(meaning, Market):
            return False
        slots = self._slots(meaning, rows)
        said = {(slot.claim, slot.outcome) for slot in slots if isinstance(slot, Slot)}
        return any(
            {outcome for claim, outcome in said if claim is one}
            != {outcome.canonical_id for outcome in one.by_label.values()}
            for one in {claim for claim, _ in said}
        )


def _place(slot: _Said) -> str | None:
    """The canonical market, line and player that a price belongs to."""
    match slot:
        case None | PlayerDoubt():
            return None
        case PlayerSlot(claim, line, _, participant):
            return _player_place(place_of(claim, line), participant)
        case Slot():
            return place_of(slot.claim, slot.line)


def _player_place(place: str, participant: Participant) -> str:
    return f"{place}\0{participant.side or ''} {participant.key}"


def _names_players(qualifier: str | None, rows: Iterable[Row]) -> bool:
    selections = [one for row in rows for one in row.selections]
    if any(one.side is not None for one in selections):  # BetPawa says the team of a player
        return True
    texts = [qualifier, *(one.id for one in selections)]
    return any(part in text for text in texts if text is not None for part in _OF_PLAYERS)
