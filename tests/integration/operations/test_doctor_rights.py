"""What the doctor says of credentials that may not do everything, on a broker that has an authorizer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.support.services.guarded_kafka import allow
from tests.support.services.installation import until
from worker.kafka.cluster.topics import TopicFacts
from worker.kafka.connections import admin_of
from worker.kafka.topic_specs import ensure_topics, topic_specs
from worker.local.services import LocalServices
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.kafka_verdicts import judge_rights, judge_topics
from worker.operations.doctor.parts import part_of
from worker.operations.installation.grants import Grant
from worker.settings.connected import KafkaSettings
from worker.settings.settings import Settings

pytestmark = pytest.mark.services

AUTHORIZER = """
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
"""
OURSELVES = "User:ANONYMOUS"
WORKER, ADMINISTRATOR = (part_of(Settings(), name) for name in ("worker", "administrator"))


@pytest.fixture(scope="module")
def guarded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker where a topic without ACLs is everybody's, and one with ACLs belongs to those they name."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "kafka").mkdir()
    (folder / "kafka" / "override.properties").write_text(AUTHORIZER)
    services = LocalServices(Path(folder), names=("kafka",))
    try:
        services.start()
        yield services.kafka
    finally:
        services.kill()


def told(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.level, finding.message) for finding in findings}


async def test_what_credentials_may_not_do_is_told_topic_by_topic(guarded_broker: str) -> None:
    settings = KafkaSettings(kafka_bootstrap_servers=guarded_broker, partitions=1)
    await ensure_topics(settings)
    administrator = AdminClient({"bootstrap.servers": guarded_broker})
    allow(administrator, "User:other", [Grant("TOPIC", "LITERAL", "observations.betpawa", "READ")])
    ours = [
        Grant("TOPIC", "LITERAL", "observations.bet9ja", "DESCRIBE"),
        Grant("TOPIC", "LITERAL", "odds.resolved", "READ"),
        Grant("TOPIC", "LITERAL", "mappings.changes", "READ"),
    ]
    allow(administrator, OURSELVES, ours)
    topics: dict[str, TopicFacts] = {}

    async def are_in_force() -> bool:
        topics.update(
            await admin_of(settings).topics.facts(spec.name for spec in topic_specs(settings))
        )
        hidden = sum(facts.partitions == 0 for facts in topics.values())
        return (hidden, sum(facts.config is None for facts in topics.values())) == (1, 4)

    await until(are_in_force)
    assert told(judge_topics(settings, topics, 1, ADMINISTRATOR)) == {
        ("FAILURE", "observations.betpawa may not be described"),
        ("WARNING", "observations.bet9ja does not show its configuration"),
        ("WARNING", "odds.resolved does not show its configuration"),
        ("WARNING", "mappings.changes does not show its configuration"),
    }
    assert told(judge_rights(settings, topics, WORKER)) == {
        ("FAILURE", "no READ on observations.betpawa"),
        ("FAILURE", "no READ on observations.bet9ja"),
        ("FAILURE", "no WRITE on odds.resolved"),
    }


async def test_whether_credentials_may_join_the_group_is_told_before_anybody_is_in_it(
    guarded_broker: str,
) -> None:
    settings = KafkaSettings(kafka_bootstrap_servers=guarded_broker, group_id="theirs")
    administrator = AdminClient({"bootstrap.servers": guarded_broker})
    allow(administrator, "User:other", [Grant("GROUP", "LITERAL", "theirs", "READ")])
    await until_group_allows(settings, set())
    allow(administrator, OURSELVES, [Grant("GROUP", "LITERAL", "theirs", "DESCRIBE")])
    await until_group_allows(settings, {"DESCRIBE"})
    allow(administrator, OURSELVES, [Grant("GROUP", "LITERAL", "theirs", "READ")])
    await until_group_allows(settings, {"DESCRIBE", "READ"})


async def until_group_allows(settings: KafkaSettings, operations: set[str]) -> None:
    """Wait until the ACLs are in force, and only these operations are told."""

    async def are_in_force() -> bool:
        return await admin_of(settings).groups.operations(settings.group_id) == operations

    await until(are_in_force)
