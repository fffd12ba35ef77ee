"""What the doctor finds on real servers, healthy, sick and silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.markets import betpawa, betpawa_row, observation
from tests.support.people.commands import command_in_process
from tests.support.services.installation import Installation
from worker.operations.doctor.examination import examine
from worker.operations.doctor.findings import Finding

pytestmark = pytest.mark.services

AFTER_THE_SERVERS = {
    "topics",
    "acls",
    "group",
    "offsets",
    "sessions",
    "connections",
    "migrations",
    "roles",
    "locks",
    "snapshots",
    "mappings",
    "clock",
    "timestamps",
    "shapes",
}


async def found(
    installation: Installation, *, timeout_s: float = 20, **changed: str
) -> Sequence[Finding]:
    return await examine(installation.settings.model_copy(update=changed), timeout_s=timeout_s)


def by_level(findings: Sequence[Finding], level: str) -> dict[str, str]:
    """The messages of a level by subject; of several the last."""
    return {finding.subject: finding.message for finding in findings if finding.level == level}


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """The address of a server that takes connections and never says a word."""
    open_connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(
        lambda _, writer: open_connections.append(writer), host="127.0.0.1", port=0
    )
    try:
        yield "{}:{}".format(*server.sockets[0].getsockname())
    finally:
        for writer in open_connections:
            writer.close()
        server.close()


async def test_a_healthy_installation_has_no_failure_and_no_other_warning_than_of_who_asks(
    installation: Installation,
) -> None:
    findings = await found(installation)
    assert by_level(findings, "FAILURE") == {}
    assert by_level(findings, "WARNING").keys() == {"group", "roles"}, (
        "no worker runs, and a superuser asks"
    )
    assert by_level(findings, "OK").keys() >= AFTER_THE_SERVERS - {"group", "roles"}


async def test_each_sickness_is_found_beside_the_others(installation: Installation) -> None:
    settings = installation.settings
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    early = round(time.time() * 1000) + 600_000
    await producer.send_and_wait(
        settings.topics.observations["bet9ja"], b"x", partition=1, timestamp_ms=early
    )
    await producer.stop()
    await installation.query(
        """INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
        VALUES ('broken', 'Broken', '1', '[{"canonical_id": "yes", "sportybet_desc": 7}]') RETURNING id"""
    )
    await installation.query("UPDATE alembic_version SET version_num = '0010' RETURNING 1")
    findings = await found(installation, topic_unmapped="nowhere")
    failures = by_level(findings, "FAILURE")
    assert failures.keys() == {"topics", "migrations", "mappings"}
    assert failures["topics"] == f"{settings.topic_prefix}nowhere is missing"
    assert failures["migrations"].startswith("at 0010, this program needs ")
    assert failures["mappings"].startswith("broken cannot be used: ")
    assert "bet9ja [1] has a record" in by_level(findings, "WARNING")["timestamps"]
    assert all(finding.remedy for finding in findings if finding.level != "OK")


async def test_a_bookmaker_that_changes_its_form_is_named_with_an_example(
    installation: Installation,
) -> None:
    topic = installation.settings.topics.observations["betpawa"]
    now_ms = round(time.time() * 1000)
    usual = betpawa("5000", betpawa_row(10, Over=1.98, Under=1.8))
    moved = betpawa("5000", betpawa_row(None, Over=1.98, Under=1.8) | {"line": "2.5"})
    producer = AIOKafkaProducer(bootstrap_servers=installation.settings.kafka_bootstrap_servers)
    await producer.start()
    for market, time_ms in ((usual, now_ms - 26 * 3_600_000), (moved, now_ms)):
        value = observation("betpawa", [market])
        for _ in range(20):
            await producer.send_and_wait(topic, value, partition=0, timestamp_ms=time_ms)
    await producer.stop()
    findings = await found(installation)
    said = [one.message for one in findings if one.subject == "shapes" and one.level == "WARNING"]
    assert said[0].startswith(
        "betpawa: 100.0% of the markets are refused, 0.0% a day before: 5000 INVALID_SPECIFIER"
    )
    assert f"{topic} [0] offset 2" in said[0]
    assert said[1:] == [
        "betpawa: only 0.0% of the markets are resolved, 100.0% a day before",
        "betpawa: fields that nobody reads: line (row)",
    ]
    others = [one.message for one in findings if one.subject == "shapes" and one.level == "OK"]
    assert others == ["sportybet: no observations", "bet9ja: no observations"]


async def test_a_dead_broker_does_not_hide_what_the_database_tells(
    installation: Installation,
) -> None:
    findings = await found(installation, timeout_s=10, kafka_bootstrap_servers="127.0.0.1:1")
    assert by_level(findings, "FAILURE").keys() == {"kafka"}
    assert by_level(findings, "OK").keys() >= {"database", "migrations", "mappings", "clock"}
    assert by_level(findings, "WARNING").keys() >= {"topics", "acls", "group", "offsets"}


async def test_a_dead_database_does_not_hide_what_kafka_tells(installation: Installation) -> None:
    dead = "postgresql://user:hush@127.0.0.1:1/x"
    findings = await found(installation, database_url=dead)
    assert by_level(findings, "FAILURE").keys() == {"database"}
    assert by_level(findings, "OK").keys() >= {"kafka", "topics", "acls", "timestamps"}
    assert "hush" not in str(findings)


async def test_servers_that_never_answer_cost_a_bounded_time(installation: Installation) -> None:
    async with silent_server() as server, asyncio.timeout(60):
        findings = await found(
            installation,
            timeout_s=2,
            kafka_bootstrap_servers=server,
            database_url=f"postgresql://user:hush@{server}/x",
        )
    assert by_level(findings, "FAILURE").keys() == {"kafka", "database"}
    assert by_level(findings, "WARNING").keys() == AFTER_THE_SERVERS


async def test_the_command_tells_machines_and_people_and_ends_by_what_it_found(
    installation: Installation,
) -> None:
    answer = (await command_in_process(installation, "doctor", "--json")).json
    assert answer["ok"] is True
    assert answer["findings"][0]["subject"] == "settings"
    shown = await command_in_process(installation, "doctor", MARKETMAP_TOPIC_UNMAPPED="nowhere")
    assert shown.code == 1
    assert "FAILURE  topics" in shown.stdout
    assert "-> marketmap topics ensure" in shown.stdout
    assert "1 failure, " in shown.stderr
