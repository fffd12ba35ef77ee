"""The mapping index: immutable, built whole from mappings, looked up by exact platform id.

What a row's id and qualifier mean (which mappings, which lines, which label is which outcome) is worked out
once and remembered, because the same market shapes come back in every event. The memo is bounded and holds
only what does not depend on the event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from worker.domain.labels import (
    LineText,
    Reading,
    Teams,
    agrees,
    beside,
    fold,
    is_foreign,
    name_roles,
    readings,
    row_roles,
    words_of,
)
from worker.domain.mapping import Mapping, OutcomeLabels, line_key
from worker.domain.platforms import PLATFORMS, Platform
from worker.domain.rows import Label, known_by
from worker.domain.specifier import Line, Unreadable, foreign_id, parse_qualifier, read_line

_MOST_MEANINGS: Final = 50_000
_MOST_LABELS: Final = 512
_MOST_LAYOUTS: Final = 8
_LONGEST_QUALIFIER: Final = 1000
# No label of a mapping, with the longest team names in it, comes near.
_LONGEST_LABEL: Final = 1000


class Conflict(NamedTuple):
    """Two mappings of equal priority that claim one label of one platform market: the lower id wins."""

    platform: Platform
    market_id: str
    label: str
    winner: str
    loser: str


class Contradiction(NamedTuple):
    """A label that names ``outcome``, but carries another line than its market."""

    outcome: str


class Claim:
    """One mapping's claim to a platform market: its labels there, folded as the platform's are compared."""

    __slots__ = ("by_label", "canonical_id", "mapping", "order", "platform")

    def __init__(self, mapping: Mapping, platform: Platform) -> None:
        self.mapping = mapping
        self.platform = platform
        self.canonical_id = mapping.canonical_id
        self.by_label: dict[str, OutcomeLabels] = {}
        for outcome in mapping.outcomes:
            label = outcome.on(platform)
            if label is not None:
                self.by_label[label if platform == "bet9ja" else fold(label)] = outcome
        self.order = {outcome.canonical_id: n for n, outcome in enumerate(mapping.outcomes)}

    def readings(self, label: str) -> list[Reading]:
        """Every way in which this claim may read a label; Bet9ja's suffixes are read exactly."""
        if self.platform == "bet9ja":
            return [Reading(label, ())]
        return readings(label, self.mapping.line_rule.kind if self.platform == "sportybet" else "none")

    def read(self, label: str, shown: str | None, line: str | None) -> str | Contradiction | None:
        """The canonical outcome that ``label`` names in this market at ``line``; None when it names none."""
        extra = (beside(shown),) if shown is not None else ()
        for words, lines in self.readings(label):
            known = self.by_label.get(words)
            if known is not None:
                agree = self._agrees((*lines, *extra), line, known.side)
                return known.canonical_id if agree else Contradiction(known.canonical_id)
        return None

    def _agrees(self, lines: tuple[LineText, ...], line: str | None, side: str) -> bool:
        return all(agrees(shown, line, self.mapping.line_rule.kind, side) for shown in lines)


@lru_cache(maxsize=1024)
def _words(claim: Claim) -> frozenset[str]:
    return frozenset(word for label in claim.by_label for word in words_of(label))


class Slot(NamedTuple):
    """Where a price belongs: the claim, the line, the canonical outcome."""

    claim: Claim
    line: str | None
    outcome: str


# A canonical market at one line, as markets are sorted; "" is no line.
Place = tuple[str, str]


class Layout(NamedTuple):
    """What a whole row says: one claim at one line, and the outcome of each of its labels.

    ``order`` has the positions of the labels in the mapping's order; None where they stand in it.
    """

    claim: Claim
    line: str | None
    outcomes: tuple[str, ...]
    place: Place
    order: tuple[int, ...] | None


class Market:
    """What one (id, qualifier) of a platform means: the claims it stands for, each with its line.

    ``known`` remembers what labels say by themselves, without the names of an event's teams; ``layouts``
    the rows of which every label does.
    """

    __slots__ = ("accepted", "known", "layouts")

    def __init__(self, accepted: tuple[tuple[Claim, str | None], ...]) -> None:
        self.accepted = accepted
        self.known: dict[Label, Slot | None] = {}
        self.layouts: dict[tuple[Label, ...], Layout] = {}

    def layout(self, labels: tuple[Label, ...], names: Teams | None) -> Layout | None:
        """What a row with these labels says; None unless all are known and name outcomes of one claim."""
        layout = self.layouts.get(labels) or self._lay_out(labels, map(self.known.get, labels))
        if layout is None and names is not None:
            roles = self._roles(labels, names)
            if roles is not None:
                slots = (self._recall(label, None) for label in roles)
                layout = self.layouts.get(roles) or self._lay_out(roles, slots)
        return layout

    def _roles(self, labels: tuple[Label, ...], names: Teams) -> tuple[str, ...] | None:
        """The labels with the event's names taken for home and away.

        None where a label that holds a name may be a mapping's as it stands, which would come first, and for
        labels that are read exactly.
        """
        texts = [label for label in labels if isinstance(label, str) and len(label) <= _LONGEST_LABEL]
        claims = [claim for claim, _ in self.accepted]
        if len(texts) < len(labels) or claims[0].platform == "bet9ja":
            return None
        if all(is_foreign(name, _words(claim)) for claim in claims for name in names):
            return row_roles(texts, names)
        return None

    def _lay_out(self, labels: tuple[Label, ...], found: Iterable[Slot | None]) -> Layout | None:
        slots = [slot for slot in found if slot is not None]
        outcomes = tuple(slot.outcome for slot in slots)
        if not slots or len(set(outcomes)) < len(labels) or len({slot[:2] for slot in slots}) > 1:
            return None
        claim, line, _ = slots[0]
        ranks = [claim.order[outcome] for outcome in outcomes]
        order = None if ranks == sorted(ranks) else tuple(sorted(range(len(ranks)), key=ranks.__getitem__))
        layout = Layout(claim, line, outcomes, (claim.canonical_id, line or ""), order)
        if len(self.layouts) < _MOST_LAYOUTS:
            self.layouts[labels] = layout
        return layout

    def slot(self, label: str, shown: str | None, names: Teams | None) -> Slot | None:
        """The slot of a label: as it stands, else with the event's names taken for home and away."""
        if len(label) > _LONGEST_LABEL:
            return None
        roles = None if names is None else name_roles(label, names)
        if roles is None:
            return self._recall(label, shown)
        # Not remembered: the next event's label is another, the one with the roles is the same.
        return self._find(label, shown) or self._recall(roles, shown)

    def _recall(self, label: str, shown: str | None) -> Slot | None:
        key = known_by(label, shown)
        if key in self.known:
            return self.known[key]
        slot = self._find(label, shown)
        if len(self.known) < _MOST_LABELS:
            self.known[key] = slot
        return slot

    def _find(self, label: str, shown: str | None) -> Slot | None:
        """The claim of highest priority that knows the label takes it."""
        for claim, line in self.accepted:
            outcome = claim.read(label, shown, line)
            if isinstance(outcome, str):
                return Slot(claim, line, outcome)
        return None


class NotMapped(NamedTuple):
    """No mapping stands for the row: an editor can mend it."""

    external_market_id: str
    reason: str


class NotReadable(NamedTuple):
    """A mapping might stand for the row, but its qualifier cannot be read."""

    detail: str


Meaning = Market | NotMapped | NotReadable


class MappingIndex:
    """All active mappings at one version. ``version`` is the last audit id it was built from, 0 for none."""

    def __init__(self, mappings: Iterable[Mapping], version: int = 0) -> None:
        self.version = version
        self.size = 0
        self._claims: dict[Platform, dict[str, tuple[Claim, ...]]] = {}
        self._meanings: dict[tuple[Platform, str, str | None], Meaning] = {}
        ranked = sorted(mappings, key=_rank)
        self.size = len(ranked)
        for platform in PLATFORMS:
            grouped: defaultdict[str, list[Claim]] = defaultdict(list)
            for mapping in ranked:
                market_id = mapping.id_on(platform)
                if market_id is not None:
                    grouped[market_id].append(Claim(mapping, platform))
            self._claims[platform] = {market_id: tuple(claims) for market_id, claims in grouped.items()}

    def revised(self, gone: Iterable[Mapping], new: Iterable[Mapping], version: int) -> MappingIndex:
        """The index that all mappings of this one give without ``gone`` and with ``new``.

        What none of them claims is shared with this index, and stays remembered: the work is that of the
        change. A canonical id stands once in an index; one that changes is both gone and new.
        """
        gone, new = list(gone), list(new)
        names = {mapping.canonical_id for mapping in gone}
        revised = MappingIndex((), version)
        revised.size = self.size - len(gone) + len(new)
        touched = claimed_markets([*gone, *new])
        for platform in PLATFORMS:
            claims = self._claims[platform].copy()
            for market_id in touched[platform]:
                kept = [claim for claim in claims.pop(market_id, ()) if claim.canonical_id not in names]
                added = [Claim(mapping, platform) for mapping in new if mapping.id_on(platform) == market_id]
                if kept or added:
                    claims[market_id] = tuple(sorted(kept + added, key=lambda claim: _rank(claim.mapping)))
            revised._claims[platform] = claims
        # A copy is atomic: another thread may be remembering meanwhile.
        remembered = self._meanings.copy()
        revised._meanings = {key: known for key, known in remembered.items() if key[1] not in touched[key[0]]}
        return revised

    def claimed(self, platform: Platform) -> Container[str]:
        """The ids of the platform's markets that anybody claims."""
        return self._claims[platform]

    def claims(self, platform: Platform, market_id: str) -> tuple[Claim, ...]:
        """The claims to a platform market, highest priority first; empty when nobody claims it."""
        return self._claims[platform].get(market_id, ())

    def meaning(self, platform: Platform, market_id: str, qualifier: str | None) -> Meaning:
        """What a row's id and qualifier mean; remembered only where somebody claims the id."""
        key = (platform, market_id, qualifier)
        meaning = self._meanings.get(key)
        if meaning is not None:
            return meaning
        claims = self.claims(platform, market_id)
        meaning = interpret(claims, platform, market_id, qualifier)
        # A player market's qualifier is of one match: unclaimed, they would fill the memo within a scrape.
        if claims and (qualifier is None or len(qualifier) <= _LONGEST_QUALIFIER):
            if len(self._meanings) >= _MOST_MEANINGS:
                self._meanings.clear()
            self._meanings[key] = meaning
        return meaning

    def conflicts(self, among: Iterable[Mapping] | None = None) -> list[Conflict]:
        """Labels that two mappings of equal priority claim in the same market.

        ``among`` narrows it to the markets that these mappings claim.
        """
        touched = None if among is None else claimed_markets(among)
        return [
            conflict
            for platform, markets in self._claims.items()
            for market_id in (markets if touched is None else sorted(touched[platform]))
            for claims in [markets.get(market_id, ())]
            for position, winner in enumerate(claims)
            for loser in claims[position + 1 :]
            for conflict in _conflicts(platform, market_id, winner, loser)
        ]


def claimed_markets(mappings: Iterable[Mapping]) -> dict[Platform, set[str]]:
    """The platform markets that any of the mappings claims."""
    claimed: dict[Platform, set[str]] = {platform: set() for platform in PLATFORMS}
    for mapping in mappings:
        for platform in PLATFORMS:
            market_id = mapping.id_on(platform)
            if market_id is not None:
                claimed[platform].add(market_id)
    return claimed


def _rank(mapping: Mapping) -> tuple[int, int, str]:
    """The order of claims to one market: priority, then age."""
    return (-mapping.priority, mapping.id or 0, mapping.canonical_id)


def interpret(
    claims: tuple[Claim, ...], platform: Platform, market_id: str, qualifier: str | None
) -> Meaning:
    """What a row's id and qualifier mean to the mappings that claim the id."""
    if not claims:
        return NotMapped(market_id, "UNKNOWN_MARKET")
    params = parse_qualifier(platform, qualifier)
    read = [(claim, read_line(claim.mapping.line_rule, platform, params)) for claim in claims]
    accepted = tuple((claim, line.value) for claim, line in read if isinstance(line, Line))
    if accepted:
        return Market(accepted)
    for _, line in read:
        if isinstance(line, Unreadable):
            return NotReadable(line.reason)
    rules = [claim.mapping.line_rule for claim in claims]
    return NotMapped(foreign_id(market_id, platform, params or (), rules), "UNKNOWN_PARAM_MARKET")


def _conflicts(platform: Platform, market_id: str, winner: Claim, loser: Claim) -> list[Conflict]:
    if winner.mapping.priority != loser.mapping.priority or not _may_meet(winner, loser):
        return []
    return [
        Conflict(platform, market_id, label, winner.canonical_id, loser.canonical_id)
        for label in sorted(winner.by_label.keys() & loser.by_label.keys())
    ]


def _may_meet(one: Claim, other: Claim) -> bool:
    """Whether one row can be read by both claims.

    Not when one needs a specifier key that the other refuses, nor when a key is fixed to different values.
    """
    if _needed(one) - _allowed(other) or _needed(other) - _allowed(one):
        return False
    mine = one.mapping.line_rule.fixed_on(one.platform)
    fixed = other.mapping.line_rule.fixed_on(other.platform)
    return all(mine[key] == fixed[key] for key in mine.keys() & fixed.keys())


def _needed(claim: Claim) -> set[str]:
    rule = claim.mapping.line_rule
    key = line_key(claim.platform, rule.kind)
    return {*rule.fixed_on(claim.platform), *([key] if key else [])}


def _allowed(claim: Claim) -> set[str]:
    return _needed(claim) | claim.mapping.line_rule.free
