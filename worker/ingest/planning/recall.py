"""Plans a batch by recall: a row like one that was resolved before is not resolved again.

The compiled part remembers what rows of an id, a qualifier and labels resolved to under one index, and
copies the prices of the next such row. It decides nothing. It is optional; without it, every row is
resolved in Python.

For each record there are three ways, tried in this order:
1. All rows are known: the compiled part gives the JSON of their markets, and which ids were missed. Python
   only reads the envelope.
2. Some rows are not known, or unusual: they are left *aside*. `_Memory.resolve` resolves them alone,
   teaches the compiled part what they mean, and their entries are merged with the recalled ones.
3. Anything else: the record goes through `Planner.plan`, as if nothing were compiled. That is so when the
   envelope is unusual, when the result is too large, and when the record will be a dead letter.

Rows that speak of one market have to be resolved together. Of rows that have parts of one market (ten ids of
Bet9ja are one market of ranges), the compiled part joins those that have no outcome in common; any others it
leaves aside together. If a row that is aside may speak of a market that was recalled, the record is read once
more, and the rows of that market are left aside as well. The other rows are recalled nevertheless.

Rows of players name the players of one event. They are learnt with the names of its teams, and come back when
that event is scraped again. How many bytes they take is bounded; beyond that, all of them are forgotten.

What can go wrong, and what keeps it right:
- The index changes: everything that was taught belongs to one index. With another one, the memory starts
  empty.
- One id means something else in another sport or phase: what is taught belongs to football, before the
  match or in play. An observation of another sport is planned without the compiled part.
- The compiled part and Python read something differently: everything that it knows about characters is
  handed over from this Python, and property tests compare both ways on the same records.
- Misses must count the same: `_Missed` behaves like the list of misses, but reads their rows only when
  somebody asks, and `tally` counts the recalled ones in the compiled part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol, TypeVar, overload

import orjson

from worker.domain.books import bet9ja, betpawa
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import (
    LONGEST_ID,
    Label,
    MarketNames,
    OutcomeIds,
    Rejection,
    Row,
    RowReading,
    Side,
    clipped_id,
    label_parts,
)
from worker.domain.events import MOST_HASHES
from worker.domain.index import MappingIndex
from worker.domain.labels import NOT_NAMES
from worker.domain.markets import (
    LONGEST_LABEL,
    Claim,
    Market,
    NotMapped,
    PlayerMarket,
    market_begins,
    outcome_begins,
    place_of,
)
from worker.domain.misses import (
    LONGEST_TEXT,
    MOST_SAMPLES,
    Count,
    SampledRows,
    Sighting,
    Tally,
    merge,
    tally,
)
from worker.domain.participants import PlayerLayout, PlayerRow, player_market_begins
from worker.domain.resolve import LONGEST_NAME, Miss, Resolution, resolve_rows
from worker.domain.scope import FOOTBALL_SPELLINGS
from worker.ingest.planning.encode import MOST_ENTRIES, Preamble
from worker.ingest.planning.plan import (
    Planned,
    Planner,
    VerdictEncoder,
    age_of,
    has_another_shape,
    outcomes_of,
    reasons_of,
    sightings_of,
    source_id_of,
)
from worker.ingest.reading.clock import NO_GUARD, ClockGuard
from worker.ingest.reading.framing import unframed
from worker.ingest.reading.read import Readable, read_typed
from worker.ingest.reading.typed import rows_at
from worker.kafka.record import Partition, Record

# That of the compiled part that fits; one of another release is installed separately, and is not used.
_INTERFACE: Final = 5

try:
    from market_mapping_recall import INTERFACE, Recall, Recalled

    IS_COMPILED = INTERFACE == _INTERFACE
except ImportError:  # there was no compiler, or it is from before there was a number
    IS_COMPILED = False

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_Place = tuple[int, int]

# Greek, Cyrillic, Arabic, most scripts of Asia. The compiled part gets no data about characters
# beyond these, and recalls no row that has one.
_CHARACTERS: Final = 0x3000
_BITS: Final = {"blank": 1, "in_words": 2, "digit": 4, "folds": 8}
_MOST_AT_ONCE: Final = 32
_MOST_ENVELOPES: Final = 1024
_LONGEST_ENVELOPE: Final = 4096
_FEW: Final = 8  # places that are left aside of an observation like many before
_NOTHING: Final = Resolution([], [], [], [])
# What the compiled part has to keep to as well.
_LIMITS: Final = {
    "longest_key": bet9ja.LONGEST_KEY,
    "longest_shown_line": betpawa.LONGEST_SHOWN_LINE,
    "longest_id": LONGEST_ID,
    "longest_name": LONGEST_NAME,
    "longest_label": LONGEST_LABEL,
    "most_misses": MOST_ENTRIES,
    "most_samples": MOST_SAMPLES,
    "longest_sample_text": LONGEST_TEXT,
    "most_bytes_of_players": 32_000_000,  # 200 events with 300 prices of players each
}


class AssembledEvent(Protocol):
    """A resolved event from its markets on, as JSON: entries with a comma behind each.

    ``rest`` is between the misses and the markets of players.
    """

    @property
    def markets(self) -> Sequence[str]: ...
    @property
    def misses(self) -> Sequence[str]: ...
    @property
    def rest(self) -> str: ...
    @property
    def players(self) -> Sequence[str]: ...


class AssemblingEncoder(VerdictEncoder[T_co], Protocol[T_co]):
    """An encoder that takes a resolved event in pieces."""

    def entries(self, resolution: Resolution) -> AssembledEvent: ...

    def preamble(self, envelope: dict[str, Any], version: int) -> Preamble: ...

    def assembled(
        self, source_id: str, record: Record, preamble: Preamble, body: bytes
    ) -> T_co | None:
        """As ``resolved``, of what was written before; ``body`` is its JSON from the markets on."""


class RecallingPlanner(Planner[T]):
    """A planner with a memory of one index; with another index it starts empty."""

    def __init__(
        self,
        encoder: AssemblingEncoder[T],
        *,
        max_message_bytes: int,
        guard: ClockGuard = NO_GUARD,
    ) -> None:
        super().__init__(encoder, max_message_bytes=max_message_bytes, guard=guard)
        self._assembling = encoder
        self._memory: _Memory | None = None

    def plan_all(
        self, records: Iterable[tuple[Record, Partition]], index: MappingIndex
    ) -> Iterator[Planned[T]]:
        memory = self._memory
        if memory is None or memory.index is not index:
            memory = self._memory = _Memory(index, self._assembling)
        waiting = iter(records)
        while together := list(islice(waiting, memory.at_once)):
            values = [self._readable(record) for record, _ in together]
            for (record, at), value, recalled in zip(
                together, values, memory.read(values), strict=True
            ):
                planned = None
                if value is not None and recalled is not None:
                    planned = self._recalled(record, at, value, recalled, memory)
                yield planned or self.plan(record, at, index)

    def _readable(self, record: Record) -> bytes | None:
        value = unframed(record.value)
        return None if value is None or len(value) > self._max_bytes else value

    def _recalled(
        self, record: Record, at: Partition, value: bytes, recalled: Recalled, memory: _Memory
    ) -> Planned[T] | None:
        """The verdict on what is recalled; None where it has to be found in the ordinary way."""
        envelope = memory.envelope(recalled.envelope)
        if envelope is None or self._guard.refuses(envelope.observed_s, record.timestamp):
            return None
        seen, observed_s, preamble = envelope
        rest = _NOTHING
        if recalled.aside:
            resolved = memory.resolve(value, recalled, seen)
            if resolved is None:
                return None
            recalled, rest = resolved
        if recalled.missed + len(rest.misses) > MOST_ENTRIES:
            return None
        markets = recalled.markets
        if not markets and not recalled.missed and has_another_shape(rest):
            return None
        body = self._body(recalled, rest)
        output = self._assembling.assembled(source_id_of(record, at), record, preamble, body)
        if output is None:
            return None
        missed = _Missed(value, recalled, seen.platform, rest.missed)
        sightings = sightings_of(record, seen, missed, memory.index.version)
        reasons, resolved_markets = recalled.reasons, markets
        if rest is not _NOTHING:
            reasons = Counter(reasons) + reasons_of(rest.misses)
            both = {_market_of(each.layout) for each in rest.players}
            resolved_markets += rest.resolved - recalled.shared(list(both))
        outcomes = outcomes_of(seen.platform, resolved_markets, reasons, rest)
        return Planned(
            at,
            record.offset,
            output,
            sightings,
            seen.platform,
            outcomes,
            None,
            age_of(seen.platform, observed_s, record),
            markets + recalled.missed,
        )

    def tally(self, sightings: Iterable[Sighting]) -> Tally:
        seen: list[tuple[Sighting, _Missed]] = []
        others: list[Sighting] = []
        for sighting in sightings:
            missed = sighting.missed
            if isinstance(missed, _Missed):
                seen.append((sighting, missed))
                missed = missed.rest
            if missed:
                others.append(sighting._replace(missed=missed))
        return merge(_tally(seen), tally(others))

    def _body(self, recalled: Recalled, rest: Resolution) -> bytes:
        if rest is _NOTHING:
            return recalled.body((), (), (), ',"rejected":[]')
        entries = self._assembling.entries(rest)
        places = [layout.place for layout, _ in rest.markets]
        ids = [miss.external_market_id for miss in rest.misses]
        orders = ["\0".join(found.layout.order) for found in rest.players]
        return recalled.body(
            list(zip(places, entries.markets, strict=True)),
            list(zip(ids, entries.misses, strict=True)),
            list(zip(orders, entries.players, strict=True)),
            entries.rest,
        )


def make_planner(
    encoder: AssemblingEncoder[T], *, max_message_bytes: int, guard: ClockGuard = NO_GUARD
) -> Planner[T]:
    """The planner for whole batches: one that recalls, where that was compiled."""
    planner = RecallingPlanner if IS_COMPILED else Planner
    return planner(encoder, max_message_bytes=max_message_bytes, guard=guard)


def new_recall() -> Recall:
    """The compiled part with nothing learnt yet, and with what this worker decides of texts and limits."""
    flags, folded = _characters()
    return Recall(flags, _BITS, folded, NOT_NAMES, FOOTBALL_SPELLINGS, _LIMITS)


class _Aside(NamedTuple):
    """What is said of rows that were left aside, and which canonical markets they may speak of."""

    resolution: Resolution
    places: Sequence[str]

    @property
    def ids(self) -> list[str]:
        return [miss.external_market_id for miss in self.resolution.misses]


class _Envelope(NamedTuple):
    """An observation without its markets, and what follows from it.

    ``observed_s`` is in seconds since 1970.
    """

    seen: Readable
    observed_s: float
    preamble: Preamble


class _Memory:
    """What rows mean under ``index``, and the envelopes that came last."""

    def __init__(self, index: MappingIndex, encoder: AssemblingEncoder[Any]) -> None:
        self.index = index
        self.at_once = 1
        self._recall = new_recall()
        self._encoder = encoder
        self._envelopes: dict[bytes, _Envelope] = {}

    def envelope(self, value: bytes) -> _Envelope | None:
        """Read a value without markets; None where it is not as usual.

        Messages that have parts of one observation have one envelope, which is read once.
        """
        known = self._envelopes.get(value)
        if known is None:
            seen = read_typed(value)
            if seen is None:
                return None
            preamble = self._encoder.preamble(seen.envelope, self.index.version)
            known = _Envelope(seen, seen.observed_at.timestamp(), preamble)
            if len(value) <= _LONGEST_ENVELOPE:
                if len(self._envelopes) >= _MOST_ENVELOPES:
                    self._envelopes.clear()
                self._envelopes[value] = known
        return known

    def read(self, values: Sequence[bytes | None]) -> list[Recalled | None]:
        """Return what is known of each value.

        Few are read at once while much is new, so that what one value teaches helps the next.
        """
        found = self._recall.read(values)
        strange = sum(recalled is not None and len(recalled.aside) > _FEW for recalled in found)
        self.at_once = 1 if 2 * strange > len(found) else min(2 * self.at_once, _MOST_AT_ONCE)
        return found

    def resolve(
        self, value: bytes, recalled: Recalled, seen: Readable
    ) -> tuple[Recalled, Resolution] | None:
        """What is recalled of a value, and what is said of the rows that are left aside.

        Of a market that both speak of, all rows are left aside. None when they cannot be resolved separately.
        """
        aside = self._resolve_aside(value, recalled, seen)
        if aside is not None and recalled.meets(aside.places, ()):
            apart = self._recall.read_apart(value, aside.places)
            if apart is None:
                return None
            recalled, aside = apart, self._resolve_aside(value, apart, seen)
            if aside is None or recalled.meets(aside.places, ()):
                return None
        if aside is None or recalled.meets((), aside.ids):
            return None
        return recalled, aside.resolution

    def _resolve_aside(self, value: bytes, recalled: Recalled, seen: Readable) -> _Aside | None:
        """Resolve the rows that are left aside, and teach them; None when they cannot be read separately."""
        platform = seen.platform
        try:
            rows = list(rows_at(platform, value, recalled.aside, _names(value, recalled)))
            self._learn_lines(recalled.lines)
        except orjson.JSONDecodeError:
            return None
        if any(len(row.market_id) > LONGEST_ID for row in rows if not isinstance(row, Rejection)):
            return None  # ids are sorted by their whole form, which needs all rows
        resolution = resolve_rows(rows, platform, seen.names, self.index, seen.scope)
        places: list[str] = []
        for row in rows:
            if not isinstance(row, Rejection):
                places += self._learn(row, seen)
        return _Aside(resolution, places)

    def _learn(self, row: Row, seen: Readable) -> Sequence[str]:
        """Teach what a row means; which canonical markets it may speak of."""
        platform, id_, qualifier = seen.platform, row.market_id, row.qualifier or ""
        live = seen.scope.is_live
        meanings = self.index.claimed(platform, seen.scope).get(id_)
        if meanings is None:
            self._recall.learn_unknown(platform, live, id_)
            return ()
        meaning = meanings[row.qualifier]
        if isinstance(meaning, NotMapped):
            self._recall.learn_not_mapped(platform, live, id_, qualifier, *meaning)
            return ()
        if isinstance(meaning, PlayerMarket):
            return self._learn_players(row, meaning, seen)
        if not isinstance(meaning, Market):
            return ()
        reading = row.read(set())
        if reading is not None:
            labels, _, ids = reading
            ids = meaning.named(ids)
            labels, layouts = meaning.general(labels, ids, seen.names)
            if layouts:
                taught = _taught(meaning, labels, ids)
                self._recall.learn_labels(platform, live, id_, qualifier, *taught)
        return meaning.places

    def _learn_players(self, row: Row, meaning: PlayerMarket, seen: Readable) -> Sequence[str]:
        """Teach what a row of players means, if all of it is understood."""
        reading = row.read(set())
        known = None
        if reading is not None:
            labels, prices, ids = reading
            known = meaning.known_row(labels, ids, row.sides, seen.names)
        if reading is None or known is None:
            return meaning.market.places
        event = seen.envelope["event"]
        self._recall.learn_players(
            seen.platform,
            seen.scope.is_live,
            row.market_id,
            row.qualifier or "",
            event["home"],
            event["away"],
            *_taught_of_players(known, row.market_id, reading, row.sides),
        )
        if prices is None and row.is_partial:
            return meaning.market.places
        return [
            *(_place_of(layout) for layout in known.layouts),
            *(place_of(slot.claim, slot.line) for slot, _ in known.others),
        ]

    def _learn_lines(self, lines: Iterable[tuple[str, str, str]]) -> None:
        for written in lines:
            line = betpawa.qualifier(*map(orjson.loads, written))
            self._recall.learn_line(*written, line or "")


def _taught(market: Market, labels: Sequence[Label], ids: OutcomeIds) -> tuple[Any, ...]:
    """What labels say that are all known: the words of the claims, the ids that they name, the claims, each
    label with its id and its slot.
    """
    external_id = clipped_id(market.sold_as[0])
    claimed_lines = market.claimed_lines
    claims = [
        (
            place_of(claim, line),
            market_begins(claim, line, external_id),
            _part_of(claim),
            *_residuals_of(claim),
        )
        for claim, line in claimed_lines
    ]
    numbers = {claimed: number for number, claimed in enumerate(claimed_lines)}
    taught = []
    for label, outcome_id in zip(labels, ids or [None] * len(labels), strict=True):
        text, shown_line = label_parts(label)
        slot = market.slot(text, shown_line, None, outcome_id)
        if slot is not None:
            claim, line, outcome, _ = slot
            number = numbers[claim, line]
            rank, begins = claim.order[outcome], outcome_begins(outcome)
            taught.append((text, shown_line, outcome_id, number, rank, begins))
    return market.words, market.ids, claims, taught


def _taught_of_players(
    row: PlayerRow, market_id: str, reading: RowReading, sides: Sequence[Side | None]
) -> tuple[list[Any], list[Any]]:
    """What a row of players speaks of, and of which of it each of its prices is."""
    labels, _, ids = reading
    external_id = clipped_id(market_id)
    abouts: list[Any] = []
    prices: list[Any] = []

    def add(position: int, outcome: str, order: Mapping[str, int]) -> None:
        text, shown_line = label_parts(labels[position])
        id_, side = ids[position] if ids else None, sides[position] if sides else None
        rank, begins = order[outcome], outcome_begins(outcome)
        prices.append((text, shown_line, id_, side, len(abouts) - 1, rank, begins))

    for layout in row.layouts:
        claim, line, participant = layout.claim, layout.line, layout.participant
        begins = player_market_begins(claim.canonical_id, line, participant, layout.external_id)
        whose = _market_of(layout), "\0".join(layout.order), id(claim)
        abouts.append((_place_of(layout), begins, True, whose))
        for outcome, position in zip(layout.outcomes, layout.positions, strict=True):
            add(position, outcome, claim.order)
    for slot, position in row.others:
        claim, line = slot.claim, slot.line
        begins = market_begins(claim, line, external_id)
        # Of a market of players, the other outcomes are with these.
        abouts.append((place_of(claim, line), begins, not claim.named, None))
        add(position, slot.outcome, claim.order)
    return abouts, prices


def _market_of(layout: PlayerLayout) -> str:
    """The canonical market at its line, which other players have as well."""
    return place_of(layout.claim, layout.line)


def _place_of(layout: PlayerLayout) -> str:
    """The canonical market at its line, and the player."""
    canonical_id, line, identity = layout.place
    return "\0".join([canonical_id, line or "", *identity])


def _part_of(claim: Claim) -> int | None:
    """The mapping whose market other rows may have other outcomes of; None where only Python may join them.

    Rows of variants are never joined, and a label with a line of its own says something of several lines. The
    number lasts as long as the index, which is as long as what is taught.
    """
    is_plain = not (claim.variant_keys or claim.has_lines_in_labels or claim.is_of_players)
    return id(claim.mapping) if is_plain else None


def _residuals_of(claim: Claim) -> tuple[list[int], list[int]]:
    """The ranks of the outcomes that are what others leave over, and of those listed with them, in order."""
    order = claim.order
    residuals = sorted(order[outcome] for outcome in claim.residuals)
    listed = {
        order[outcome] for residual in claim.residuals for outcome in claim.unlisted(residual, ())
    }
    return residuals, sorted(listed)


def _names(value: bytes, recalled: Recalled) -> MarketNames | None:
    if recalled.names is None:
        return None
    begin, end = recalled.names
    names: MarketNames | None = orjson.loads(value[begin:end])
    return names


class _Missed(Sequence[Miss]):
    """What is missed in an observation: what is recalled of it, then ``rest``."""

    __slots__ = ("_platform", "_value", "recalled", "rest")

    def __init__(
        self, value: bytes, recalled: Recalled, platform: Platform, rest: Sequence[Miss]
    ) -> None:
        self._value = value
        self._platform: Platform = platform
        self.recalled = recalled
        self.rest = rest

    def __len__(self) -> int:
        return self.recalled.missed + len(self.rest)

    @overload
    def __getitem__(self, number: int) -> Miss: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Miss]: ...
    def __getitem__(self, number: int | slice) -> Miss | Sequence[Miss]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        recalled = self.recalled
        number = range(len(self))[number]
        if number >= recalled.missed:
            return self.rest[number - recalled.missed]
        id_, name, reason = recalled.miss(number)
        return Miss(
            id_, name, reason, None, RecalledRows(self._value, recalled, self._platform, number)
        )


class RecalledRows(SampledRows):
    """Rows of a miss, read when somebody asks."""

    __slots__ = ("_miss", "_platform", "_recalled", "_value")

    def __init__(self, value: bytes, recalled: Recalled, platform: Platform, miss: int) -> None:
        self._value = value
        self._recalled = recalled
        self._platform: Platform = platform
        self._miss = miss

    @property
    def sample(self) -> str | None:
        """The JSON of their sample; None where it is left to the one in ``domain.misses``."""
        return self._recalled.sample(self._miss, self._value)

    def __iter__(self) -> Iterator[Row]:
        rows = rows_at(self._platform, self._value, self._recalled.rows(self._miss))
        return (row for row in rows if not isinstance(row, Rejection))


def _tally(seen: Sequence[tuple[Sighting, _Missed]]) -> Tally:
    """What is recalled of sightings, counted."""
    seen = sorted(seen, key=lambda pair: (pair[0].observed_at, pair[0].at))
    hashes = [(missed.recalled, sighting.event) for sighting, missed in seen]
    counts = {}
    for platform, id_, times, first, last, number, events in Recall.tally(hashes, MOST_HASHES):
        (oldest, _), (newest, missed) = seen[first], seen[last]
        counts[platform, id_] = Count(
            times, oldest.observed_at, newest.observed_at, newest, missed[number], tuple(events)
        )
    return counts


@lru_cache(maxsize=1)
def _characters() -> tuple[bytes, dict[str, str]]:
    """What the compiled part gets to know about characters: this Python's Unicode decides."""
    flags, folded = bytearray(_CHARACTERS), {}
    for number in range(_CHARACTERS):
        character = chr(number)
        has = {
            "blank": character.isspace(),
            "in_words": character.isalnum() or character == "_",
            "digit": character.isdigit(),
            "folds": character.casefold() != character,
        }
        flags[number] = sum(bit for name, bit in _BITS.items() if has[name])
        if has["folds"]:
            folded[character] = character.casefold()
    return bytes(flags), folded
