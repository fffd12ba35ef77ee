"""The mapping index: immutable, built whole from mappings, looked up by exact platform id.

How it works. For each platform and sport there is a dictionary from market id to ``Meanings``: the claims of
the mappings that name this id, the strongest first. ``Meanings`` is a dictionary itself, from a row's
qualifier to what id and qualifier mean together; it fills when a qualifier is asked for. So a lookup is two
dictionary reads, however many mappings there are.

Most claims are good in both phases of a match. Only the ids that a claim of one phase names mean something
else in play: they have a second ``Meanings`` for events in play, which is asked first there. One of the two
may be without any claim: then the id is missed in that phase, under an external id that says so.

An index never changes. A change of mappings gives a new one by ``revised``, which shares everything that
the change does not touch, with what has been learnt of it. Workers swap the whole index between two
batches.

Claims are ranked by priority, then by age. A label belongs to the first claim that knows it, so a conflict
is two claims of one priority that know the same label in the same market.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingABC
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.mapping import Mapping, claims_of
from worker.domain.markets import Claim, Meaning, Meanings, NotMapped
from worker.domain.scope import PREMATCH_FOOTBALL, EventScope, external_id, marks_of


class Conflict(NamedTuple):
    """Two mappings of equal priority that claim one label of one platform market: the lower id wins."""

    platform: Platform
    market_id: str
    label: str
    winner: str
    loser: str


class _SportMarkets(NamedTuple):
    """A platform's claimed ids in one sport: what they mean, and those that mean something else in play."""

    always: dict[str, Meanings]
    live: dict[str, Meanings]

    def claims(self, market_id: str) -> list[Claim]:
        """All claims to an id, in any phase."""
        claims: dict[Claim, None] = {}
        for meanings in (self.always.get(market_id), self.live.get(market_id)):
            if meanings is not None:
                claims.update(dict.fromkeys(meanings.claims))
        return list(claims)

    def put(self, platform: Platform, place: _Place, claims: Sequence[Claim]) -> None:
        """Enter the claims to an id; none take it out."""
        sport, market_id = place
        self.always.pop(market_id, None)
        self.live.pop(market_id, None)
        if len(claims) == 1 and claims[0].scope.phase == "both":  # nearly all of a million
            self.always[market_id] = Meanings(platform, market_id, claims, marks_of(sport))
            return
        ranked = sorted(claims, key=_claim_rank)
        if not ranked:
            return
        if {claim.scope.phase for claim in ranked} == {"both"}:
            self.always[market_id] = Meanings(platform, market_id, ranked, marks_of(sport))
            return
        for phase, markets in (("prematch", self.always), ("live", self.live)):
            among = [claim for claim in ranked if claim.scope.phase in ("both", phase)]
            marks = marks_of(sport, "live" if phase == "live" else "prematch")
            markets[market_id] = Meanings(platform, market_id, among, marks)


class _InPlay(MappingABC[str, Meanings]):
    """What the ids of a sport mean in play."""

    __slots__ = ("_markets",)

    def __init__(self, markets: _SportMarkets) -> None:
        self._markets = markets

    def __getitem__(self, market_id: str) -> Meanings:
        live = self._markets.live.get(market_id)
        return self._markets.always[market_id] if live is None else live

    def __iter__(self) -> Iterator[str]:
        return iter(self._markets.always)

    def __len__(self) -> int:
        return len(self._markets.always)


# A sport, and a platform's id of a market in it.
_Place = tuple[str, str]
_NOTHING: Final[dict[str, Meanings]] = {}


class MappingIndex:
    """All active mappings at one version. ``version`` is the last audit id it was built from, 0 for none."""

    def __init__(self, mappings: Iterable[Mapping], version: int = 0) -> None:
        self.version = version
        self._markets: dict[Platform, dict[str, _SportMarkets]] = {
            platform: {} for platform in PLATFORMS
        }
        mappings = list(mappings)
        self.size = len(mappings)
        for platform, places in _claims_by_place(mappings).items():
            for place, claims in places.items():
                self._of_sport(platform, place[0]).put(platform, place, claims)

    def _of_sport(self, platform: Platform, sport: str) -> _SportMarkets:
        sports = self._markets[platform]
        markets = sports.get(sport)
        if markets is None:
            markets = sports[sport] = _SportMarkets({}, {})
        return markets

    def revised(
        self, gone: Iterable[Mapping], new: Iterable[Mapping], version: int
    ) -> MappingIndex:
        """The index that all mappings of this one give without ``gone`` and with ``new``.

        What none of them claims is shared with this index, and what is remembered of it: the work is that of
        the change. A canonical id occurs once in an index; one that changes is both gone and new.
        """
        gone, new = list(gone), list(new)
        names = {mapping.canonical_id for mapping in gone}
        revised = MappingIndex((), version)
        revised.size = self.size - len(gone) + len(new)
        added = _claims_by_place(new)
        for platform, touched in claimed_markets([*gone, *new]).items():
            markets = self._markets[platform].copy()
            for sport in {sport for sport, _ in touched}:
                always, live = markets.get(sport, _SportMarkets({}, {}))
                markets[sport] = _SportMarkets(always.copy(), live.copy())
            for place in touched:
                sport, market_id = place
                claims = markets[sport].claims(market_id)
                kept = [claim for claim in claims if claim.canonical_id not in names]
                markets[sport].put(platform, place, kept + added[platform].get(place, []))
            revised._markets[platform] = markets
        return revised

    def claimed(
        self, platform: Platform, scope: EventScope = PREMATCH_FOOTBALL
    ) -> MappingABC[str, Meanings]:
        """The platform's markets that anybody claims for events of this scope, by id."""
        markets = self._markets[platform].get(scope.sport)
        if markets is None:
            return _NOTHING
        return _InPlay(markets) if scope.is_live and markets.live else markets.always

    def claims(
        self, platform: Platform, market_id: str, scope: EventScope = PREMATCH_FOOTBALL
    ) -> Sequence[Claim]:
        """The claims to a platform market, highest priority first; empty when nobody claims it."""
        claimed = self.claimed(platform, scope).get(market_id)
        return () if claimed is None else claimed.claims

    def meaning(
        self,
        platform: Platform,
        market_id: str,
        qualifier: str | None,
        scope: EventScope = PREMATCH_FOOTBALL,
    ) -> Meaning:
        """What a row's id and qualifier mean."""
        claimed = self.claimed(platform, scope).get(market_id)
        if claimed is None:
            missed = external_id(market_id, marks_of(scope.sport))
            return NotMapped(missed, "UNKNOWN_MARKET")
        return claimed[qualifier]

    def conflicts(self, among: Iterable[Mapping] | None = None) -> Iterator[Conflict]:
        """Labels that two mappings of equal priority claim in the same market.

        ``among`` narrows it to the conflicts of these mappings. They are found as they are asked for: copies
        of one mapping have one for each pair of them and each label.
        """
        names = None if among is None else {one.canonical_id: one for one in among}
        touched = None if names is None else claimed_markets(names.values())
        for platform, sports in self._markets.items():
            for sport, market_id in (
                _places(sports) if touched is None else sorted(touched[platform])
            ):
                markets = sports.get(sport)
                claims = [] if markets is None else markets.claims(market_id)
                if len(claims) > 1:
                    ranked = sorted(claims, key=_claim_rank)
                    yield from _conflicts(platform, market_id, ranked, names)


def _places(sports: dict[str, _SportMarkets]) -> list[_Place]:
    return [(sport, market_id) for sport, markets in sports.items() for market_id in markets.always]


def _claims_by_place(mappings: Iterable[Mapping]) -> dict[Platform, dict[_Place, list[Claim]]]:
    claims: dict[Platform, dict[_Place, list[Claim]]] = {platform: {} for platform in PLATFORMS}
    for mapping in mappings:
        for claimed in claims_of(mapping):
            place = (claimed.scope.sport, claimed.market_id)
            places = claims[claimed.platform]
            known = places.get(place)
            if known is None:
                places[place] = [Claim(mapping, claimed)]
            else:
                known.append(Claim(mapping, claimed))
    return claims


def claimed_markets(mappings: Iterable[Mapping]) -> dict[Platform, set[_Place]]:
    """The platform markets that any of the mappings claims, each with its sport."""
    claimed: dict[Platform, set[_Place]] = {platform: set() for platform in PLATFORMS}
    for mapping in mappings:
        for claim in claims_of(mapping):
            claimed[claim.platform].add((claim.scope.sport, claim.market_id))
    return claimed


def _claim_rank(claim: Claim) -> tuple[int, int, str, int]:
    """As the mappings; of one mapping's claims to an id, those that name a specifier come first."""
    return (*_rank(claim.mapping), -len(claim.rule.fixed_on(claim.platform)))


def _rank(mapping: Mapping) -> tuple[int, int, str]:
    """The order of claims to one market: priority, then age."""
    return (-mapping.priority, mapping.id or 0, mapping.canonical_id)


def _conflicts(
    platform: Platform, market_id: str, ranked: Sequence[Claim], names: Collection[str] | None
) -> Iterator[Conflict]:
    """Conflicts of claims to one id, of which one at least is in ``names``; the first of two claims wins."""
    knowing: dict[tuple[str, int], list[Claim]] = defaultdict(list)
    for claim in ranked:
        for label in claim.known_labels:
            knowing[label, claim.mapping.priority].append(claim)
    for (label, _), claims in sorted(knowing.items(), key=itemgetter(0)):
        for winner, loser in _rivals(claims, names):
            if (
                winner.mapping is not loser.mapping  # ids of one mapping agree about an outcome
                and winner.scope.meets(loser.scope)
                and _may_meet(winner, loser)
            ):
                yield Conflict(platform, market_id, label, winner.canonical_id, loser.canonical_id)


def _rivals(
    claims: Sequence[Claim], names: Collection[str] | None
) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of claims of which one is in ``names``, in their order.

    Left out are pairs that fix the same specifiers to different values: a market that is sold with a fixed
    number has as many mappings as numbers.
    """
    if len(claims) < 2:
        return
    fixed = [frozenset(claim.rule.fixed_on(claim.platform).items()) for claim in claims]
    keys = [frozenset(key for key, _ in values) for values in fixed]
    alike: dict[frozenset[str], dict[frozenset[tuple[str, str]], list[int]]] = {}
    for place, values in enumerate(fixed):
        alike.setdefault(keys[place], {}).setdefault(values, []).append(place)
    asked = [
        place for place, claim in enumerate(claims) if names is None or claim.canonical_id in names
    ]
    seen = set[int]()
    for place in asked:
        others = [alike[keys[place]][fixed[place]]]
        for their_keys, by_values in alike.items():
            if their_keys != keys[place]:
                others += by_values.values()
        seen.add(place)
        for other in chain.from_iterable(others):
            if other not in seen:
                yield claims[min(place, other)], claims[max(place, other)]


def _may_meet(one: Claim, other: Claim) -> bool:
    """Whether one row can be read by both claims.

    Not when one needs a specifier key that the other refuses, nor when a key is fixed to different values.
    """
    if _needed(one) - _allowed(other) or _needed(other) - _allowed(one):
        return False
    mine = one.rule.fixed_on(one.platform)
    fixed = other.rule.fixed_on(other.platform)
    return all(mine[key] == fixed[key] for key in mine.keys() & fixed.keys())


def _needed(claim: Claim) -> set[str]:
    key = claim.rule.key_on(claim.book)
    return {*claim.rule.fixed_on(claim.platform), *([key] if key else [])}


def _allowed(claim: Claim) -> set[str]:
    return _needed(claim) | claim.rule.free
