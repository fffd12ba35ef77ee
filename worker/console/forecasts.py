"""What a change would do to the last observations, on a page: bounded in records, in time and in number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from worker.console.bounded import BoundedWork
from worker.console.context import Console
from worker.console.waited import in_thread
from worker.domain.errors import FatalError, TransientError
from worker.operations.replay.plan import Window
from worker.operations.what_if.difference import MissedLabel
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.forecast import ChangedCount, ChangedMarket, LabelCount
from worker.operations.what_if.foresight import Foresight, foresee
from worker.operations.what_if.prices import (
    MOST_EVENTS,
    ComparedPrices,
    NotCompared,
    compare_prices,
)
from worker.operations.what_if.tables import sentences
from worker.settings.connected import with_kafka
from worker.storage.insight import evidence

MINUTES: Final = 30
# A command reads more, and as far back as Kafka holds.
_MOST_RECORDS: Final = 400
_PATIENCE_S: Final = 30.0
_SHOWN: Final = 20
# Each plans records for seconds.
_forecasting = BoundedWork(1, patience_s=20.0)


class ForecastShown(NamedTuple):
    """A forecast for people: sentences, what happens to which market, labels, and distances of prices.

    ``missing`` is why observations were not read.
    """

    sentences: Sequence[str] = ()
    markets: Sequence[tuple[ChangedMarket, ChangedCount]] = ()
    misses: Sequence[tuple[str, MissedLabel, LabelCount]] = ()
    prices: Sequence[ComparedPrices] = ()
    not_compared: str | None = None
    missing: str | None = None


async def forecast(console: Console, draft: Draft) -> ForecastShown:
    """Say what a draft would do. Raises RefusedError while too many others ask."""
    if not draft.names:
        return ForecastShown(["No active mapping would change."])
    async with _forecasting.place():
        found = await _foresee(console, draft)
        async with console.databases.reading() as connection:
            events = await evidence.read_events(connection, MOST_EVENTS)
        prices = await in_thread(partial(compare_prices, events, draft))
    if isinstance(prices, NotCompared):
        shown = ForecastShown(not_compared=prices.reason)
    else:
        shown = ForecastShown(prices=prices)
    if isinstance(found, str):
        return shown._replace(missing=found)
    ordered = sorted(found.forecast.markets.items(), key=lambda one: (-one[1].markets, one[0][:3]))
    misses = sorted(found.forecast.misses.items(), key=lambda one: str(one[0]))
    changed = [(key[0], key[1], count) for key, count in misses if count.before != count.after]
    return shown._replace(
        sentences=list(sentences(found)),
        markets=ordered[:_SHOWN],
        misses=changed[:_SHOWN],
    )


async def _foresee(console: Console, draft: Draft) -> Foresight | str:
    settings = with_kafka(console.settings)
    if settings is None:
        return "this console knows no brokers: set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS"
    window = Window(round(time.time() * 1000) - MINUTES * 60_000, None)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await foresee(settings, draft, window, most_records=_MOST_RECORDS)
    except (TransientError, FatalError, TimeoutError) as error:
        return str(error) or f"no answer within {_PATIENCE_S:.0f} s"
