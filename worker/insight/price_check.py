"""What the prices of watched events say about mappings that are about to be saved. Pure.

The mappings are judged as the insight process would judge them once they are saved: compared with other
bookmakers and the goal model on some events, and held against other readings where they are far off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.insight.alarms import LEAST_EVENTS, Alarm
from worker.insight.judging import Judge
from worker.insight.targets import mapped_rows
from worker.insight.watching.judgement import EventVerdicts, EvidenceRow
from worker.insight.watching.stored import unpack_together
from worker.insight.watching.window import WatchedEvent, boards_together
from worker.storage.insight.evidence import StoredEvent

# An alarm needs ten; a bookmaker may not sell the market on each.
MOST_EVENTS: Final = LEAST_EVENTS + 2


class PriceFinding(NamedTuple):
    """One mapping at one bookmaker: what it was compared with, and what explains its prices better."""

    canonical_id: str
    platform: str
    comparisons: Sequence[EvidenceRow]
    alarm: Alarm | None


def stored_event(stored: StoredEvent) -> WatchedEvent:
    """An event as it was stored. Raises UnreadableBoardsError."""
    boards = {
        platform: one for platform, (_, one) in unpack_together(stored.event, stored.boards).items()
    }
    return WatchedEvent(stored.event, stored.home, stored.away, stored.starts_at, boards)


def check_prices(
    stored: Sequence[StoredEvent],
    mappings: Mapping[str, MarketMapping],
    names: Collection[str],
    judge: Judge,
) -> list[PriceFinding]:
    """Judge the mappings of these names among all active ones. Raises UnreadableBoardsError."""
    changed = [mappings[name] for name in sorted(names) if name in mappings]
    index = MappingIndex(mappings.values())
    selling = _selling(map(stored_event, stored), changed, index)
    events = [event for _, event in zip(range(MOST_EVENTS), selling, strict=False)]
    if not events:
        return []
    verdicts = EventVerdicts(judge, index, mappings, events)
    for event in verdicts.update(events):
        verdicts.look(event)
    rows = verdicts.evidence()
    suspects = verdicts.suspects(rows)
    found: dict[tuple[str, str], PriceFinding] = {}
    for row in rows:
        key = (row.canonical_id, row.platform)
        if row.canonical_id not in names:
            continue
        if key not in found:
            raised = verdicts.alarm(key) if key in suspects else None
            found[key] = PriceFinding(*key, [], None if raised is None else raised.alarm)
        found[key] = found[key]._replace(comparisons=[*found[key].comparisons, row])
    return list(found.values())


def _selling(
    events: Iterator[WatchedEvent], changed: Sequence[MarketMapping], index: MappingIndex
) -> Iterator[WatchedEvent]:
    """The events on which one of the mappings reads something."""
    for event in events:
        boards = boards_together(event)
        if any(mapped_rows(board, one, index).rows for board in boards for one in changed):
            yield event
