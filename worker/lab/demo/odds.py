"""The third act of a demo: by the odds a missed market is mapped, and a wrong mapping is found.

Before the first scrape one bookmaker's id is taken out of a mapping. So a market is missed of which the
generator knows what it is: its own missed markets have prices that mean nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.mapping import Mapping, parse_mapping
from worker.lab.demo.mapping import ACTOR
from worker.lab.demo.worker import DemoProcess
from worker.lab.synthetic.expected import UNKNOWN_MARKET, ExpectedMiss, Generated
from worker.operations.mappings import editing as changes
from worker.operations.mappings.editing import AppliedChange, EditedState
from worker.operations.unmapped import triage
from worker.settings.connected import ConnectedSettings
from worker.storage.editing import Edit, editing
from worker.storage.engine import opened, transaction
from worker.storage.insight import alarms, evidence
from worker.storage.insight.alarms import StoredAlarm
from worker.storage.insight.evidence import StoredSample, StoredSuggestion
from worker.storage.misses import QueueKey

LEFT_OUT: Final[QueueKey] = ("bet9ja", "S_DC1T")
CANONICAL_ID: Final = "double_chance_1h"
# (mapping, bookmaker): yes and no are swapped here.
SWAPPED: Final = ("btts_ft", "sportybet")
# With fewer events in a scrape there may not be the ten that an alarm needs.
LEAST_EVENTS: Final = 14
_PACKAGES: Final = ("numpy", "scipy")
_PATIENCE_S: Final = 300.0
_PAUSE_S: Final = 0.1

Found = TypeVar("Found")


class SuggestedMarket(NamedTuple):
    """What a missed market is by its odds, with examples."""

    suggestion: StoredSuggestion
    samples: Sequence[StoredSample]


class SwappedLabels(NamedTuple):
    """A mapping with swapped labels; ``version_before`` is the one to go back to."""

    version_before: int
    version: int


class Alarmed(NamedTuple):
    """The open alarms once the swap was found, how long that took, and the change that undid the swap."""

    swap: SwappedLabels
    alarms: Sequence[StoredAlarm]
    seconds: float
    undone: AppliedChange


class ThirdAct(NamedTuple):
    """What the odds said; None where they did not say it in time."""

    suggested: SuggestedMarket | None
    alarmed: Alarmed | None


def why_not(events: int) -> str | None:
    """Why a demo of this number of events has no third act; None if it has one."""
    if not all(map(find_spec, _PACKAGES)):
        return "the extra `insight` is not installed"
    if events < LEAST_EVENTS:
        return f"an alarm needs ten events that two bookmakers sell: give {LEAST_EVENTS} or more"
    return None


def without_id(current: EditedState) -> Mapping:
    """The mapping without the bookmaker's ids and labels."""
    rows = [row | {"bet9ja_suffix": None} for row in _rows(current)]
    further = [one for one in current["also"] or () if one["platform"] != LEFT_OUT[0]] or None
    return parse_mapping({**current, "bet9ja_key": None, "also": further, "outcome_mapping": rows})


def with_swap(current: EditedState) -> Mapping:
    """The mapping with the labels of its two outcomes swapped at the bookmaker."""
    one, other = _rows(current)
    fields = [name for name in one if name.startswith(f"{SWAPPED[1]}_")]
    swapped = [
        row | {name: labels[name] for name in fields}
        for row, labels in ((one, other), (other, one))
    ]
    return parse_mapping({**current, "outcome_mapping": swapped})


async def leave_out(settings: ConnectedSettings) -> None:
    """Take the bookmaker's id out of the mapping."""
    async with edited(settings, f"without {' '.join(LEFT_OUT)}, for odds to find it again") as edit:
        await changes.update(edit, CANONICAL_ID, without_id)


def as_left_out(seen: Generated, left_out: Collection[QueueKey] = (LEFT_OUT,)) -> Generated:
    """The true answer of an observation while no mapping has the ids: their markets are missed."""
    ids = {market_id for platform, market_id in left_out if platform == seen.platform}
    expected = seen.expected
    markets = tuple(one for one in expected.markets if one.external_market_id not in ids)
    misses = tuple(one for one in expected.misses if one.external_market_id not in ids)
    rejected = tuple(one for one in expected.rejected if one.external_market_id not in ids)
    found = {one.external_market_id for one in expected.markets}
    found.update(one.external_market_id for one in expected.misses)
    found.update(one.external_market_id for one in expected.rejected)
    missed = (ExpectedMiss(market_id, UNKNOWN_MARKET, None) for market_id in sorted(found & ids))
    left = expected._replace(markets=markets, misses=(*misses, *missed), rejected=rejected)
    return seen._replace(expected=left)


async def suggested(settings: ConnectedSettings, insight: DemoProcess) -> SuggestedMarket | None:
    """The confident suggestion for the missed market, once it is there."""

    async def read(connection: AsyncConnection) -> SuggestedMarket | None:
        found = await evidence.read_suggestions(connection, LEFT_OUT)
        if not found or not found[0].is_confident:
            return None
        samples = await evidence.read_samples(connection, "miss", LEFT_OUT)
        # The process writes examples after the suggestions.
        return SuggestedMarket(found[0], samples) if samples else None

    return await awaited(settings, insight, read)


async def accept(settings: ConnectedSettings, suggestion: StoredSuggestion) -> AppliedChange:
    """Map the market as suggested."""
    async with edited(settings, f"suggested with confidence {suggestion.confidence:.2f}") as edit:
        return await triage.map_suggested(edit, LEFT_OUT, suggestion.rank)


async def find_swap(settings: ConnectedSettings, insight: DemoProcess) -> Alarmed | None:
    """SwappedLabels the labels of a mapping, wait for the alarm, and undo the swap; None if no alarm came."""
    swap = await _swap(settings)
    clock = asyncio.get_running_loop().time
    began = clock()

    async def read(connection: AsyncConnection) -> Sequence[StoredAlarm]:
        raised, _ = await alarms.list_alarms(connection, statuses=["OPEN"])
        ours = [one for one in raised if (one.canonical_id, one.platform) == SWAPPED]
        return raised if any(one.version == swap.version for one in ours) else []

    try:
        raised = await awaited(settings, insight, read)
        seconds = clock() - began
    finally:
        async with edited(settings, "the odds contradict it") as edit:
            undone = await changes.roll_back(edit, SWAPPED[0], swap.version_before)
    return None if raised is None else Alarmed(swap, raised, seconds, undone)


async def _swap(settings: ConnectedSettings) -> SwappedLabels:
    async with edited(settings, "yes and no swapped, for an alarm to find it") as edit:
        before = await edit.get(SWAPPED[0], None)
        change = await changes.update(edit, SWAPPED[0], with_swap)
    return SwappedLabels(before.version, change.version or 0)


def _rows(current: EditedState) -> list[dict[str, Any]]:
    return [dict(row) for row in current["outcome_mapping"]]


@asynccontextmanager
async def edited(settings: ConnectedSettings, reason: str) -> AsyncIterator[Edit]:
    """Changes of mappings by the demo, saved together at the end of the block."""
    async with (
        opened(settings.database_url, application_name="marketmap-demo") as engine,
        editing(engine, actor=ACTOR, reason=reason) as edit,
    ):
        yield edit


async def awaited(
    settings: ConnectedSettings,
    insight: DemoProcess,
    read: Callable[[AsyncConnection], Awaitable[Found | None]],
    *,
    patience_s: float = _PATIENCE_S,
) -> Found | None:
    """What the process has written, once there is something; None if nothing comes in time."""
    try:
        async with (
            asyncio.timeout(patience_s),
            opened(settings.database_url, application_name="marketmap-demo") as engine,
        ):
            while True:
                insight.require_alive()
                async with transaction(engine) as connection:
                    found = await read(connection)
                if found:
                    return found
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError:
        return None
