"""What a platform's market means: the mappings that claim it, their lines, and which label is which
outcome.

It is worked out once and remembered, because the same market shapes come back in every event. The memory is
bounded and holds only what does not depend on the event.

How it works. A ``Claim`` is one mapping's labels on one platform. ``interpret`` holds a qualifier against
the line rules of all claims to an id: those that accept it make a ``Market``, each with the line it reads.
A market finds the ``Slot`` of a label (claim, line, outcome) and remembers it in ``known``. A whole row of
known labels is a ``Layout`` for each claim that it speaks of: which outcomes it prices, in which order, and
the JSON of the market with gaps for the prices. The next row with the same labels costs one dictionary
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from json import dumps
from operator import itemgetter
from typing import Final, NamedTuple

from worker.domain.books.lines import parse_at_least, parse_line
from worker.domain.books.odds import Price
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.books.rows import (
    Label,
    MissReason,
    OutcomeIds,
    ParticipantIds,
    RejectCause,
    Selection,
    Side,
    clipped_id,
    label_parts,
)
from worker.domain.further_ids import ids_with_lines
from worker.domain.labels import (
    LabelReading,
    LineText,
    Teams,
    agrees,
    fold,
    is_foreign,
    may_say,
    name_roles,
    parse_shown_line,
    readings,
    row_roles,
    tokens_of,
    words_of,
)
from worker.domain.line_rule import IN_LABELS
from worker.domain.mapping import Mapping, MarketClaim, OutcomeLabels
from worker.domain.participants import (
    Disagreement,
    NamePattern,
    Participant,
    PlayerLayout,
    PlayerRow,
    holds_player,
    name_pattern,
    participant,
    read_name,
    remembered,
    row_key,
    team_with_number,
)
from worker.domain.scope import external_id
from worker.domain.specifier import Line, UnreadableLine, foreign_parts, parse_qualifier, read_line

_MOST_QUALIFIERS: Final = 256
_MOST_LABELS: Final = 512
_MOST_LAYOUTS: Final = 8
_LONGEST_OUTCOME_ID: Final = 100  # of those that are remembered
_LONGEST_QUALIFIER: Final = 1000
_NO_LINES: Final[dict[str, str]] = {}
# Labels with lines of their own go up to 99+.
_LINES_IN_LABELS: Final = tuple(f"{number}.5" for number in range(99))
# No label of a mapping, with the longest team names in it, comes near.
LONGEST_LABEL: Final = 1000


class Contradiction(NamedTuple):
    """A label that names ``outcome``, but carries another line than its market."""

    outcome: str


class ShownPlayer(NamedTuple):
    """What a label shows that names a player: the outcome, the name, the number ("2+"), the line."""

    outcome: str
    name: str
    number: str | None
    line: str | None


class Claim:
    """One mapping's claim to a platform market: its labels there, folded as the platform's are compared.

    ``line_by_id`` has the lines of ids that name one, where each label has a line of its own.
    ``variant_keys`` are the specifiers by whose values its rows are different markets; ``number`` is its
    place among the mapping's claims to this id, which differ in fixed specifiers.
    """

    __slots__ = (
        "book",
        "by_id",
        "by_label",
        "canonical_id",
        "line_by_id",
        "mapping",
        "named",
        "number",
        "order",
        "platform",
        "rule",
        "scope",
        "variant_keys",
    )

    def __init__(self, mapping: Mapping, claimed: MarketClaim) -> None:
        self.mapping = mapping
        self.platform = claimed.platform
        self.scope = claimed.scope
        self.rule = claimed.rule
        self.book = BOOKS[claimed.platform]
        self.canonical_id = mapping.canonical_id
        self.named: Sequence[NamePattern] = ()
        labels = claimed.labels
        if mapping.participant is not None:
            self.named = _patterns(labels)
            labels = tuple([pair for pair in labels if not holds_player(pair[0])])
        self.by_label: dict[str, OutcomeLabels] = {
            fold(label) if self.book.folds_labels else label: outcome for label, outcome in labels
        }
        self.by_id = dict(claimed.outcome_ids)
        self.line_by_id = _NO_LINES
        if self.has_lines_in_labels and self.by_id:
            self._spell_ids_out()
        self.number = claimed.number
        self.variant_keys = claimed.rule.free | claimed.told_apart_by
        self.order = claimed.order

    def _spell_ids_out(self) -> None:
        """Put the ids that have a number in the place of those that stand for them."""
        written, self.by_id, self.line_by_id = self.by_id, {}, {}
        for outcome_id, outcome in written.items():
            for each, line in ids_with_lines(outcome_id):
                self.by_id[each] = outcome
                if line is not None:
                    self.line_by_id[each] = line

    @property
    def is_of_players(self) -> bool:
        return self.mapping.participant is not None

    @property
    def residuals(self) -> AbstractSet[str]:
        """Outcomes that are what the others leave over: another bet wherever others are listed."""
        traits = self.mapping.traits
        return frozenset() if traits is None else traits.residuals.keys()

    def unlisted(self, residual: str, sold: Iterable[str]) -> set[str]:
        """What the list of a residual has that is not ``sold``: the residual is another bet then."""
        listed = {outcome.canonical_id for outcome in self.by_label.values()}
        return listed - self.residuals - set(sold) if residual in listed else set()

    @property
    def known_labels(self) -> set[str]:
        """Every label that it knows; those that name players as the mapping has them."""
        return {*self.by_label, *(pattern.label for pattern in self.named)}

    def readings(self, label: str) -> list[LabelReading]:
        """Every way in which this claim may read a label."""
        if not self.book.folds_labels:
            return [LabelReading(label, ())]
        return readings(label, self.rule.kind if self.book.shows_lines else "none")

    def read(self, label: str, shown: str | None, line: str | None) -> str | Contradiction | None:
        """The canonical outcome that ``label`` names in this market at ``line``; None when it names none."""
        extra = (parse_shown_line(shown),) if shown is not None else ()
        for words, lines in self.readings(label):
            known = self.by_label.get(words)
            if known is not None and (lines or not self.has_lines_in_labels):
                agree = self._agrees((*lines, *extra), line, known.side)
                return known.canonical_id if agree else Contradiction(known.canonical_id)
        return None

    def shows(self, shown_line: str | None, line: str | None) -> bool:
        """Whether what is shown next to a price is the line of its market."""
        if shown_line is None or self.has_lines_in_labels:
            return shown_line is None
        return self._agrees((parse_shown_line(shown_line),), line, "")

    def may_name(
        self, outcome: OutcomeLabels, label: str, shown: str | None, line: str | None
    ) -> bool:
        """Whether a label that cannot be read says nothing against the outcome that its id names."""
        if not self.book.folds_labels or self.has_lines_in_labels:
            return False
        extra = (parse_shown_line(shown),) if shown is not None else ()
        words, lines = self.readings(label)[0]
        return self._agrees((*lines, *extra), line, outcome.side) and any(
            may_say(words, known, line, _tokens(self))
            for known, of in self.by_label.items()
            if of.canonical_id == outcome.canonical_id
        )

    @property
    def has_lines_in_labels(self) -> bool:
        """Whether each label has a line of its own ("3+"), so that one row is several lines."""
        return self.rule.source == IN_LABELS

    def line_in(self, label: str, line: str | None) -> str | None:
        """The line of a label that this claim reads, in a market at ``line``."""
        if not self.has_lines_in_labels:
            return line
        shown = next(
            lines[0].text
            for words, lines in self.readings(label)
            if words in self.by_label and lines
        )
        return parse_at_least(shown)

    def player_in(self, label: str, line: str | None) -> ShownPlayer | None:
        """What a label that names a player says, in a market at ``line``; None when it names none."""
        for pattern in self.named:
            match = pattern.expression.fullmatch(label)
            if match is not None:
                number = match.groupdict().get("number")
                at = parse_at_least(number or "") if self.has_lines_in_labels else line
                if at is None and self.has_lines_in_labels:
                    return None
                return ShownPlayer(pattern.outcome, match["name"], number, at)
        return None

    def _agrees(self, lines: tuple[LineText, ...], line: str | None, side: str) -> bool:
        rule = self.rule
        if self.has_lines_in_labels:
            return len({parse_at_least(shown.text) for shown in lines}) == 1
        if rule.kind == "none" and self.book.zero_is_no_line:
            # What is shown next to a price is the number that names the market, or 0 for no line.
            named = map(parse_line, rule.fixed_on(self.platform).values() or ["0"])
            allowed = {(None, number) for number in named}
            return all((shown.side, parse_line(shown.text)) in allowed for shown in lines)
        return all(agrees(shown, line, rule.kind, side) for shown in lines)


def _patterns(labels: Iterable[tuple[str, OutcomeLabels]]) -> Sequence[NamePattern]:
    """The labels that name players, those with the most words around the name first."""
    named = [(label, outcome.canonical_id) for label, outcome in labels if holds_player(label)]
    return [name_pattern(*each) for each in sorted(named, key=lambda each: (-len(each[0]), each))]


@lru_cache(maxsize=1024)
def _words(claim: Claim) -> frozenset[str]:
    return frozenset(word for label in claim.by_label for word in words_of(label))


@lru_cache(maxsize=1024)
def _tokens(claim: Claim) -> frozenset[str]:
    return frozenset(token for label in claim.by_label for token in tokens_of(label))


class Slot(NamedTuple):
    """Where a price belongs: the claim, the line, the canonical outcome.

    ``against`` is what the selection's id names instead, another outcome, line or team: such a price belongs
    nowhere.
    """

    claim: Claim
    line: str | None
    outcome: str
    against: str | None = None


# How a canonical market at one line sorts: by its id, then its line; an id holds no NUL.
MarketKey = str
# What a selection is known by: its label, the line next to it, and its id where a mapping names it.
_Known = tuple[str, str | None, str | None]
_Row = tuple[tuple[Label, ...], OutcomeIds]
# A platform's id of a market, and its qualifier.
SoldAs = tuple[str, str | None]
Pick = Callable[[Sequence[Price]], Sequence[Price]]


def place_of(claim: Claim, line: str | None) -> MarketKey:
    return f"{claim.canonical_id}\0{line or ''}"


class Layout:
    """What a row says of one canonical market: which of the mapping's outcomes it prices, in their order.

    ``pieces`` are the market's JSON cut where prices go: every second one, from the second on, is to be
    replaced by a price; a comma ends it. ``pick`` takes from a row's prices those of these outcomes, in this
    order; None when they are just these. ``is_complete`` is false of a market of which not all could be read.
    ``lacks_listed`` is true where a residual is sold without something of its list.
    """

    __slots__ = (
        "claim",
        "external_id",
        "is_complete",
        "lacks_listed",
        "line",
        "outcomes",
        "pick",
        "pieces",
        "place",
        "sold_as",
    )

    def __init__(
        self,
        claim: Claim,
        line: str | None,
        outcomes: Sequence[str],
        sold_as: SoldAs,
        pick: Pick | None = None,
        *,
        is_complete: bool = True,
    ) -> None:
        self.claim = claim
        self.is_complete = is_complete
        self.line = line
        self.outcomes = tuple(outcomes)
        self.sold_as = sold_as
        self.external_id = clipped_id(sold_as[0])
        self.place = place_of(claim, line)
        self.pick = pick
        self.pieces = self._pieces()
        residuals = claim.residuals & set(self.outcomes)
        self.lacks_listed = any(claim.unlisted(residual, self.outcomes) for residual in residuals)

    @property
    def canonical_id(self) -> str:
        return self.claim.canonical_id

    def _pieces(self) -> list[str]:
        before = market_begins(self.claim, self.line, self.external_id)
        pieces = []
        for outcome in self.outcomes:
            pieces += [before + outcome_begins(outcome), ""]
            before = "},"
        return [*pieces, "}]}," if self.is_complete else '}],"complete":false},']

    def incomplete(self) -> Layout:
        """The layout of the same prices, of which it is known that there are more."""
        return Layout(self.claim, self.line, self.outcomes, self.sold_as, is_complete=False)


def _with_whole_lists(layouts: Sequence[Layout]) -> Sequence[Layout]:
    """The layouts; none where one has a residual without its whole list, which another row may have."""
    return () if any(layout.lacks_listed for layout in layouts) else layouts


def market_begins(claim: Claim, line: str | None, external_id: str) -> str:
    """The JSON of a market before its first outcome."""
    market = {"canonical_id": claim.canonical_id, "line": line, "external_market_id": external_id}
    return f'{_json(market)[:-1]},"outcomes":['


def outcome_begins(outcome: str) -> str:
    """The JSON of an outcome before its price."""
    return f'{{"outcome":{_json(outcome)},'


def _json(value: object) -> str:
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


def _pick(positions: Sequence[int], of: int) -> Pick | None:
    if list(positions) == list(range(of)):
        return None
    if len(positions) == 1:
        only = slice(positions[0], positions[0] + 1)
        return itemgetter(only)
    return itemgetter(*positions)


class Market:
    """What one (id, qualifier) of a platform means: the claims that accept it, each with its line.

    ``known`` remembers what labels say without the names of an event's teams, ``layouts`` the rows of which
    every label does. ``by_id`` remembers what the ids of labels that cannot be read say; names come first.
    ``ids`` are those that a mapping names: all others say nothing. ``as_sent`` has some of ``layouts`` by the
    row's labels and all of its ids.
    ``missed_as`` is the external id of what is missed in it.
    """

    __slots__ = ("accepted", "as_sent", "by_id", "ids", "known", "layouts", "missed_as", "sold_as")

    def __init__(
        self, sold_as: SoldAs, accepted: tuple[tuple[Claim, str | None], ...], missed_as: str
    ) -> None:
        self.sold_as = sold_as
        self.missed_as = missed_as
        self.accepted = accepted
        self.ids = frozenset(each for claim, _ in accepted for each in claim.by_id)
        self.known: dict[_Known, Slot | None] = {}
        self.by_id: dict[_Known, Slot | None] = {}
        self.layouts: dict[_Row, Sequence[Layout]] = {}
        self.as_sent: dict[_Row, Sequence[Layout]] = {}

    def lay_out(
        self, labels: tuple[Label, ...], ids: OutcomeIds, names: Teams | None
    ) -> Sequence[Layout]:
        """What a row with these labels and ids says, for each of the claims that it speaks of.

        Nothing unless all labels are known, no id says otherwise, no two name one outcome, and every residual
        is sold with its whole list.
        """
        row = labels, ids
        layouts = self.as_sent.get(row)
        if layouts is None:
            named = self.named(ids)
            layouts = self.layouts.get((labels, named))
            if layouts is None:
                return _with_whole_lists(self.general(labels, named, names)[1])
            layouts = _with_whole_lists(layouts)
            self._remember(row, layouts)
        return layouts

    def _remember(self, row: _Row, layouts: Sequence[Layout]) -> None:
        """Most books send the same ids with the same labels; to sort them takes longer."""
        if all(each is None or len(each) <= _LONGEST_OUTCOME_ID for each in row[1]):
            if len(self.as_sent) >= _MOST_LAYOUTS:
                self.as_sent.clear()
            self.as_sent[row] = layouts

    def named(self, ids: OutcomeIds) -> OutcomeIds:
        """The ids that a mapping names, None for each of the others; none where no mapping names any."""
        known = self.ids
        return tuple([each if each in known else None for each in ids]) if known else ()

    def general(
        self, labels: tuple[Label, ...], ids: OutcomeIds, names: Teams | None
    ) -> tuple[tuple[Label, ...], Sequence[Layout]]:
        """As ``lay_out``, with the labels that say so in any event: these, or these with roles for names.

        ``ids`` are as ``named`` gives them.
        """
        keys = self._keys(labels, ids)
        layouts = self.layouts.get((labels, ids)) or self._lay_out(
            labels, ids, map(self.known.get, keys)
        )
        if not layouts and names is not None:
            roles = self._roles(labels, names)
            if roles is not None:
                slots = (self._recall(key) for key in self._keys(roles, ids))
                return roles, self.layouts.get((roles, ids)) or self._lay_out(roles, ids, slots)
        return labels, layouts

    def _keys(self, labels: tuple[Label, ...], ids: OutcomeIds) -> list[_Known]:
        return [
            (*label_parts(label), each)
            for label, each in zip(labels, ids or [None] * len(labels), strict=True)
        ]

    @property
    def claimed_lines(self) -> list[tuple[Claim, str | None]]:
        """Every claim at every line that a row may be at; of lines in labels, up to 99+."""
        return [
            (claim, each)
            for claim, line in self.accepted
            for each in (_LINES_IN_LABELS if claim.has_lines_in_labels else (line,))
        ]

    @property
    def places(self) -> list[MarketKey]:
        """Every canonical market at a line that a row may speak of."""
        return [place_of(claim, line) for claim, line in self.claimed_lines]

    @property
    def words(self) -> list[AbstractSet[str]]:
        """Of each claim the words that its labels are made of."""
        return [_words(claim) for claim, _ in self.accepted]

    def _roles(self, labels: tuple[Label, ...], names: Teams) -> tuple[str, ...] | None:
        """The labels with the event's names taken for home and away.

        None where a label that holds a name may be a mapping's unchanged, which would come first, and for
        labels that are read exactly.
        """
        texts = [
            label for label in labels if isinstance(label, str) and len(label) <= LONGEST_LABEL
        ]
        if len(texts) < len(labels) or not self.accepted[0][0].book.folds_labels:
            return None
        if all(is_foreign(name, words) for words in self.words for name in names):
            return row_roles(texts, names)
        return None

    def _lay_out(
        self, labels: tuple[Label, ...], ids: OutcomeIds, found: Iterable[Slot | None]
    ) -> Sequence[Layout]:
        slots = [slot for slot in found if slot is not None and slot.against is None]
        if not slots or len(slots) < len(labels) or len(set(slots)) < len(slots):
            return ()
        layouts = [
            self._layout(*claimed, slots) for claimed in dict.fromkeys(slot[:2] for slot in slots)
        ]
        if len(self.layouts) < _MOST_LAYOUTS:
            self.layouts[labels, ids] = layouts
        return layouts

    def _layout(self, claim: Claim, line: str | None, slots: Sequence[Slot]) -> Layout:
        """The layout of those of a row's slots that are of ``claim``."""
        ranks = [
            (claim.order[slot.outcome], at)
            for at, slot in enumerate(slots)
            if slot.claim is claim and slot.line == line
        ]
        positions = [position for _, position in sorted(ranks)]
        outcomes = [slots[position].outcome for position in positions]
        return Layout(claim, line, outcomes, self.sold_as, _pick(positions, len(slots)))

    def slot(
        self, label: str, shown: str | None, names: Teams | None, outcome_id: str | None = None
    ) -> Slot | None:
        """The slot of a label: unchanged, else with the event's names taken for home and away.

        Of one that says nothing either way it is the slot that its id names.
        """
        if len(label) > LONGEST_LABEL:
            return None
        roles = None if names is None else name_roles(label, names)
        known_id = outcome_id if outcome_id in self.ids else None
        if roles is None:
            key = (label, shown, known_id)
            slot = self._recall(key) or self._recall_by_id(key)
            return slot or self._find_shortened(label, shown, known_id, names)
        # Not remembered: the next event's label is another, the one with the roles is the same.
        key = (roles, shown, known_id)
        return self._find((label, shown, known_id)) or self._recall(key) or self._recall_by_id(key)

    def slot_elsewhere(self, selection: Selection, names: Teams | None) -> Slot | None:
        """The slot of a price that has none, if only the line shown next to it says otherwise."""
        if selection.shown_line is None:
            return None
        return self.slot(selection.label, None, names, selection.id)

    def _recall(self, key: _Known) -> Slot | None:
        if key in self.known:
            return self.known[key]
        if len(self.known) >= _MOST_LABELS:
            self._forget()
        slot = self.known[key] = self._find(key)
        return slot

    def _recall_by_id(self, key: _Known) -> Slot | None:
        if key[2] is None:
            return None
        if key in self.by_id:
            return self.by_id[key]
        if len(self.by_id) >= _MOST_LABELS:
            self.by_id.clear()
        slot = self.by_id[key] = self._find_by_id(*key)
        return slot

    def _forget(self) -> None:
        """Make room: strange labels go first, of which a sender may make up as many as it likes."""
        meant = {key: slot for key, slot in self.known.items() if slot is not None}
        self.known.clear()
        if 2 * len(meant) <= _MOST_LABELS:
            self.known.update(meant)

    def _find(self, key: _Known) -> Slot | None:
        """The claim of highest priority that knows the label takes it; the id may name something else."""
        label, shown, outcome_id = key
        for claim, line in self.accepted:
            outcome = claim.read(label, shown, line)
            if isinstance(outcome, str):
                here = claim.line_in(label, line)
                against = (
                    None if outcome_id is None else self._against(claim, outcome, here, outcome_id)
                )
                return Slot(claim, here, outcome, against)
        return None

    def _against(self, claim: Claim, outcome: str, line: str | None, outcome_id: str) -> str | None:
        """What an id names that is not what its label says; None when it says the same, or nothing."""
        named = claim.by_id.get(outcome_id)
        if named is not None:
            if named.canonical_id != outcome:
                return named.canonical_id
            said = claim.line_by_id.get(outcome_id, line)
            return None if said == line else f"{outcome} at {said}"
        if claim.line_by_id:
            # The ids of one ladder tell two teams apart, which are two canonical markets.
            for other, _ in self.accepted:
                if outcome_id in other.line_by_id:
                    return f"{other.by_id[outcome_id].canonical_id} of {other.canonical_id}"
        return None

    def _find_shortened(
        self, label: str, shown: str | None, outcome_id: str | None, names: Teams | None
    ) -> Slot | None:
        """The slot of a label with a team's name shortened, if its id says team and number as well.

        Without such an id it may be a word that only looks like the name.
        """
        if outcome_id is None or names is None:
            return None
        if not any(outcome_id in claim.line_by_id for claim, _ in self.accepted):
            return None
        whole = team_with_number(label, names)
        return None if whole is None else self._recall((whole, shown, outcome_id))

    def _find_by_id(self, label: str, shown: str | None, outcome_id: str | None) -> Slot | None:
        """The claim of highest priority that names the id takes it.

        None when the label says something: an outcome with another line, or words that can be read.
        """
        if any(claim.read(label, shown, line) is not None for claim, line in self.accepted):
            return None
        for claim, line in self.accepted:
            named = claim.by_id.get(outcome_id or "")
            if named is not None and claim.may_name(named, label, shown, line):
                return Slot(claim, line, named.canonical_id)
        return None


class PlayerSlot(NamedTuple):
    """Where the price of a player belongs: the claim, the line, the canonical outcome, the participant."""

    claim: Claim
    line: str | None
    outcome: str
    participant: Participant


class PlayerDoubt(NamedTuple):
    """A price of a player that cannot be trusted, at this canonical market and line."""

    claim: Claim
    line: str | None
    name: str
    detail: str


class PlayerMarket:
    """What one (id, qualifier) means where a claim that accepts it is about players.

    ``market`` has all that accept it, with those of their labels that name no player. ``feed_id`` is the
    player whom the qualifier names. What labels say of players is not remembered here: a sender can make up
    as many as it likes.
    """

    __slots__ = ("feed_id", "market")

    def __init__(self, market: Market, feed_id: str | None) -> None:
        self.market = market
        self.feed_id = feed_id

    @property
    def accepted(self) -> tuple[tuple[Claim, str | None], ...]:
        return self.market.accepted

    @property
    def places(self) -> list[MarketKey]:
        """Every canonical market at a line that is not of players and that a row may speak of."""
        if all(claim.named for claim, _ in self.accepted):
            return []
        return [place_of(*claimed) for claimed in self.market.claimed_lines if not claimed[0].named]

    def known_row(
        self,
        labels: tuple[Label, ...],
        ids: OutcomeIds,
        sides: tuple[Side | None, ...],
        names: Teams | None,
    ) -> PlayerRow | None:
        """What a row says of which every label and id is understood; None of any other row."""
        key = row_key(self.market, self.feed_id, labels, ids, sides, names)
        row = remembered.get(key)
        if row is None:
            row = self._read_row(labels, ids, sides, names)
            if row is not None:
                remembered.keep(key, row)
        return row

    def _read_row(
        self,
        labels: tuple[Label, ...],
        ids: OutcomeIds,
        sides: tuple[Side | None, ...],
        names: Teams | None,
    ) -> PlayerRow | None:
        players: dict[tuple[Claim, str | None, Participant], dict[str, int]] = {}
        others: dict[tuple[str, str | None, str], tuple[Slot, int]] = {}
        nothing: list[None] = [None] * len(labels)
        said = zip(labels, ids or nothing, sides or nothing, strict=True)
        for position, (label, id_, side) in enumerate(said):
            text, shown = label_parts(label)
            slot = self.slot(Selection(text, shown, None, True, id_, side), names)  # noqa: FBT003
            if isinstance(slot, PlayerSlot):
                claim, line, outcome, participant = slot
                positions = players.setdefault((claim, line, participant), {})
                if positions.setdefault(outcome, position) != position:
                    return None
            elif (
                isinstance(slot, Slot)
                and slot.against is None
                and slot.outcome not in slot.claim.residuals
            ):
                place = slot.claim.canonical_id, slot.line, slot.outcome
                if others.setdefault(place, (slot, position))[1] != position:
                    return None
            else:
                return None
        layouts = [self._player_layout(*each) for each in players.items()]
        if len({layout.place for layout in layouts}) < len(layouts):
            return None
        return PlayerRow(layouts, list(others.values()))

    def _player_layout(
        self, about: tuple[Claim, str | None, Participant], positions: dict[str, int]
    ) -> PlayerLayout:
        claim, line, participant = about
        outcomes = sorted(positions, key=claim.order.__getitem__)
        external_id = clipped_id(self.market.sold_as[0])
        at = [positions[outcome] for outcome in outcomes]
        return PlayerLayout(
            claim, line, participant, outcomes, external_id=external_id, positions=at
        )

    def slot(
        self, selection: Selection, names: Teams | None
    ) -> Slot | PlayerSlot | PlayerDoubt | None:
        """The slot of a selection: of a player where its ids say so, else of a label that names none."""
        for claim, line in self.accepted:
            if claim.named:
                found = self._of_player(claim, line, selection, names, is_sure=True)
                if found is not None:
                    return found
        label, shown, _, _, id_, _ = selection
        if self._names_player(selection):
            return None
        slot = self.market.slot(label, shown, names, id_)
        if slot is not None:
            return slot
        for claim, line in self.accepted:
            if claim.named and not claim.by_label:
                found = self._of_player(claim, line, selection, names, is_sure=False)
                if found is not None:
                    return found
        return None

    def may_name_player(self, label: str) -> bool:
        """Whether a label without its id has what may be a player's name where a claim has one."""
        words = " ".join(label.split())
        for claim, line in self.accepted:
            if len(words) <= LONGEST_LABEL and claim.named and fold(words) not in claim.by_label:
                shown = claim.player_in(words, line)
                if shown is not None and read_name(shown.name) is not None:
                    return True
        return False

    def slot_elsewhere(
        self, selection: Selection, names: Teams | None
    ) -> Slot | PlayerSlot | PlayerDoubt | None:
        """The slot of a price that has none, if only the line shown next to it says otherwise."""
        if selection.shown_line is None:
            return None
        return self.slot(selection._replace(shown_line=None), names)

    def _names_player(self, selection: Selection) -> bool:
        ids = self._ids(self.accepted[0][0], selection, has_number=False)
        return ids is not None and ids.is_sure

    def _of_player(
        self,
        claim: Claim,
        line: str | None,
        selection: Selection,
        names: Teams | None,
        *,
        is_sure: bool,
    ) -> PlayerSlot | PlayerDoubt | None:
        """What a claim makes of a selection whose ids name a player, surely or not."""
        label = " ".join(selection.label.split())
        if len(label) > LONGEST_LABEL or not claim.shows(selection.shown_line, line):
            return None
        if fold(label) in claim.by_label:
            if self._names_player(selection):
                return PlayerDoubt(claim, line, label, "the label names no player, its id does")
            return None
        shown = claim.player_in(label, line)
        if shown is None:
            return None
        ids = self._ids(claim, selection, has_number=shown.number is not None)
        if ids is None or ids.is_sure is not is_sure:
            return None
        return self._judged(claim, shown, participant(shown.name, shown.number, ids, names), ids)

    def _judged(
        self,
        claim: Claim,
        shown: ShownPlayer,
        found: Participant | Disagreement | None,
        ids: ParticipantIds,
    ) -> PlayerSlot | PlayerDoubt | None:
        line = shown.line
        if found is None:
            return None
        if isinstance(found, Disagreement):
            return PlayerDoubt(claim, line, *found)
        if self.feed_id is not None and ids.feed_id != self.feed_id:
            detail = f"the specifier names player {self.feed_id}, the id {ids.feed_id}"
            return PlayerDoubt(claim, line, found.name, detail)
        return PlayerSlot(claim, line, shown.outcome, found)

    def _ids(
        self, claim: Claim, selection: Selection, *, has_number: bool
    ) -> ParticipantIds | None:
        read = claim.book.participant_ids
        return None if read is None else read(selection, has_number)


class NotMapped(NamedTuple):
    """No mapping is for the row: an editor can fix it."""

    external_market_id: str
    reason: MissReason


class NotReadable(NamedTuple):
    """A mapping may be for the row, but its qualifier cannot be read."""

    detail: str
    cause: RejectCause | None = None


Meaning = Market | PlayerMarket | NotMapped | NotReadable


class Meanings(dict[str | None, Meaning]):
    """A platform's market that mappings claim: what each of its qualifiers means, by qualifier.

    ``claims`` come with the highest priority first; they may be none, where the id is claimed in the other
    phase of a match only. ``marks`` are those of the external ids of its misses. A qualifier is interpreted
    when it is asked for.
    """

    __slots__ = ("_player_qualifier", "claims", "market_id", "marks", "platform")

    def __init__(
        self,
        platform: Platform,
        market_id: str,
        claims: Sequence[Claim],
        marks: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.platform = platform
        self.market_id = market_id
        self.claims = claims
        self.marks = marks
        self._player_qualifier = BOOKS[platform].player_qualifier

    def __missing__(self, qualifier: str | None) -> Meaning:
        any_player = None if qualifier is None else self._player_qualifier(qualifier)
        if any_player is not None and any_player[0] != qualifier:
            # Not remembered: there is one for each player of each event.
            meaning = self[any_player[0]]
            if isinstance(meaning, PlayerMarket):
                return PlayerMarket(meaning.market, any_player[1])
        meaning = interpret(self.claims, self.platform, self.market_id, qualifier, self.marks)
        if qualifier is None or len(qualifier) <= _LONGEST_QUALIFIER:
            if len(self) >= _MOST_QUALIFIERS:
                self.clear()
            self[qualifier] = meaning
        return meaning


def interpret(
    claims: Sequence[Claim],
    platform: Platform,
    market_id: str,
    qualifier: str | None,
    marks: tuple[str, ...] = (),
) -> Meaning:
    """What a row's id and qualifier mean to the mappings that claim the id."""
    if not claims:
        return NotMapped(external_id(market_id, marks), "UNKNOWN_MARKET")
    params = parse_qualifier(platform, qualifier)
    read = [(claim, read_line(claim.rule, platform, params)) for claim in claims]
    accepted = tuple((claim, line.value) for claim, line in read if isinstance(line, Line))
    if accepted:
        market = Market((market_id, qualifier), accepted, external_id(market_id, marks))
        if any(claim.named for claim, _ in accepted):
            return PlayerMarket(market, BOOKS[platform].participant_in(params or ()))
        return market
    for _, line in read:
        if isinstance(line, UnreadableLine):
            return NotReadable(line.reason, line.cause or BOOKS[platform].cause_of(qualifier))
    rules = [claim.rule for claim in claims]
    foreign = foreign_parts(platform, params or (), rules)
    return NotMapped(external_id(market_id, (*marks, *foreign)), "UNKNOWN_PARAM_MARKET")
