"""What was seen of a missed market: the labels of the watched events, else those of its sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.console import err
from worker.domain.books.platforms import is_platform
from worker.domain.index import MappingIndex
from worker.domain.labels import fold
from worker.domain.scope import parse_external_id
from worker.runtime.index.covering import usable
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent, StoredSuggestion
from worker.storage.mappings import StoredMapping, list_mappings
from worker.storage.misses import QueuedMiss

if TYPE_CHECKING:
    from worker.insight.seen_labels import SeenLabels

_MOST_EVENTS: Final = 200


class SeenMiss(NamedTuple):
    """A missed market with the mappings that have its id, its suggestions and the watched events."""

    miss: QueuedMiss
    claimants: Sequence[StoredMapping]
    suggestions: Sequence[StoredSuggestion]
    events: Sequence[StoredEvent]

    @property
    def best(self) -> StoredSuggestion | None:
        return self.suggestions[0] if self.suggestions else None

    def labels(self) -> SeenLabels | None:
        """The labels on the watched events; None without such events, or without the extra `insight`."""
        if not self.events or not is_platform(self.miss.source):
            return None
        try:
            from worker.insight.price_check import unpacked_event  # noqa: PLC0415  needs the extra `insight`
            from worker.insight.seen_labels import seen_labels  # noqa: PLC0415
            from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415
        except ModuleNotFoundError as error:
            if error.name not in {"numpy", "scipy"}:
                raise
            err.print(
                f"Only sampled labels are known: {error.name} of the extra `insight` is missing."
            )
            return None
        index = MappingIndex(usable(self.claimants))
        try:
            boards = [b for one in self.events for b in unpacked_event(one).boards]
        except UnreadableBoardsError as error:
            err.print(f"Only sampled labels are known: {error}.", markup=False)
            return None
        found = seen_labels(boards, self.miss.source, self.miss.external_market_id, index)
        return found if found.labels else None

    def samples(self) -> list[dict[str, Any]]:
        """What a draft is made of: each label with its qualifier."""
        found = self.labels()
        if found is None:
            return self.miss.samples
        if found.names:
            shown = ", ".join(repr(one.label) for one in found.names[:3])
            err.print(
                f"{len(found.names)} labels are left out: each is on one of {found.events} events only, as "
                f"names are ({shown}).",
                markup=False,
            )
        return [{"label": one.label, "qualifier": one.qualifier} for one in found.labels]


async def read_seen(connection: AsyncConnection, miss: QueuedMiss) -> SeenMiss:
    """Read what is known of a miss."""
    claimants = await list_mappings(
        connection,
        is_active=True,
        platform=miss.source,
        market_id=parse_external_id(miss.external_market_id).market_id,
    )
    return SeenMiss(
        miss,
        claimants,
        await evidence.read_suggestions(connection, miss.key),
        await evidence.read_events(connection, _MOST_EVENTS),
    )


def named_as_suggested(values: dict[str, Any], best: StoredSuggestion | None) -> dict[str, Any]:
    """A draft whose outcomes are called as in the best suggestion."""
    outcomes = best.outcomes if best is not None and isinstance(best.outcomes, dict) else {}
    rows = []
    for row in values["outcome_mapping"]:
        labels = [label for name, label in row.items() if name not in {"canonical_id", "position"}]
        said = next((label for label in labels if label), "")
        name = outcomes.get(said, outcomes.get(fold(said)))
        rows.append(row if name is None else row | {"canonical_id": name})
    return values | {"outcome_mapping": rows}
