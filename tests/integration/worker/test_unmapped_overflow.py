"""A worker whose source brings more new markets than an hour takes up, while it is killed."""

from __future__ import annotations

import signal

import pytest

from tests.support.services.installation import Installation
from tests.support.stream import expected_counts, stream

pytestmark = pytest.mark.services

MOST = 3
RECORDS = 300
QUOTAS = "SELECT sum(new_markets), sum(overflowed), count(DISTINCT hour) FROM unmapped_overflow"


async def test_every_sighting_is_in_its_row_or_in_the_overflow_and_the_worker_tells_of_it(
    installation: Installation,
) -> None:
    killed = installation.start_worker(MARKETMAP_MAX_NEW_MARKETS_PER_HOUR=str(MOST))
    await installation.ready()
    await installation.publish(stream(RECORDS // 2))
    await installation.resolved_from(1)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    installation.start_worker(MARKETMAP_MAX_NEW_MARKETS_PER_HOUR=str(MOST))
    await installation.publish(stream(RECORDS // 2, first=RECORDS // 2))
    await installation.logged("unmapped_overflow", 1)
    await installation.caught_up()
    counts, expected = await installation.counts(), expected_counts(RECORDS)
    ((new_markets, overflowed, hours),) = await installation.query(QUOTAS)
    assert len(counts) == new_markets <= MOST * hours
    assert counts.total() + overflowed == expected.total()
    assert counts <= expected
    _, metrics = await installation.ask("/metrics", 1)
    assert 'marketmap_unmapped_overflow_total{source="sportybet"} 0.0' not in metrics
