"""One observation against one index: what it says about canonical markets, and what it could not say.

Pure. Never raises on what a feed sends, never answers twice for one (canonical market, line), and answers
the same whatever the order of markets and outcomes in the feed.

How it works. ``resolve_rows`` sorts each row by what its id and qualifier mean (``index``): unknown ids are
misses, qualifiers that cannot be read are rejections, and the rest is a ``Market`` whose labels are read.
Nearly every row says all of its canonical markets, with labels that were seen before: then its layout is
known and its prices are taken as they are (``_Found.take``, ``whole``). All other rows are taken apart,
selection by selection (``_take_apart``, ``open``): rows that share a canonical market, labels that are
unknown, prices that cannot be used. At the end the open markets are closed, and everything is sorted, so
that the feed's order leaves no trace.

The time is in proportion to the record: everything is collected in dictionaries, and no row is visited
again for each of its neighbours.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field, replace
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple, NotRequired, TypedDict, TypeVar, cast

from worker.domain.books.odds import NO_PRICE, Odds, Price, TwoPrices, read_price
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.books.rows import (
    MissReason,
    ParsedRow,
    RejectCause,
    RejectCode,
    Rejection,
    Row,
    Rows,
    Selection,
    Side,
    abbreviate,
    clipped_id,
)
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, teams
from worker.domain.markets import (
    Claim,
    Layout,
    Market,
    MarketKey,
    NotMapped,
    NotReadable,
    PlayerDoubt,
    PlayerMarket,
    PlayerSlot,
    Slot,
    SoldAs,
    place_of,
)
from worker.domain.participants import Participant, PlayerKey, PlayerLayout, PlayerRow
from worker.domain.scope import FOOTBALL, PREMATCH_FOOTBALL, EventScope, external_id, marks_of

LONGEST_NAME: Final = 255
# Sorting all that a hostile payload can hold would keep every other thread waiting for most of a second.
MOST_REJECTED: Final = 1000
_LONGEST_LABEL: Final = 255

# One canonical market at one line, and the price of each outcome of the layout.
ResolvedMarket = tuple[Layout, Sequence[Price]]


class PlayerPrices(NamedTuple):
    """One canonical market at one line for one participant, with the price of each outcome of the layout."""

    layout: PlayerLayout
    prices: Sequence[Price]
    is_complete: bool


class PriceDocument(TypedDict):
    """The price of one canonical outcome as it is published."""

    outcome: str
    odds: Odds | None
    active: bool


class MarketDocument(TypedDict):
    """A resolved market as it is published, its outcomes in the mapping's order."""

    canonical_id: str
    line: str | None
    external_market_id: str
    outcomes: list[PriceDocument]
    complete: NotRequired[bool]


class ParticipantDocument(TypedDict):
    """A participant as it is published; what is not known is left out."""

    feed_id: NotRequired[str]
    id: NotRequired[str]
    name: str
    side: NotRequired[Side]
    key: str


class PlayerMarketDocument(TypedDict):
    """A resolved market of a participant as it is published."""

    canonical_id: str
    line: str | None
    participant: ParticipantDocument
    external_market_id: str
    outcomes: list[PriceDocument]
    complete: NotRequired[bool]


class RejectionDocument(TypedDict):
    """A rejection as it is published."""

    external_market_id: str
    line: str | None
    code: RejectCode
    detail: str
    cause: NotRequired[RejectCause]


class MissDocument(TypedDict):
    """A miss as it is published."""

    external_market_id: str
    market_name: str | None
    reason: MissReason
    outcome: NotRequired[str]


class Miss(NamedTuple):
    """A market that no mapping knows, or one outcome of a mapped market, with the rows it was seen in."""

    external_market_id: str
    market_name: str | None
    reason: MissReason
    outcome: str | None
    rows: Iterable[Row]


@dataclass(frozen=True, slots=True)
class Observation:
    """What resolve needs of an observation; ``markets`` is the platform's own form, untrusted."""

    platform: Platform
    markets: Any
    home: str | None = None
    away: str | None = None
    market_names: MappingABC[str, str] | None = None
    scope: EventScope = PREMATCH_FOOTBALL


@dataclass(slots=True)
class Resolution:
    """Every market of an observation, resolved, missed or rejected; lists in an order of their own.

    ``missed`` is what is counted of the misses: once for each external id. Of more rejections than
    MOST_REJECTED only the first are kept; ``more_rejected`` has the others by code. ``players`` are the
    markets of participants; ``players_omitted`` is how many of them were left out.
    """

    markets: list[ResolvedMarket]
    misses: list[Miss]
    rejected: list[Rejection]
    missed: list[Miss]
    more_rejected: Counter[RejectCode] = field(default_factory=Counter)
    players: Sequence[PlayerPrices] = ()
    players_omitted: int = 0

    @property
    def resolved(self) -> int:
        """How many canonical markets at a line resolved; that of many players is one."""
        return len(self.markets) + len({found.layout.place[:2] for found in self.players})

    def without_players(self) -> Resolution:
        """The same without the markets of participants, which are counted."""
        return replace(self, players=(), players_omitted=len(self.players))


def platform_rows(observation: Observation) -> Rows:
    """The rows of an observation's markets; of a value that is not the platform's container, none."""
    return BOOKS[observation.platform].rows(observation.markets, observation.market_names)


def resolve(observation: Observation, index: MappingIndex) -> Resolution:
    """Resolve every market of an observation under one index."""
    names = teams(observation.home, observation.away)
    rows = platform_rows(observation)
    return resolve_rows(rows, observation.platform, names, index, observation.scope)


def resolve_rows(
    rows: Iterable[Row | Rejection],
    platform: Platform,
    names: Teams | None,
    index: MappingIndex,
    scope: EventScope = PREMATCH_FOOTBALL,
) -> Resolution:
    """Resolve rows of one observation: all of them, or those that are to be explained."""
    found = _Found()
    claimed, unknown = index.claimed(platform, scope), found.unknown
    for row in rows:
        if isinstance(row, Rejection):
            found.rejected.add(row)
            continue
        meanings = claimed.get(row.market_id)
        if meanings is None:  # half of all rows
            unknown[row.market_id].append(row)
            continue
        meaning = meanings[row.qualifier]
        if isinstance(meaning, Market):
            found.take(row, meaning, names)
        elif isinstance(meaning, PlayerMarket):
            found.take_players(row, meaning, names)
        else:
            found.refuse(row, meaning)
    if scope.sport != FOOTBALL and unknown:
        found.mark_unknown(marks_of(scope.sport))
    return found.resolution()


def market_document(market: ResolvedMarket) -> MarketDocument:
    layout, prices = market
    said: MarketDocument = {
        "canonical_id": layout.canonical_id,
        "line": layout.line,
        "external_market_id": layout.external_id,
        "outcomes": [
            {"outcome": outcome, "odds": price.odds, "active": price.active}
            for outcome, price in zip(layout.outcomes, prices, strict=True)
        ],
    }
    return said if layout.is_complete else {**said, "complete": False}


def player_document(found: PlayerPrices) -> PlayerMarketDocument:
    layout = found.layout
    said: PlayerMarketDocument = {
        "canonical_id": layout.canonical_id,
        "line": layout.line,
        "participant": participant_document(layout.participant),
        "external_market_id": layout.external_id,
        "outcomes": [
            {"outcome": outcome, "odds": price.odds, "active": price.active}
            for outcome, price in zip(layout.outcomes, found.prices, strict=True)
        ],
    }
    return said if found.is_complete else {**said, "complete": False}


def participant_document(participant: Participant) -> ParticipantDocument:
    said = {name: value for name, value in participant._asdict().items() if value is not None}
    return cast("ParticipantDocument", said)


def miss_document(miss: Miss) -> MissDocument:
    external_id, name, reason, outcome, _ = miss
    said: MissDocument = {"external_market_id": external_id, "market_name": name, "reason": reason}
    return said if outcome is None else {**said, "outcome": outcome}


def rejection_document(rejection: Rejection) -> RejectionDocument:
    external_id, line, code, detail, cause = rejection
    said: RejectionDocument = {
        "external_market_id": external_id,
        "line": line,
        "code": code,
        "detail": detail,
    }
    return said if cause is None else {**said, "cause": cause}


class _Fault(NamedTuple):
    """Why an open market is held back."""

    detail: str
    cause: RejectCause | None = None
    code: RejectCode = "INVALID_ODDS"


class _Open:
    """A canonical market at one line, and in one variant, while its prices are being collected.

    ``claims`` are those that read it, by the id of the market that it was read from. The least id is
    published, whichever row came first. ``sold`` is what each product has under each id, of mappings with
    residuals only.
    """

    __slots__ = ("claims", "differ", "faults", "line", "prices", "products", "sold")

    def __init__(self, claim: Claim, line: str | None, market_id: str) -> None:
        self.claims = {market_id: claim}
        self.line = line
        self.prices: dict[str, Price] = {}
        self.products: defaultdict[str, set[str]] = defaultdict(set)
        self.differ: set[str] = set()
        self.faults: list[_Fault] = []
        self.sold: defaultdict[tuple[str, str | None], set[str]] = defaultdict(set)

    @property
    def market_id(self) -> str:
        return min(self.claims)

    @property
    def claim(self) -> Claim:
        return self.claims[self.market_id]

    def add(self, outcome: str, price: Price | None, raw: object, product: str | None) -> None:
        """Add what was read of ``raw``; None is a price that is active and has no usable odds."""
        if price is None:
            cause: RejectCause | None = "PRICES_DIFFER" if isinstance(raw, TwoPrices) else None
            self.faults.append(
                _Fault(f"{outcome}: {abbreviate(raw)} is not a decimal greater than 1", cause)
            )
            return
        if product is not None and price.active:
            self.products[outcome].add(product)
        known = self.prices.setdefault(outcome, price)
        if known == price:
            return
        if known.active and price.active:
            self.differ.add(outcome)
        elif not known.active:
            # What is closed says nothing against what is on offer. Of two closed prices, neither is shown.
            self.prices[outcome] = price if price.active else NO_PRICE

    def refuse(self, selection: Selection, outcome: str, against: str) -> None:
        """Hold the market back: a selection's label names one outcome, its id another."""
        label, id_ = abbreviate(selection.label), abbreviate(selection.id)
        self.faults.append(
            _Fault(
                f"{outcome}: the label {label} names it, the id {id_} names {against}",
                "LABEL_ID_DISAGREE",
            )
        )

    def refuse_line(self, selection: Selection, outcome: str) -> None:
        """Hold the market back: next to a price is another line than the market's."""
        shown = abbreviate(selection.shown_line)
        detail = f"{outcome}: the line is {self.line}, next to the price is {shown}"
        self.faults.append(_Fault(detail, "UNITS_DISAGREE", "INVALID_SPECIFIER"))

    @property
    def why_refused(self) -> list[_Fault]:
        """Why the market is held back, whichever price came first; nothing when it is not."""
        differ = [_differ(outcome, self.products[outcome]) for outcome in self.differ]
        return self.faults + differ

    @property
    def whose(self) -> str:
        """The begin of a message, which says whose market it is."""
        return ""

    def has_all(self) -> bool:
        """Whether its outcomes are exactly those that have labels here."""
        outcomes = {outcome.canonical_id for outcome in self.claim.by_label.values()}
        return self.prices.keys() == outcomes

    def leave_out_residuals(self, *, has_unknown: bool) -> list[Rejection]:
        """Take out what the other outcomes leave over, where they are others than in the mapping's list.

        It is another bet where more is listed than is known, and where something of the list is not.
        """
        refused = []
        for outcome in self.claim.residuals & self.prices.keys():
            if has_unknown:
                detail = f"{outcome}: more is listed than is known, so that it is another bet"
            elif unlisted := self._unlisted(outcome):
                detail = f"{outcome}: {min(unlisted)} is not listed, so that it is another bet"
            else:
                continue
            del self.prices[outcome]
            refused.append(_residual_differs(self.market_id, self.line, detail))
        return refused

    def _unlisted(self, residual: str) -> set[str]:
        """What is not listed wherever the residual is sold."""
        return {
            outcome
            for (market_id, _), sold in self.sold.items()
            if residual in sold
            for outcome in self.claims[market_id].unlisted(residual, sold)
        }

    def resolved(self, *, is_complete: bool) -> ResolvedMarket:
        outcomes = sorted(self.prices, key=self.claim.order.__getitem__)
        sold_as = self.market_id, None
        layout = Layout(self.claim, self.line, outcomes, sold_as, is_complete=is_complete)
        return layout, [self.prices[outcome] for outcome in outcomes]

    def rejection(self) -> Rejection:
        detail, cause, code = min(self.why_refused)
        said = f"{self.whose}{detail}"
        return Rejection(clipped_id(self.market_id), self.line, code, said, cause)


class _OpenPlayer(_Open):
    """A canonical market at one line for one participant, while its prices are being collected.

    ``participant`` is what all prices say of it, whichever came first.
    """

    __slots__ = ("is_of_several", "participant")

    def __init__(
        self, claim: Claim, line: str | None, participant: Participant, market_id: str
    ) -> None:
        super().__init__(claim, line, market_id)
        self.participant = participant
        self.is_of_several = False

    def meet(self, other: Participant) -> None:
        """Take in what another price says of the participant; hold the market back when they disagree."""
        mine = self.participant
        if mine == other:
            return
        is_same = mine.key == other.key and (mine.id == other.id or None in (mine.id, other.id))
        if not is_same or {mine.side, other.side} == {"home", "away"}:
            self.is_of_several = True
        self.participant = Participant(
            mine.feed_id,
            mine.id or other.id,
            min(mine.name, other.name),
            mine.side or other.side,
            min(mine.key, other.key),
        )

    @property
    def why_refused(self) -> list[_Fault]:
        faults = super().why_refused
        if not self.is_of_several:
            return faults
        detail = f"one id is of {abbreviate(self.participant.name)} and of another player"
        return [*faults, _Fault(detail, "PARTICIPANTS_DIFFER")]

    def has_all(self) -> bool:
        return self.prices.keys() == {pattern.outcome for pattern in self.claim.named}

    def of_player(self, *, is_complete: bool) -> PlayerPrices:
        outcomes = sorted(self.prices, key=self.claim.order.__getitem__)
        id_ = clipped_id(self.market_id)
        layout = PlayerLayout(self.claim, self.line, self.participant, outcomes, external_id=id_)
        return PlayerPrices(layout, [self.prices[outcome] for outcome in outcomes], is_complete)

    @property
    def whose(self) -> str:
        return f"{abbreviate(self.participant.name)}: "


def _differ(outcome: str, products: set[str]) -> _Fault:
    """Why an outcome with two prices that can be bet on is held back; ``products`` sell it."""
    if len(products) < 2:
        return _Fault(f"{outcome}: two prices that differ", "PRICES_DIFFER")
    said = " and ".join(sorted(products))
    return _Fault(f"{outcome}: the prices of products {said} differ", "PRODUCTS_DIFFER")


def _residual_differs(market_id: str, line: str | None, detail: str) -> Rejection:
    return Rejection(clipped_id(market_id), line, "INVALID_ODDS", detail, "RESIDUAL_DIFFERS")


_O = TypeVar("_O", bound=_Open)


class _WholePlayer(NamedTuple):
    """A participant's market of which one row gives all, and that row."""

    layout: PlayerLayout
    prices: Sequence[Price]
    row: Row


# The values of the specifiers in which rows of one canonical market may differ: free ones, and those that
# tell apart several claims of the mapping to one id.
_Variant = str


def _first_claimed(exact: dict[_Variant, _O]) -> dict[_Variant, _O]:
    """The variant of the first claim; none where one claim has several variants."""
    by_number = {market.claim.number: variant for variant, market in exact.items()}
    if not exact or len(by_number) < len(exact):
        return {}
    first = by_number[min(by_number)]
    return {first: exact[first]}


# What part of a canonical market was read from: an id, the canonical market, its line, the variant.
_PartKey = tuple[str, str, str | None, _Variant]


def _variant(claim: Claim, qualifier: str | None) -> _Variant:
    keys = claim.variant_keys
    if not keys or qualifier is None:
        return ""
    params = claim.book.parse_qualifier(qualifier) or ()
    return "|".join(sorted(f"{key}={value}" for key, value in params if key in keys))


def _part_key(claim: Claim, line: str | None, market_id: str, variant: _Variant) -> _PartKey:
    """Of a market whose labels have lines, any label says something of all of them."""
    return market_id, claim.canonical_id, None if claim.has_lines_in_labels else line, variant


# External id, reason, and the outcome if only that is missed: sorted as they are published.
_MissKey = tuple[str, MissReason, tuple[str, ...]]


class _Found:
    """What has been found so far; sets and dictionaries, so that the feed's order leaves no trace.

    Nearly always one row gives all of a canonical market, and every label of it is known. Such a market is
    ``whole``. Only when another row adds to it, or an active price of the row has no usable odds, are the
    prices collected one by one, in ``open``.
    """

    def __init__(self) -> None:
        self.whole: dict[MarketKey, ResolvedMarket] = {}
        self.open: defaultdict[MarketKey, dict[_Variant, _Open]] = defaultdict(dict)
        self.partial: set[_PartKey] = set()
        self.products: dict[MarketKey, str] = {}
        self.whole_players: dict[PlayerKey, _WholePlayer] = {}
        self.players: defaultdict[PlayerKey, dict[_Variant, _OpenPlayer]] = defaultdict(dict)
        self.unknown: defaultdict[str, list[Row]] = defaultdict(list)
        self.misses: defaultdict[_MissKey, list[Row]] = defaultdict(list)
        self.unmatched: defaultdict[SoldAs, list[Row]] = defaultdict(list)
        self.missed_as: dict[SoldAs, str] = {}
        self.matched: set[SoldAs] = set()
        self.rejected: set[Rejection] = set()

    def mark_unknown(self, marks: tuple[str, ...]) -> None:
        """Give ids that are not claimed the marks of another sport."""
        unmarked = self.unknown
        self.unknown = defaultdict(list)
        for market_id, rows in unmarked.items():
            self.unknown[external_id(market_id, marks)] = rows

    def refuse(self, row: Row, meaning: NotMapped | NotReadable) -> None:
        """Sort a row whose id is claimed, but not with its qualifier."""
        match meaning:
            case NotMapped(external_id, reason):
                self.misses[external_id, reason, ()].append(row)
            case NotReadable(detail, cause):
                said = f"{detail}: {abbreviate(row.qualifier)}"
                self.rejected.add(
                    Rejection(clipped_id(row.market_id), None, "INVALID_SPECIFIER", said, cause)
                )

    def take(self, row: Row, market: Market, names: Teams | None) -> None:
        """Sort a mapped row's prices into their canonical markets."""
        reading = row.read(self.rejected)
        if reading is None:
            return
        labels, prices, ids = reading
        layouts = market.lay_out(labels, ids, names)
        if prices is None or not layouts:
            self._take_apart(row, market, names)
            return
        for layout in layouts:
            place, pick = layout.place, layout.pick
            kept = layout, prices if pick is None else pick(prices)
            if place in self.open or self.whole.setdefault(place, kept) is not kept:
                self._take_apart(
                    row, market, names
                )  # what is kept of it already is the same price again
                return
            if row.product is not None:
                self.products[place] = row.product

    def take_players(self, row: Row, market: PlayerMarket, names: Teams | None) -> None:
        """Sort the prices of a row that may name players."""
        reading = row.read(self.rejected)
        if reading is None:
            return
        labels, prices, ids = reading
        known = None if prices is None else market.known_row(labels, ids, row.sides, names)
        if prices is None or known is None or not self._take_known(row, known, prices):
            self._take_players_apart(row, market, names)

    def _take_known(self, row: Row, known: PlayerRow, prices: Sequence[Price]) -> bool:
        """Whether no other row speaks of these players' markets; if one does, the row is to be taken apart.

        What is kept of it already is then the same price again.
        """
        whole, opened = self.whole_players, self.players
        for layout in known.layouts:
            kept = _WholePlayer(layout, [prices[at] for at in layout.positions], row)
            place = layout.place
            if place in opened or whole.setdefault(place, kept) is not kept:
                return False
        for slot, at in known.others:
            self._open(row, slot).add(slot.outcome, prices[at], None, row.product)
        return True

    def _take_players_apart(self, row: Row, market: PlayerMarket, names: Teams | None) -> None:
        lacking = []
        variants: dict[Claim, _Variant] = {}
        for selection in row.selections:
            slot = market.slot(selection, names)
            match slot:
                case None:
                    if not self._refuse_player_line(
                        row, market.slot_elsewhere(selection, names), selection
                    ):
                        lacking.append(selection)
                case PlayerSlot(claim=claim):
                    if claim not in variants:
                        variants[claim] = _variant(claim, row.qualifier)
                    price = read_price(selection.odds, active=selection.active)
                    opened = self._open_player(row, slot, variants[claim])
                    opened.add(slot.outcome, price, selection.odds, row.product)
                case PlayerDoubt():
                    self._doubt(row, slot)
                case Slot():
                    self._price(row, slot, selection)
        self._sort_lacking(row, market.market, lacking)

    def _refuse_player_line(
        self, row: Row, slot: Slot | PlayerSlot | PlayerDoubt | None, selection: Selection
    ) -> bool:
        """Hold back the market of a price next to which is another line; false where it is of none."""
        match slot:
            case PlayerSlot():
                market: _Open = self._open_player(row, slot, _variant(slot.claim, row.qualifier))
            case Slot():
                market = self._open(row, slot)
            case _:
                return False
        market.refuse_line(selection, slot.outcome)
        return True

    def _open_player(self, row: Row, slot: PlayerSlot, variant: _Variant) -> _OpenPlayer:
        """The open market of a participant that a price of the row belongs to."""
        claim, line, _, participant = slot
        place = claim.canonical_id, line, participant.identity
        if place in self.whole_players:
            self._collect_player(place)
        variants = self.players[place]
        market = variants.get(variant)
        if market is None:
            market = variants[variant] = _OpenPlayer(claim, line, participant, row.market_id)
        else:
            market.claims.setdefault(row.market_id, claim)
            market.meet(participant)
        return market

    def _collect_player(self, place: PlayerKey) -> None:
        """Take a participant's whole market's prices one by one: another row adds to it."""
        layout, prices, row = self.whole_players.pop(place)
        claim = layout.claim
        market = _OpenPlayer(claim, layout.line, layout.participant, row.market_id)
        self.players[place][_variant(claim, row.qualifier)] = market
        for outcome, price in zip(layout.outcomes, prices, strict=True):
            market.add(outcome, price, None, row.product)
        self.matched.add((row.market_id, row.qualifier))

    def _doubt(self, row: Row, doubt: PlayerDoubt) -> None:
        detail = f"{abbreviate(doubt.name)}: {doubt.detail}"
        id_ = clipped_id(row.market_id)
        self.rejected.add(Rejection(id_, doubt.line, "INVALID_ODDS", detail, "PARTICIPANTS_DIFFER"))

    def _take_apart(self, row: Row, market: Market, names: Teams | None) -> None:
        lacking = []
        for selection in row.selections:
            slot = market.slot(selection.label, selection.shown_line, names, selection.id)
            if slot is not None:
                self._price(row, slot, selection)
            elif (elsewhere := market.slot_elsewhere(selection, names)) is not None:
                self._open(row, elsewhere).refuse_line(selection, elsewhere.outcome)
            else:
                lacking.append(selection)
        self._sort_lacking(row, market, lacking)

    def _sort_lacking(self, row: Row, market: Market, lacking: list[Selection]) -> None:
        """Note what of a row's selections no mapping knows."""
        sold_as = (row.market_id, row.qualifier)
        if len(lacking) < len(row.selections):
            self.matched.add(sold_as)
        if lacking or not row.selections:
            missed = ParsedRow(row.market_id, row.qualifier, row.name, lacking)
            self.unmatched[sold_as].append(missed)
            self.missed_as[sold_as] = market.missed_as
        if lacking or row.is_partial:
            self.partial |= {
                _part_key(claim, line, row.market_id, _variant(claim, row.qualifier))
                for claim, line in market.accepted
            }

    def _price(self, row: Row, slot: Slot, selection: Selection) -> None:
        market = self._open(row, slot)
        if slot.against is not None:
            market.refuse(selection, slot.outcome, slot.against)
            return
        price = read_price(selection.odds, active=selection.active)
        market.add(slot.outcome, price, selection.odds, row.product)

    def _open(self, row: Row, slot: Slot) -> _Open:
        """The open market that a price of the row belongs to."""
        claim, line = slot.claim, slot.line
        place = place_of(claim, line)
        if place in self.whole:
            self._collect(place)
        variants, variant = self.open[place], _variant(claim, row.qualifier)
        market = variants.get(variant)
        if market is None:
            market = variants[variant] = _Open(claim, line, row.market_id)
        market.claims.setdefault(row.market_id, claim)
        if claim.residuals:
            market.sold[row.market_id, row.product].add(slot.outcome)
        return market

    def _collect(self, place: MarketKey) -> None:
        """Take a whole market's prices one by one: another row adds to it."""
        layout, prices = self.whole.pop(place)
        market_id, qualifier = layout.sold_as
        market = _Open(layout.claim, layout.line, market_id)
        self.open[place][_variant(layout.claim, qualifier)] = market
        product = self.products.get(place)
        for outcome, price in zip(layout.outcomes, prices, strict=True):
            market.add(outcome, price, None, product)
        if layout.claim.residuals:
            market.sold[market_id, product].update(layout.outcomes)
        self.matched.add(layout.sold_as)

    def resolution(self) -> Resolution:
        if self.unmatched:
            self._sort_unmatched()
        if self.partial:
            self._mark_partial()
        if self.open:
            self._close()
        players = self._close_players() if self.players or self.whole_players else ()
        misses = self._missed()
        rejected = heapq.nsmallest(MOST_REJECTED, self.rejected, key=_rejection_order)
        return Resolution(
            markets=[self.whole[place] for place in sorted(self.whole)],
            misses=misses,
            rejected=rejected,
            missed=_counted(misses),
            more_rejected=_codes(self.rejected) - _codes(rejected),
            players=players,
        )

    def _close(self) -> None:
        for place, variants in self.open.items():
            kept = variants if len(variants) == 1 else self._of_variants(variants)
            for variant, market in kept.items():
                if market.why_refused:
                    self.rejected.add(market.rejection())
                else:
                    is_complete = self._is_complete(market, variant)
                    refused = market.leave_out_residuals(has_unknown=not is_complete)
                    self.rejected.update(refused)
                    if market.prices:
                        # Of a market of players, the other outcomes are with these.
                        is_complete = is_complete and not refused and not market.claim.named
                        self.whole[place] = market.resolved(is_complete=is_complete)

    def _close_players(self) -> Sequence[PlayerPrices]:
        partial_ids = {market_id for market_id, *_ in self.partial}
        closed = [
            PlayerPrices(
                layout,
                prices,
                is_complete=row.market_id not in partial_ids or self._is_whole(layout, row),
            )
            for layout, prices, row in self.whole_players.values()
        ]
        for variants in self.players.values():
            kept = variants if len(variants) == 1 else self._of_variants(variants)
            for variant, market in kept.items():
                if market.why_refused:
                    self.rejected.add(market.rejection())
                else:
                    is_complete = self._is_complete(market, variant)
                    closed.append(market.of_player(is_complete=is_complete))
        return sorted(closed, key=attrgetter("layout.order"))

    def _is_whole(self, layout: PlayerLayout, row: Row) -> bool:
        claim = layout.claim
        variant = _variant(claim, row.qualifier)
        return _part_key(claim, layout.line, row.market_id, variant) not in self.partial

    def _of_variants(self, variants: dict[_Variant, _O]) -> dict[_Variant, _O]:
        """Of rows that are different variants, the one that has just the outcomes that have labels for it.

        They are different markets, which are never merged; the others are refused. If the mapping has a claim
        of its own for each variant, several may be whole: then the first of these claims is taken.
        """
        exact = {
            variant: market
            for variant, market in variants.items()
            if market.has_all() and not market.why_refused and self._is_complete(market, variant)
        }
        kept = _first_claimed(exact)
        for variant in sorted(variants.keys() - kept.keys()):
            market = variants[variant]
            detail = (
                f"{market.whose}another variant of a market that is there: {abbreviate(variant)}"
            )
            id_ = clipped_id(market.market_id)
            self.rejected.add(
                Rejection(id_, market.line, "INVALID_SPECIFIER", detail, "VARIANTS_DIFFER")
            )
        return kept

    def _is_complete(self, market: _Open, variant: _Variant) -> bool:
        keys = {
            _part_key(claim, market.line, market_id, variant)
            for market_id, claim in market.claims.items()
        }
        return self.partial.isdisjoint(keys)

    def _mark_partial(self) -> None:
        """Mark the whole markets of which another row of their id and line has something that is not read."""
        for place, (layout, prices) in list(self.whole.items()):
            market_id, qualifier = layout.sold_as
            variant = _variant(layout.claim, qualifier)
            if _part_key(layout.claim, layout.line, market_id, variant) not in self.partial:
                continue
            if layout.claim.residuals.isdisjoint(layout.outcomes):
                self.whole[place] = layout.incomplete(), prices
            else:
                self._collect(place)  # its residual is left out when it is closed

    def _sort_unmatched(self) -> None:
        """Of a market whose other labels are known, each unknown label is missed; of others, the market."""
        matched = self.matched | {layout.sold_as for layout, _ in self.whole.values()}
        for _, _, row in self.whole_players.values():
            matched.add((row.market_id, row.qualifier))
        for sold_as, rows in self.unmatched.items():
            missed_as = self.missed_as[sold_as]
            for row in rows:
                if sold_as not in matched:
                    self.misses[missed_as, "NO_MATCHING_OUTCOMES", ()].append(row)
                    continue
                for label in {selection.label for selection in row.selections}:
                    self.misses[missed_as, "NO_MATCHING_OUTCOMES", (label,)].append(row)

    def _missed(self) -> list[Miss]:
        """The misses as they are published, sorted by id, reason and outcome."""
        unknown = self.unknown
        found = [_miss(id_, "UNKNOWN_MARKET", None, unknown[id_]) for id_ in sorted(unknown)]
        if self.misses:
            for (id_, reason, outcome), rows in sorted(self.misses.items(), key=itemgetter(0)):
                found.append(
                    _miss(id_, reason, outcome[0][:_LONGEST_LABEL] if outcome else None, rows)
                )
            found.sort(key=itemgetter(0))
        return found


def _miss(external_id: str, reason: MissReason, outcome: str | None, rows: list[Row]) -> Miss:
    # Its own constructor takes three times as long, and there are a hundred in an observation.
    return tuple.__new__(Miss, (clipped_id(external_id), _name(rows), reason, outcome, rows))


def _counted(misses: list[Miss]) -> list[Miss]:
    """The misses, of each external id the first with the rows of all."""
    ids = [miss.external_market_id for miss in misses]
    if len(set(ids)) == len(ids):
        return misses
    first: dict[str, Miss] = {}
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for id_, miss in zip(ids, misses, strict=True):
        first.setdefault(id_, miss)
        rows[id_] += miss.rows
    return [miss._replace(rows=_distinct(rows[id_])) for id_, miss in first.items()]


def _distinct(rows: list[Row]) -> list[Row]:
    """Each row once: a row with several unknown labels is in the rows of each of them."""
    return list({id(row): row for row in rows}.values())


def _codes(rejections: Iterable[Rejection]) -> Counter[RejectCode]:
    return Counter(rejection.code for rejection in rejections)


def _rejection_order(rejection: Rejection) -> tuple[bool, str, str, str, str]:
    """What could not even be read comes last, so that it never crowds out the rest."""
    external_id, line, code, detail, _ = rejection
    return code == "INVALID_KEY_FORMAT", external_id, line or "", code, detail


def _name(rows: list[Row]) -> str | None:
    """The least of the names that the rows carry: nearly always they carry one."""
    if len(rows) == 1:
        name = rows[0].name
    else:
        name = min({name for row in rows if (name := row.name) is not None}, default=None)
    return None if name is None else name[:LONGEST_NAME]
