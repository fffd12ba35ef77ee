"""What the prices of watched events say about mappings that are about to be saved. Pure.

The mappings are judged as the insight process would judge them once they are saved: compared with other
bookmakers and the goal model on some events, and held against other readings where they are far off. And
they are held against the other prices of their own bookmaker, for which one event is enough.

How it is quick. Boards are unpacked once. Of all markets on them only those of the mappings are compared;
what everything else needs of a board, its margins and its goal model, is the same as if all were. All of a
board is read only if a mapping is far from something.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.mapping import claims_of
from worker.insight.agreed_proofs import AgreedProof, QuotedBoard, agreed_proofs
from worker.insight.alarms import LEAST_EVENTS, Alarm
from worker.insight.boards import Board, read
from worker.insight.judging import Judge
from worker.insight.proofs import ProofKind
from worker.insight.targets import mapped_rows
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.judgement import EventVerdicts, is_comparable
from worker.insight.watching.stored import StoredBoard, UnreadableBoardsError, read_together
from worker.insight.watching.window import MOST_APART, WatchedEvent
from worker.storage.insight.evidence import StoredEvent

# An alarm needs ten; a bookmaker may not sell the market on each.
MOST_EVENTS: Final = LEAST_EVENTS + 2
_NO_MAPPINGS: Final[Mapping[str, MarketMapping]] = MappingProxyType({})


class PriceFinding(NamedTuple):
    """One mapping at one bookmaker: what it was compared with, and what explains its prices better.

    ``events`` are those on which it could be judged: with fewer than ``LEAST_EVENTS`` a mapping that is wrong
    raises no alarm either. ``is_watched``: whether watched events can hold such a market at all.
    ``proof`` is by the bookmaker's own prices, for which one event is enough; None for one that the
    mappings before the change had already.
    """

    canonical_id: str
    platform: Platform
    comparisons: Sequence[EvidenceRow]
    alarm: Alarm | None
    events: int = 0
    is_watched: bool = True
    proof: AgreedProof | None = None


class UnpackedEvent(NamedTuple):
    """A stored event and its boards of one moment, by bookmaker."""

    event: WatchedEvent
    boards: Sequence[Board]


def unpacked_event(
    stored: StoredEvent, sold_as: Mapping[Platform, str] | None = None
) -> UnpackedEvent:
    """Unpack an event as it was stored, or one market of each bookmaker. Raises UnreadableBoardsError."""
    timed = read_together(stored.event, stored.boards, sold_as)
    if not timed:
        raise UnreadableBoardsError(f"there are no boards of {stored.event}")
    oldest = max(at for at, _ in timed) - MOST_APART
    timed = sorted(
        ((at, board) for at, board in timed if at >= oldest), key=lambda each: each[1].platform
    )
    # Nothing is packed again: the boards are at hand.
    boards = {board.platform: StoredBoard(at, frozenset(), (), 0, 0) for at, board in timed}
    event = WatchedEvent(stored.event, stored.home, stored.away, stored.starts_at, boards)
    return UnpackedEvent(event, [board for _, board in timed])


def check_prices(
    stored: Sequence[StoredEvent],
    mappings: Mapping[str, MarketMapping],
    names: Collection[str],
    judge: Judge,
    *,
    before: Mapping[str, MarketMapping] = _NO_MAPPINGS,
    proceed: Callable[[], None] = lambda: None,
) -> list[PriceFinding]:
    """Judge the mappings of these names among all active ones. Raises UnreadableBoardsError.

    A bookmaker at which nothing of a mapping could be compared has a finding without comparisons.
    ``before`` are the active mappings without the change.
    ``proceed`` is called between the events; what it raises ends the check.
    """
    changed = [mappings[name] for name in sorted(names) if name in mappings]
    index = MappingIndex(mappings.values())
    selling = _selling(_each(stored, proceed), changed, index)
    unpacked = [one for _, one in zip(range(MOST_EVENTS), selling, strict=False)]
    if not unpacked:
        return _in_order({}, changed)
    events = [one.event for one in unpacked]
    boards = {one.event.event: one.boards for one in unpacked}
    verdicts = EventVerdicts(
        judge,
        index,
        mappings,
        events,
        only=frozenset(names),
        boards=lambda event: boards[event.event],
    )
    for event in verdicts.update(events):
        proceed()
        verdicts.look(event)
    rows = verdicts.evidence()
    suspects = verdicts.suspects(rows)
    found: dict[tuple[str, Platform], PriceFinding] = {}
    for row in rows:
        key = (row.canonical_id, row.platform)
        if key not in found:
            proceed()
            found[key] = _finding(verdicts, row, is_suspect=key in suspects)
        found[key] = found[key]._replace(comparisons=[*found[key].comparisons, row])
    earlier = _Earlier(before, before.keys() - mappings.keys(), unpacked, verdicts.judge)
    listed = []
    for one in _in_order(found, changed):
        proceed()
        said = verdicts.agreed_proofs((one.canonical_id, one.platform))
        known = earlier.proved(one.canonical_id, one.platform) if said else frozenset()
        new = next((proof for proof in said if proof.kind not in known), None)
        listed.append(one._replace(proof=new))
    return listed


class _Earlier:
    """The mappings before a change, of which those of the names ``gone`` are there no longer."""

    def __init__(
        self,
        mappings: Mapping[str, MarketMapping],
        gone: Collection[str],
        events: Sequence[UnpackedEvent],
        judge: Judge,
    ) -> None:
        self._mappings = mappings
        self._gone = sorted(gone)
        self._events = events
        self._judge = judge

    @cached_property
    def _index(self) -> MappingIndex:
        return MappingIndex(self._mappings.values())

    def proved(self, canonical_id: str, platform: Platform) -> frozenset[ProofKind]:
        """What was proved of a mapping already. One that has a new name may have had any that is gone."""
        names = [canonical_id] if canonical_id in self._mappings else self._gone
        return frozenset(
            one.kind
            for name in names
            for one in agreed_proofs(name, self._selling(name, platform), self._index, self._judge)
        )

    def _selling(self, canonical_id: str, platform: Platform) -> Iterator[QuotedBoard]:
        for event in self._events:
            for board in event.boards:
                if board.platform == platform:
                    quoted = read(board, self._index)
                    if any(key.canonical_id == canonical_id for key in quoted):
                        yield QuotedBoard(board, quoted)


def _finding(verdicts: EventVerdicts, row: EvidenceRow, *, is_suspect: bool) -> PriceFinding:
    """What is said about the mapping of a row, without its comparisons."""
    key = (row.canonical_id, row.platform)
    raised = verdicts.alarm(key) if is_suspect else None
    if raised is not None:
        return PriceFinding(*key, [], raised.alarm, raised.alarm.events)
    # What is near to everything is not judged further: the events are those on which it is near.
    events = verdicts.judged_events(key) if is_suspect else len(verdicts.events_of(key))
    return PriceFinding(*key, [], None, events)


def _in_order(
    found: Mapping[tuple[str, Platform], PriceFinding], changed: Sequence[MarketMapping]
) -> list[PriceFinding]:
    """The findings by mapping and bookmaker, with those of bookmakers where nothing could be compared."""
    nothing: dict[tuple[str, Platform], PriceFinding] = {
        (one.canonical_id, claim.platform): PriceFinding(
            one.canonical_id, claim.platform, (), None, is_watched=is_comparable(one)
        )
        for one in changed
        for claim in claims_of(one)
    }
    every = {**nothing, **found}
    return [every[key] for key in sorted(every)]


def _each(stored: Sequence[StoredEvent], proceed: Callable[[], None]) -> Iterator[UnpackedEvent]:
    for one in stored:
        proceed()
        yield unpacked_event(one)


def _selling(
    events: Iterator[UnpackedEvent], changed: Sequence[MarketMapping], index: MappingIndex
) -> Iterator[UnpackedEvent]:
    """The events on which one of the mappings reads something."""
    for event in events:
        if any(mapped_rows(board, one, index).rows for board in event.boards for one in changed):
            yield event
