"""The relay on real services: what it publishes, who leads, what a leader that was replaced may still do."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.support.editing.changes import (
    AUDIT,
    audited,
    first_occurrences,
    parsed,
    published,
    table,
)
from tests.support.editing.edits import fetch, insert, run
from tests.support.editing.table_view import fold
from tests.support.services.installation import PATIENCE_S, Installation, until
from tests.support.services.relays import start_relay
from worker.domain.errors import TransientError
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing
from worker.runtime.process import background
from worker.runtime.relay.mapping_changed import mapping_changed
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.relay.publishing import Relay
from worker.storage.audit import read_after
from worker.storage.errors import StorageUnavailable
from worker.storage.lead import leading

pytestmark = pytest.mark.services

RELAYS = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'marketmap-relay' AND datname = current_database()
"""
LEADER = """
SELECT activity.pid FROM pg_stat_activity AS activity JOIN pg_locks AS lock USING (pid)
WHERE activity.application_name = 'marketmap-relay' AND activity.datname = current_database()
AND lock.locktype = 'advisory'
"""
# Returns once the session has ended.
KILL_LEADER = LEADER.replace("activity.pid", "pg_terminate_backend(activity.pid, 60000)", 1)

RunRelay = Callable[[], AbstractAsyncContextManager[RelayMetrics]]


@pytest.fixture
def run_relay(installation: Installation) -> RunRelay:
    @asynccontextmanager
    async def start() -> AsyncIterator[RelayMetrics]:
        failures: list[BaseException] = []
        metrics = RelayMetrics()
        relay = Relay(installation.settings, metrics, retry_delay=lambda _: 0.05)
        async with background(relay.run, failures.append):
            yield metrics
        assert failures == []

    return start


@pytest.fixture
def url(installation: Installation) -> str:
    return installation.settings.database_url


def value(metrics: RelayMetrics, name: str) -> float | None:
    return metrics.registry.get_sample_value(name)


async def test_every_audit_row_is_published_once_in_order_and_makes_the_table(
    installation: Installation, run_relay: RunRelay, url: str
) -> None:
    async with run_relay() as metrics:
        await published(installation)
        await insert(url, "btts 2", "x29")
        await run(url, "UPDATE user_market_mappings SET is_active = false WHERE id % 3 = 0")
        await run(url, "DELETE FROM user_market_mappings WHERE id % 5 = 0")
        await run(
            url,
            "UPDATE user_market_mappings SET canonical_id = canonical_id || ' 2' WHERE id % 7 = 0",
        )
        await published(installation)
        changes = parsed(await installation.consume("mappings.changes"))
    assert [(change.mapping_version, change.canonical_id, change.action) for change in changes] == (
        await audited(url)
    )
    assert fold(changes) == await table(url)
    assert value(metrics, "marketmap_relay_published_total") == len(changes)


async def test_a_relay_goes_on_where_the_last_one_stopped(
    installation: Installation, run_relay: RunRelay, url: str
) -> None:
    async with run_relay():
        await published(installation)
    await insert(url, "while nobody ran", "x1")
    async with run_relay() as metrics:
        await published(installation)
        assert value(metrics, "marketmap_relay_published_total") == 1
    changes = parsed(await installation.consume("mappings.changes"))
    assert len(changes) == len(await audited(url))


async def test_a_row_that_no_worker_can_use_is_published_in_the_form_of_the_schema(
    installation: Installation, run_relay: RunRelay, url: str
) -> None:
    outcomes = [
        7,
        {"no": "outcome"},
        {"canonical_id": "yes", "sportybet_desc": "Yes", "position": "x"},
    ]
    await insert(url, "broken", "x1", outcomes=[*outcomes, {"canonical_id": "no"}])
    async with run_relay():
        await published(installation)
    *_, change = parsed(await installation.consume("mappings.changes"))
    assert change.canonical_id == "broken"
    assert change.new is not None
    assert [outcome.canonical_id for outcome in change.new.outcome_mapping] == ["no"]


async def test_a_standby_takes_over_when_the_leaders_session_ends(
    installation: Installation, run_relay: RunRelay, url: str
) -> None:
    async with run_relay() as one, run_relay() as other:
        await published(installation)

        async def both_are_there() -> bool:
            return len(await fetch(url, RELAYS)) == 2

        await until(both_are_there)
        assert value(one, "marketmap_relay_leads") != value(other, "marketmap_relay_leads")
        with capture_logs() as logs:
            assert len(await fetch(url, KILL_LEADER)) == 1
            await insert(url, "after", "x1")
            await published(installation)

            async def has_noticed() -> bool:
                return "relay_gave_up_the_lead" in [line["event"] for line in logs]

            await until(has_noticed)
        leads = [value(metrics, "marketmap_relay_leads") for metrics in (one, other)]
    assert [line["event"] for line in logs].count("relay_gave_up_the_lead") == 1
    assert sum(lead or 0 for lead in leads) == 1
    changes = parsed(await installation.consume("mappings.changes"))
    assert first_occurrences(changes) == await audited(url)


async def test_a_leader_that_was_replaced_without_noticing_publishes_nothing_more(
    installation: Installation, url: str
) -> None:
    topic = installation.settings.topics.changes
    connection = {"bootstrap_servers": installation.settings.kafka_bootstrap_servers}
    async with installation.engine.connect() as database:
        rows = await read_after(database, 0, 2)
    old, new = (mapping_changed(topic, row, max_bytes=1_000_000).output for row in rows)

    def producer() -> Any:
        return fenced_outputs(connection, topic, max_bytes=1_000_000, timeout_s=10)

    async with producer() as stopped:
        async with producer() as successor:
            await successor.send([new])
        with pytest.raises(TransientError):
            await stopped.send([old])
    assert [record.value for record in await installation.consume("mappings.changes")] == [
        new.value
    ]


# It sends two records, and stays before the end of their transaction.
WRITER = """
import asyncio, sys
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing

async def main(brokers, topic):
    connection = {"bootstrap_servers": brokers}
    async with fenced_outputs(connection, topic, max_bytes=1_000_000, timeout_s=60) as outputs:
        async def never_ends():
            print("sent", flush=True)
            await asyncio.Event().wait()
        outputs._producer.commit_transaction = never_ends
        await outputs.send([Outgoing(topic, b"k", value, []) for value in (b"1", b"2")])

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_its_batch(
    installation: Installation,
) -> None:
    topic = installation.settings.topics.changes
    brokers = installation.settings.kafka_bootstrap_servers
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, brokers, topic, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert writer.stdout is not None
            assert await writer.stdout.readline() == b"sent\n"
    finally:
        writer.kill()
        await writer.wait()
    connection = {"bootstrap_servers": brokers}
    async with fenced_outputs(connection, topic, max_bytes=1_000_000, timeout_s=10) as successor:
        await successor.send([Outgoing(topic, b"k", b"3", [])])
    (record,) = await installation.consume("mappings.changes")
    assert (record.value, record.offset) == (b"3", 3)  # after both, and the mark of their abort


async def test_a_leader_that_lost_its_connection_cannot_move_the_cursor(url: str) -> None:
    async with leading(url, "x", silence_s=60, on_standby=lambda: None) as lead:
        await fetch(url, KILL_LEADER)
        with pytest.raises(StorageUnavailable):
            await lead.advance(1)


async def test_the_server_ends_a_lead_that_has_been_silent_for_too_long(url: str) -> None:
    async with leading(url, "x", silence_s=2, on_standby=lambda: None) as silent:
        async with (
            asyncio.timeout(60),
            leading(url, "x", silence_s=60, on_standby=lambda: None) as next_one,
        ):
            await next_one.advance(1)
        with pytest.raises(StorageUnavailable):
            await silent.pending()


async def test_two_topics_have_leads_of_their_own(url: str) -> None:
    async with (
        asyncio.timeout(60),
        leading(url, "one", silence_s=60, on_standby=lambda: None) as one,
        leading(url, "two", silence_s=60, on_standby=lambda: None) as two,
    ):
        await one.advance(3)
        assert two.version == 0


async def test_the_backlog_is_shown_while_kafka_does_not_have_the_topic(
    installation: Installation, url: str
) -> None:
    missing = installation.settings.model_copy(update={"topic_changes": "missing"})
    metrics = RelayMetrics()
    relay = Relay(missing, metrics, retry_delay=lambda _: 0.05)
    async with background(relay.run, lambda error: pytest.fail(str(error))):

        async def has_failed() -> bool:
            return relay.failed is not None

        await until(has_failed)
    assert "missing" in (relay.failed or "")
    assert value(metrics, "marketmap_relay_leads") == 0
    assert value(metrics, "marketmap_relay_backlog") == len(await fetch(url, AUDIT))
    assert (value(metrics, "marketmap_relay_age_seconds") or 0) > 0


async def test_a_commit_is_published_without_a_poll(installation: Installation, url: str) -> None:
    patient = installation.settings.model_copy(update={"relay_poll_s": 3600.0})
    relay = Relay(patient, RelayMetrics(), retry_delay=lambda _: 0.05)
    async with background(relay.run, lambda error: pytest.fail(str(error))):
        await published(installation)
        await insert(url, "told of", "x1")
        await published(installation)


async def test_a_worker_can_run_the_relay(installation: Installation, url: str) -> None:
    installation.start_worker(MARKETMAP_RELAY_IN_WORKER="true")
    await published(installation)
    assert len(await installation.consume("mappings.changes")) == len(await audited(url))
    _, metrics = await installation.ask("/metrics")
    assert "marketmap_relay_leads 1.0" in metrics.splitlines()
    assert await installation.stop_worker() == 0


async def test_a_relay_process_is_ready_tells_its_metrics_and_stops_when_it_is_told_to(
    installation: Installation,
) -> None:
    relay = start_relay(installation)
    await published(installation)
    address = (await relay.logged("listening"))["address"]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/readyz") as answer:
            assert (answer.status, (await answer.json())["reasons"]) == (200, [])

        async def has_no_backlog() -> bool:
            """The cursor moves before the backlog is counted again."""
            async with session.get(f"{address}/metrics") as answer:
                return "marketmap_relay_backlog 0.0" in (await answer.text()).splitlines()

        await until(has_no_backlog)
    assert await relay.stop() == 0
