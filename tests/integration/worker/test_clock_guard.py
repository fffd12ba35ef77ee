"""Records from the future, between good ones, on a real worker."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from tests.support.services.installation import Installation, Published
from tests.support.stream import expected_counts, numbers, resolved, stream

pytestmark = pytest.mark.services

GOOD = 20


def observed(record: Published, observed_at: datetime) -> Published:
    topic, key, value, headers = record
    return (
        topic,
        key,
        orjson.dumps(orjson.loads(value or b"") | {"observed_at": observed_at}),
        headers,
    )


async def test_they_are_dead_letters_and_never_pin_when_a_market_was_last_seen(
    installation: Installation,
) -> None:
    now = datetime.now(UTC)
    good = [observed(record, now) for record in stream(GOOD)]
    ahead = [timedelta(hours=1), timedelta(days=365 * 60)]
    bad = [observed(record, now + by) for record, by in zip(stream(2, GOOD), ahead, strict=True)]
    await installation.publish([*good[:10], *bad, *good[10:]])
    installation.start_worker(MARKETMAP_MAX_CLOCK_AHEAD_S="300")
    await installation.caught_up()
    letters = [dict(letter.headers) for letter in await installation.consume("observations.dead")]
    assert [letter["marketmap.dead.reason"] for letter in letters] == [b"OBSERVED_IN_FUTURE"] * 2
    assert sorted(numbers(await resolved(installation))) == list(range(GOOD))
    assert await installation.counts() == expected_counts(GOOD)
    (row,) = await installation.query("SELECT max(last_seen_at) FROM unmapped_market_log")
    assert abs(row[0] - now) < timedelta(seconds=1)
    _, text = await installation.ask("/metrics")
    found = dict(
        re.findall(
            r'marketmap_observation_age_seconds_bucket{le="([^"]+)",platform="sportybet"} (.+)',
            text,
        )
    )
    assert float(found["-300.0"]) == 2
    assert float(found["+Inf"]) == GOOD + 2
    assert await installation.stop_worker() == 0
