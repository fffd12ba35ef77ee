"""What is measured: messages with their true answers, the same in every process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import count, islice
from typing import Any, Final, NamedTuple

import orjson

from worker.lab.bench.cut import CutMarkets, by_market, part, size
from worker.lab.synthetic.expected import UNKNOWN_MARKET, Generated
from worker.lab.synthetic.extras import EXTRAS, Extra
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
_SEED: Final = 1
_HOT_KEYS: Final = 50
_HITS_IN_HOT: Final = 1 / 9  # as many as leave nine misses in ten markets
_LARGE_BYTES: Final = 1_400_000


class Message(NamedTuple):
    """One record to publish, and what is true of it. ``markets`` is how many the book lists in it."""

    seen: Generated
    value: bytes
    markets: int

    @property
    def key(self) -> bytes:
        return self.seen.key.encode()


@dataclass(frozen=True)
class Workload:
    name: str
    messages: Sequence[Message]

    @cached_property
    def bytes(self) -> int:
        return sum(len(message.value) for message in self.messages)

    @cached_property
    def markets(self) -> int:
        return sum(message.markets for message in self.messages)


class Sizes(NamedTuple):
    """How much of each workload: events of the scrape, messages of the others."""

    events: int = 800
    small: int = 60_000
    large: int = 40


def scrape(events: int, extras: Collection[Extra] = ()) -> list[Generated]:
    """A scrape of three books, as large and as mixed as a real one of this number of events."""
    made = generate_scrape(seed=_SEED, events=events, started_at=STARTED_AT, extras=extras)
    return list(made)


def workload(name: str, seen: Iterable[Generated]) -> Workload:
    return Workload(name, [Message(one, orjson.dumps(one.observation), size(one)) for one in seen])


def make(name: str, source: Sequence[Generated], sizes: Sizes) -> Workload:
    """One of WORKLOADS; ``source`` is the scrape that all but `mixed` are cut from."""
    match name:
        case "scrape":
            return workload(name, source)
        case "small":
            return workload(name, islice(_single_markets(source), sizes.small))
        case "hot":
            return workload(name, _mostly_missed(source))
        case "large":
            return workload(name, islice(_largest(), sizes.large))
        case "mixed":
            return workload(name, scrape(sizes.events, EXTRAS))
        case _:
            raise ValueError(f"{name} is not one of {', '.join(WORKLOADS)}")


# Those that are compared from release to release. `mixed` is a scrape of this size with all EXTRAS.
USUAL_WORKLOADS: Final = ("scrape", "small", "hot", "large")
WORKLOADS: Final = (*USUAL_WORKLOADS, "mixed")


def of_size(source: Sequence[Generated], markets: int, *, total: int) -> Workload:
    """Messages of about ``markets`` each, ``total`` in all; the source is repeated as often as needed."""
    pieces = [piece for seen in source if (piece := _cut_to(seen, markets)) is not None]
    chosen = (pieces[number % len(pieces)] for number in range(max(1, total // markets)))
    return workload(f"{markets} markets", chosen)


def _cut_to(seen: Generated, markets: int) -> Generated | None:
    """The first markets of an observation, up to this number; None if it has less than nine tenths."""
    taken: CutMarkets = {}
    room = markets
    for id_, entries in by_market(seen).items():
        if (length := size(part(seen, {id_: entries}))) <= room:
            taken[id_] = entries
            room -= length
    return part(seen, taken) if room <= markets / 10 and room < markets else None


def _single_markets(source: Iterable[Generated]) -> Iterator[Generated]:
    for seen in source:
        for id_, entries in by_market(seen).items():
            alone = part(seen, {id_: entries})
            if size(alone) == 1:
                yield alone


def _mostly_missed(source: Sequence[Generated]) -> Iterator[Generated]:
    counts = Counter((seen.platform, id_) for seen in source for id_ in _missed(seen))
    hot = {key for key, _ in counts.most_common(_HOT_KEYS)}
    for seen in source:
        markets = by_market(seen)
        misses = {id_: markets[id_] for id_ in _missed(seen) if (seen.platform, id_) in hot}
        if misses:
            yield part(seen, misses | _hits(seen, markets, size(part(seen, misses)) * _HITS_IN_HOT))


def _missed(seen: Generated) -> list[str]:
    return [
        miss.external_market_id for miss in seen.expected.misses if miss.reason == UNKNOWN_MARKET
    ]


def _hits(seen: Generated, markets: CutMarkets, wanted: float) -> CutMarkets:
    """Mapped markets with no more than ``wanted`` entries in all."""
    taken: CutMarkets = {}
    for id_ in dict.fromkeys(market.external_market_id for market in seen.expected.markets):
        if id_ in markets and size(part(seen, taken | {id_: markets[id_]})) <= wanted:
            taken[id_] = markets[id_]
    return taken


def _largest() -> Iterator[Generated]:
    """The richest event of each of many scrapes, on the book that says most of it."""
    for seed in count(1):
        for seen in generate_scrape(seed=seed, events=1, started_at=STARTED_AT):
            if seen.platform == "sportybet":
                yield _padded(seen)


def _padded(seen: Generated) -> Generated:
    """With a help text in every market that nobody reads, until it is as large as the largest seen."""
    markets: list[dict[str, Any]] = seen.observation["markets"]
    missing = _LARGE_BYTES - len(orjson.dumps(seen.observation))
    text = "Explains the market. " * (max(0, missing) // len(markets) // 21)
    padded = [market | {"marketGuide": text} for market in markets]
    return seen._replace(observation=seen.observation | {"markets": padded})
