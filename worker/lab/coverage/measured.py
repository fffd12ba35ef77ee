"""Coverage and agreement over all replies of a folder: counted, as tables and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.domain.resolve import Resolution, resolve
from worker.insight.distances import Distance, spread

from .agreement import Comparable, agreement, comparable, switched_on
from .entries import SoldEntry, entries
from .replies import Reply, replies


class CountedEntries(NamedTuple):
    """Entries of one reply, or of several, by what becomes of them; ``codes`` of those not resolved."""

    verdicts: Counter[str]
    codes: Counter[str]

    @property
    def total(self) -> int:
        return self.verdicts.total()

    @property
    def share(self) -> float | None:
        """The share that is resolved; None of no entries."""
        return self.verdicts["resolved"] / self.total if self.total else None


@dataclass(slots=True)
class EventBooks:
    """One event as its bookmakers sell it; the lists are in the order of the replies."""

    name: str
    sport: str
    is_live: bool
    platforms: list[Platform] = field(default_factory=list)
    found: list[list[SoldEntry]] = field(default_factory=list)
    known: list[list[SoldEntry]] = field(default_factory=list)
    resolutions: dict[str, Resolution] = field(default_factory=dict)

    def comparable(self, *, players: bool) -> Comparable:
        return comparable(self.known, self.found, players=players)

    def agreement(self) -> Iterator[tuple[str, list[Distance]]]:
        return agreement(self.resolutions)


def measure(folder: Path, mappings: Iterable[Mapping]) -> list[EventBooks]:
    """Every event of a folder of replies under a catalogue."""
    mappings = list(mappings)
    shipped, everything = MappingIndex(mappings), MappingIndex(switched_on(mappings))
    events: dict[str, EventBooks] = {}
    for reply in replies(folder):
        event = events.setdefault(reply.event, _event(reply))
        event.platforms.append(reply.observation.platform)
        event.found.append(entries(reply.observation, shipped))
        event.known.append(entries(reply.observation, everything))
        event.resolutions[reply.observation.platform] = resolve(reply.observation, shipped)
    return list(events.values())


def _event(reply: Reply) -> EventBooks:
    scope = reply.observation.scope
    return EventBooks(reply.name, scope.sport, scope.is_live)


def counted(found: Iterable[SoldEntry], *, players: bool) -> CountedEntries:
    """Count entries, with or without those that name players."""
    kept = [one for one in found if players or not one.names_players]
    return CountedEntries(
        Counter(one.verdict for one in kept),
        Counter(one.code for one in kept if one.code is not None),
    )


def coverage_table(events: Iterable[EventBooks]) -> Iterator[str]:
    """The entries of each reply as a table in Markdown."""
    yield (
        "| event | bookmaker | entries without players | resolved | in part | refused | missed"
        " | share | with players | share |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for event in events:
        for platform, found in zip(event.platforms, event.found, strict=True):
            without, all_ = counted(found, players=False), counted(found, players=True)
            cells = [str(without.verdicts[one]) for one in _VERDICTS]
            yield (
                f"| {event.name} | {platform} | {without.total} | {' | '.join(cells)}"
                f" | {_percent(without.share)} | {all_.total} | {_percent(all_.share)} |"
            )


_VERDICTS = ("resolved", "in part", "refused", "missed")


def totals_table(events: Iterable[EventBooks]) -> Iterator[str]:
    """The entries of each bookmaker on football before the match, on the other sports, and in play."""
    groups: defaultdict[tuple[str, Platform], list[SoldEntry]] = defaultdict(list)
    for event in events:
        for platform, found in zip(event.platforms, event.found, strict=True):
            groups[_kind(event), platform] += found
    yield "| events | bookmaker | entries without players | share | with players | share |"
    yield "|---|---|---|---|---|---|"
    for (kind, platform), found in sorted(groups.items()):
        without, all_ = counted(found, players=False), counted(found, players=True)
        yield (
            f"| {kind} | {platform} | {without.total} | {_percent(without.share)}"
            f" | {all_.total} | {_percent(all_.share)} |"
        )


def _kind(event: EventBooks) -> str:
    return f"{event.sport} in play" if event.is_live else event.sport


def comparable_table(events: Iterable[EventBooks]) -> Iterator[str]:
    """What several bookmakers sell of each event, and how far apart their prices are."""
    yield "| event | sold on two or more | resolved on all that sell it | share | prices | p50 / p90 |"
    yield "|---|---|---|---|---|---|"
    for event in events:
        if len(event.platforms) < 2:
            continue
        found = event.comparable(players=False)
        prices = [f"{pair}: {len(distances)}" for pair, distances in event.agreement() if distances]
        spreads = [_spread(distances) for _, distances in event.agreement() if distances]
        share = found.resolved / found.sold if found.sold else None
        yield (
            f"| {event.name} | {found.sold} | {found.resolved} | {_percent(share)}"
            f" | {'; '.join(prices)} | {'; '.join(spreads)} |"
        )


def _spread(distances: list[Distance]) -> str:
    found = spread(distances)
    return "" if found is None else f"{found.median:.3f} / {found.p90:.3f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def as_document(events: Iterable[EventBooks]) -> list[dict[str, Any]]:
    """The same for programs; entries that are not resolved are listed."""
    return [_document(event) for event in events]


def _document(event: EventBooks) -> dict[str, Any]:
    found = event.comparable(players=False)
    return {
        "event": event.name,
        "sport": event.sport,
        "live": event.is_live,
        "bookmakers": {
            platform: {
                "without_players": _counts(counted(each, players=False)),
                "with_players": _counts(counted(each, players=True)),
                "not_resolved": [
                    {
                        "id": one.market_id,
                        "qualifier": one.qualifier,
                        "name": one.name,
                        "code": one.code,
                    }
                    for one in each
                    if one.verdict != "resolved"
                ],
            }
            for platform, each in zip(event.platforms, event.found, strict=True)
        },
        "comparable": found._asdict(),
        "agreement": {
            pair: {"prices": close.compared, "p50": close.median, "p90": close.p90}
            for pair, distances in event.agreement()
            if (close := spread(distances)) is not None
        },
    }


def _counts(counts: CountedEntries) -> dict[str, Any]:
    return {
        "entries": counts.total,
        **{one.replace(" ", "_"): counts.verdicts[one] for one in _VERDICTS},
        "codes": dict(sorted(counts.codes.items())),
    }
