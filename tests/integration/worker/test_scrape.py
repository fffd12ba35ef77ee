"""The worker as a real process on real services, over a generated scrape whose true answer is known."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.oracle import check
from worker.lab.synthetic.scrape import generate_scrape

pytestmark = pytest.mark.services

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENTS = 300


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return list(generate_scrape(seed=20261122, events=EVENTS, started_at=STARTED_AT, size="slim"))


def as_records(scrape: list[Generated]) -> list[Any]:
    return [
        (f"observations.{seen.platform}", seen.key.encode(), orjson.dumps(seen.observation), [])
        for seen in scrape
    ]


def expected_counts(scrape: list[Generated]) -> Counter[tuple[str, str]]:
    return Counter(
        (seen.platform, market)
        for seen in scrape
        for market in {miss.external_market_id for miss in seen.expected.misses}
    )


def identity(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["platform"], event["event"]["id"], event["observed_at"]


async def test_every_answer_of_a_scrape_is_right_though_the_worker_is_killed_in_the_middle(
    installation: Any, scrape: list[Generated]
) -> None:
    await installation.publish(as_records(scrape))
    first = installation.start_worker(
        MARKETMAP_BATCH_MAX_RECORDS="40", MARKETMAP_COUNT_INTERVAL_S="0"
    )
    await installation.progressed(len(scrape) // 3)
    first.send_signal(signal.SIGKILL)
    first.wait()
    killed_at = await installation.admin.backlog(
        installation.settings.group_id, installation.settings.topics.observations.values()
    )
    assert killed_at.done < len(scrape), "the worker was done before it could be killed"

    installation.start_worker()
    await installation.caught_up()
    assert await installation.stop_worker(1) == 0

    records = await installation.consume("odds.resolved")
    truth = {identity(normalised(seen.observation)): seen for seen in scrape}
    by_id = {dict(record.headers)["marketmap-id"]: orjson.loads(record.value) for record in records}
    events = {identity(event): event for event in by_id.values()}
    assert events.keys() == truth.keys(), "an observation was lost or invented"
    assert len(by_id) == len(scrape), "an output's id is not its observation's"
    differences = [
        difference
        for place, event in events.items()
        for difference in check(truth[place].expected, event)
    ]
    assert differences == []
    assert await installation.counts() == expected_counts(scrape)


def normalised(observation: dict[str, Any]) -> dict[str, Any]:
    """The observation with its time as the worker writes it."""
    at = datetime.fromisoformat(observation["observed_at"]).astimezone(UTC)
    return {**observation, "observed_at": at.isoformat().replace("+00:00", "Z")}
