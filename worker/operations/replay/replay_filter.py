"""Which observations a replay publishes, and the outcome of each record. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from schemas import DeadReason
from worker.domain.resolve import Resolution
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.record import Outgoing, Record


class MarketName(NamedTuple):
    """A platform and its own id of a market; one without a qualifier (``8``) takes in ``8?goalnr=2``, too."""

    platform: str
    market_id: str

    def is_in(self, resolution: Resolution) -> bool:
        """Whether the event holds the market: resolved, missed or refused under that id."""
        entries: Iterable[str] = (
            *(layout.external_id for layout, _ in resolution.markets),
            *(found.layout.external_id for found in resolution.players),
            *(miss.external_market_id for miss in resolution.misses),
            *(rejection.external_market_id for rejection in resolution.rejected),
        )
        qualified = f"{self.market_id}?"
        return any(found == self.market_id or found.startswith(qualified) for found in entries)

    def __str__(self) -> str:
        return f"{self.platform}:{self.market_id}"


class ReplayFilter(NamedTuple):
    """Only these platforms, and only events that hold one of these markets; an empty one takes all.

    ``to_topic`` is where they are published, by its full name; None for the live topic.
    """

    platforms: Sequence[str] = ()
    markets: Sequence[MarketName] = ()
    to_topic: str | None = None

    def takes(self, platform: str, resolution: Resolution) -> bool:
        if self.platforms and platform not in self.platforms:
            return False
        return not self.markets or any(
            market.platform == platform and market.is_in(resolution) for market in self.markets
        )

    def as_document(self) -> dict[str, Any]:
        elsewhere = {} if self.to_topic is None else {"to_topic": self.to_topic}
        return {
            "platforms": list(self.platforms),
            "markets": [str(market) for market in self.markets],
            **elsewhere,
        }

    @classmethod
    def from_document(cls, document: object) -> ReplayFilter:
        """The filter that `as_document` made this of. Raises ValueError for anything else."""
        if not _is_filter(document):
            raise ValueError("its filters cannot be read")
        markets = [MarketName(*name.split(":", 1)) for name in document["markets"]]
        return cls(tuple(document["platforms"]), tuple(markets), document.get("to_topic"))


def _is_filter(document: object) -> TypeGuard[dict[str, Any]]:
    return (
        isinstance(document, dict)
        and _are_texts(document.get("platforms"))
        and _are_texts(document.get("markets"))
        and all(":" in name for name in document["markets"])
        and isinstance(document.get("to_topic"), str | None)
    )


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


class NotPublished(NamedTuple):
    """In place of an output: the record does not match the filter, or cannot be read."""


ReplayVerdict = Outgoing | NotPublished


class Verdicts:
    """The worker's output for each record that the filter matches; never a dead letter."""

    def __init__(self, encoder: Encoder, choice: ReplayFilter) -> None:
        self._encoder = encoder
        self._choice = choice

    def resolved(
        self,
        source_id: str,
        record: Record,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> ReplayVerdict | None:
        if not self._choice.takes(envelope["platform"], resolution):
            return NotPublished()
        return self._encoder.resolved(source_id, record, envelope, resolution, version)

    def dead(
        self, source_id: str, record: Record, reason: DeadReason, detail: str, ids: RecordIds
    ) -> ReplayVerdict:
        del source_id, record, reason, detail, ids
        return NotPublished()


@dataclass(slots=True)
class ReplayedBatch:
    """The outcome of a batch: records published, skipped by the filter, or unreadable by reason."""

    outputs: list[Outgoing] = field(default_factory=list)
    passed_over: int = 0
    unreadable: Counter[DeadReason] = field(default_factory=Counter)


def outcome(planned: Iterable[Planned[ReplayVerdict]]) -> ReplayedBatch:
    total = ReplayedBatch()
    for one in planned:
        if one.dead is not None:
            total.unreadable[one.dead] += 1
        elif isinstance(one.output, Outgoing):
            total.outputs.append(one.output)
        else:
            total.passed_over += 1
    return total
