"""One observation against one index: what it says about canonical markets, and what it could not say.

Pure. Never raises on what a feed sends, never answers twice for one (canonical market, line), and answers the
same whatever the order of markets and outcomes in the feed.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple, NotRequired, TypedDict

from worker.domain import bet9ja, betpawa, sportybet
from worker.domain.index import Claim, MappingIndex, Market, NotMapped, NotReadable, Slot
from worker.domain.labels import Teams, teams
from worker.domain.odds import Odds, parse_odds
from worker.domain.platforms import Platform
from worker.domain.rows import RejectCode, Rejection, Row, Rows, Selection, shown

LONGEST_ID: Final = 100
LONGEST_NAME: Final = 255
# Sorting all that a hostile payload can hold would keep every other thread waiting for most of a second.
MOST_REJECTED: Final = 1000
_LONGEST_LABEL: Final = 255


class Price(TypedDict):
    outcome: str
    odds: Odds | None
    active: bool


class ResolvedMarket(TypedDict):
    """One canonical market at one line, its outcomes in the mapping's order."""

    canonical_id: str
    line: str | None
    external_market_id: str
    outcomes: list[Price]


class MissEntry(TypedDict):
    """A market, or one outcome of a mapped market, that no mapping knows."""

    external_market_id: str
    market_name: str | None
    reason: str
    outcome: NotRequired[str]


class Missed(NamedTuple):
    """A missed market as it is counted: once for each observation, with the rows it was seen in."""

    external_market_id: str
    market_name: str | None
    reason: str
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Observation:
    """What resolve needs of an observation; ``markets`` is the platform's own form, untrusted."""

    platform: Platform
    markets: Any
    home: str | None = None
    away: str | None = None
    market_names: MappingABC[str, str] | None = None


@dataclass(slots=True)
class Resolution:
    """Every market of an observation, resolved, missed or rejected; lists in an order of their own.

    Of more rejections than MOST_REJECTED only the first are kept; ``more_rejected`` has the others by code.
    """

    markets: list[ResolvedMarket]
    misses: list[MissEntry]
    rejected: list[Rejection]
    missed: list[Missed]
    more_rejected: Counter[RejectCode] = field(default_factory=Counter)


def platform_rows(observation: Observation) -> Rows:
    """The rows of an observation's markets; of a value that is not the platform's container, none."""
    markets = observation.markets
    match observation.platform:
        case "sportybet":
            return sportybet.rows(markets if type(markets) is list else [])
        case "betpawa":
            return betpawa.rows(markets if type(markets) is list else [])
        case "bet9ja":
            return bet9ja.rows(markets if type(markets) is dict else {}, observation.market_names)


def resolve(observation: Observation, index: MappingIndex) -> Resolution:
    """Resolve every market of an observation under one index."""
    names = teams(observation.home, observation.away)
    return resolve_rows(platform_rows(observation), observation.platform, names, index)


def resolve_rows(rows: Rows, platform: Platform, names: Teams | None, index: MappingIndex) -> Resolution:
    """Resolve rows of one observation: all of them, or those that are to be explained."""
    found = _Found()
    for row in rows:
        if isinstance(row, Rejection):
            found.rejected.add(row)
            continue
        meaning = index.meaning(platform, row.market_id, row.qualifier)
        match meaning:
            case Market():
                found.take(row, meaning, names)
            case NotMapped(external_id, reason):
                found.miss(external_id, reason, None, row)
            case NotReadable(detail):
                said = f"{detail}: {shown(row.qualifier)}"
                found.reject(Rejection(_clip_id(row.market_id), None, "INVALID_SPECIFIER", said))
    return found.resolution()


class _Open:
    """A canonical market at one line while its prices are being collected."""

    __slots__ = ("claim", "external_id", "faults", "line", "prices")

    def __init__(self, claim: Claim, line: str | None, external_id: str) -> None:
        self.claim = claim
        self.line = line
        self.external_id = external_id
        self.prices: dict[str, tuple[Odds | None, bool]] = {}
        self.faults: list[str] = []

    def add(self, outcome: str, raw: object, *, active: bool) -> None:
        odds = parse_odds(raw)
        if active and odds is None:
            self.faults.append(f"{outcome}: {shown(raw)} is not a decimal greater than 1")
        price = (odds, active)
        if self.prices.setdefault(outcome, price) != price:
            self.faults.append(f"{outcome}: two prices that differ")

    def resolved(self) -> ResolvedMarket:
        order = self.claim.order
        return {
            "canonical_id": self.claim.canonical_id,
            "line": self.line,
            "external_market_id": self.external_id,
            "outcomes": [
                {"outcome": outcome, "odds": odds, "active": active}
                for outcome, (odds, active) in sorted(self.prices.items(), key=lambda item: order[item[0]])
            ],
        }

    def rejection(self) -> Rejection:
        return Rejection(self.external_id, self.line, "INVALID_ODDS", min(self.faults))


_MissKey = tuple[str, str, str | None]


class _Found:
    """What has been found so far; sets and dictionaries, so that the feed's order leaves no trace."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, str | None], _Open] = {}
        self.misses: dict[_MissKey, list[Row]] = {}
        self.unmatched: dict[tuple[str, str | None], list[Row]] = {}
        self.matched: set[tuple[str, str | None]] = set()
        self.rejected: set[Rejection] = set()

    def reject(self, rejection: Rejection) -> None:
        self.rejected.add(rejection)

    def miss(self, external_id: str, reason: str, outcome: str | None, row: Row) -> None:
        self.misses.setdefault((external_id, reason, outcome), []).append(row)

    def take(self, row: Row, market: Market, names: Teams | None) -> None:
        """Sort a mapped row's prices into their canonical markets."""
        known = market.known
        lacking = []
        for selection in row.selections:
            slot = known.get((selection.label, selection.beside)) or market.slot(
                selection.label, selection.beside, names
            )
            if slot is None:
                lacking.append(selection)
            else:
                self._price(row, slot, selection)
        place = (row.market_id, row.qualifier)
        if len(lacking) < len(row.selections):
            self.matched.add(place)
        if lacking or not row.selections:
            self.unmatched.setdefault(place, []).append(row._replace(selections=lacking))

    def _price(self, row: Row, slot: Slot, selection: Selection) -> None:
        place = (slot.claim.canonical_id, slot.line)
        market = self.open.get(place)
        if market is None:
            market = self.open[place] = _Open(slot.claim, slot.line, _clip_id(row.market_id))
        market.add(slot.outcome, selection.odds, active=selection.active)

    def resolution(self) -> Resolution:
        self._sort_unmatched()
        markets = sorted(self.open.values(), key=lambda m: (m.claim.canonical_id, m.line or ""))
        self.rejected.update(market.rejection() for market in markets if market.faults)
        rejected = heapq.nsmallest(MOST_REJECTED, self.rejected, key=_rejection_order)
        return Resolution(
            markets=[market.resolved() for market in markets if not market.faults],
            misses=[_entry(key, rows) for key, rows in sorted(self.misses.items(), key=_miss_order)],
            rejected=rejected,
            missed=self._missed(),
            more_rejected=_codes(self.rejected) - _codes(rejected),
        )

    def _sort_unmatched(self) -> None:
        """Of a market whose other labels are known, each unknown label is missed; of others, the market."""
        for place, rows in self.unmatched.items():
            for row in rows:
                if place not in self.matched:
                    self.miss(row.market_id, "NO_MATCHING_OUTCOMES", None, row)
                    continue
                for label in {selection.label for selection in row.selections}:
                    self.miss(row.market_id, "NO_MATCHING_OUTCOMES", label, row)

    def _missed(self) -> list[Missed]:
        counted: dict[str, Missed] = {}
        for (external_id, reason, _), rows in sorted(self.misses.items(), key=_miss_order):
            clipped = _clip_id(external_id)
            known = counted.get(clipped)
            if known is None:
                counted[clipped] = Missed(clipped, _name(rows), reason, list(rows))
            else:
                known.rows.extend(rows)
        return list(counted.values())


def _codes(rejections: Iterable[Rejection]) -> Counter[RejectCode]:
    return Counter(rejection.code for rejection in rejections)


def _rejection_order(rejection: Rejection) -> tuple[bool, str, str, str, str]:
    """What could not even be read comes last, so that it never crowds out the rest."""
    external_id, line, code, detail = rejection
    return code == "INVALID_KEY_FORMAT", external_id, line or "", code, detail


def _miss_order(item: tuple[_MissKey, list[Row]]) -> tuple[str, str, str]:
    external_id, reason, outcome = item[0]
    return external_id, reason, outcome or ""


def _entry(key: _MissKey, rows: list[Row]) -> MissEntry:
    external_id, reason, outcome = key
    entry: MissEntry = {
        "external_market_id": _clip_id(external_id),
        "market_name": _name(rows),
        "reason": reason,
    }
    if outcome is not None:
        entry["outcome"] = outcome[:_LONGEST_LABEL]
    return entry


def _name(rows: list[Row]) -> str | None:
    """The least of the names that the rows carry: nearly always they carry one."""
    name = min((row.name for row in rows if row.name is not None), default=None)
    return None if name is None else name[:LONGEST_NAME]


def _clip_id(external_id: str) -> str:
    """An id that fits its column: a longer one keeps its head and a digest, so that it stays distinct."""
    if len(external_id) <= LONGEST_ID:
        return external_id
    digest = blake2b(external_id.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{external_id[: LONGEST_ID - 17]}~{digest}"
