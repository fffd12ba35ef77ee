"""What is asked of Kafka."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from aiokafka import TopicPartition

from worker.kafka.cluster.topics import TopicFacts
from worker.kafka.connections import admin_of
from worker.kafka.reachable import require_listener
from worker.kafka.topic_specs import topic_specs
from worker.operations.doctor.check import Check
from worker.operations.doctor.clock_verdicts import judge_record_times
from worker.operations.doctor.findings import Finding, failure
from worker.operations.doctor.kafka_verdicts import (
    judge_cluster,
    judge_group,
    judge_group_rights,
    judge_insight_group,
    judge_offsets,
    judge_rights,
    judge_topics,
)
from worker.operations.doctor.parts import Part
from worker.operations.lag.report import survey_insight_lag, survey_lag, survey_snapshot_lag
from worker.settings.connected import KafkaSettings, with_both, with_kafka
from worker.settings.settings import Settings

_Look = Callable[[Settings], Awaitable[Sequence[Finding]]]
_NO_ADDRESS: Final = failure(
    "kafka", "no address", "set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS; marketmap services up"
)


def _connected(look: Callable[[KafkaSettings], Awaitable[Sequence[Finding]]]) -> _Look:
    """Look with an address to connect to; without one, that is the finding."""

    async def run(settings: Settings) -> Sequence[Finding]:
        connected = with_kafka(settings)
        return [_NO_ADDRESS] if connected is None else await look(connected)

    return run


async def _kafka(settings: KafkaSettings) -> Sequence[Finding]:
    await require_listener(settings.kafka_bootstrap_servers)
    return judge_cluster(await admin_of(settings).cluster())


async def _topics(settings: KafkaSettings, part: Part) -> Sequence[Finding]:
    cluster = await admin_of(settings).cluster()
    return judge_topics(settings, await _known_topics(settings), cluster.brokers, part)


async def _rights(settings: KafkaSettings, part: Part) -> Sequence[Finding]:
    return judge_rights(settings, await _known_topics(settings), part)


async def _known_topics(settings: KafkaSettings) -> Mapping[str, TopicFacts]:
    return await admin_of(settings).topics.facts(spec.name for spec in topic_specs(settings))


async def _group(settings: KafkaSettings, part: Part) -> Sequence[Finding]:
    name = part.group_name(settings)
    group = await admin_of(settings).groups.describe(name)
    is_snapshot = part.name == "snapshot"
    process = "snapshot" if is_snapshot else "worker"
    read = [settings.topics.resolved] if is_snapshot else settings.topics.observations.values()
    if part.name == "insight":
        state = judge_insight_group(group, name)
    else:
        state = judge_group(group, name, len(await _partitions(settings, read)), process)
    # Only now: of a group whose coordinator is not there yet, as on a new cluster, librdkafka learns nothing.
    operations = await admin_of(settings).groups.operations(name)
    return [*state, *judge_group_rights(settings, operations, part)]


async def _offsets(settings: Settings) -> Sequence[Finding]:
    connected = with_both(settings)
    if connected is None:
        return [_NO_ADDRESS]
    return judge_offsets(await survey_lag(connected, round(time.time() * 1000)))


async def _snapshot_offsets(settings: KafkaSettings) -> Sequence[Finding]:
    report = await survey_snapshot_lag(settings, round(time.time() * 1000))
    return judge_offsets(report, "marketmap lag --snapshot")


async def _insight_offsets(settings: KafkaSettings) -> Sequence[Finding]:
    report = await survey_insight_lag(settings, round(time.time() * 1000))
    return judge_offsets(report, "marketmap lag --insight")


async def _record_times(settings: KafkaSettings) -> Sequence[Finding]:
    newest = await admin_of(settings).offsets.newest_times(await _observed(settings))
    return judge_record_times(newest, round(time.time() * 1000))


async def _observed(settings: KafkaSettings) -> Sequence[TopicPartition]:
    return await _partitions(settings, settings.topics.observations.values())


async def _partitions(settings: KafkaSettings, names: Iterable[str]) -> Sequence[TopicPartition]:
    topics = await admin_of(settings).topics.facts(names)
    return [
        TopicPartition(name, n) for name, facts in topics.items() for n in range(facts.partitions)
    ]


_DESCRIBE: Final = "may these credentials describe the topics?"
KAFKA: Final = Check(
    "kafka",
    (),
    _connected(_kafka),
    "is Kafka running at MARKETMAP_KAFKA_BOOTSTRAP_SERVERS?",
    refused="password or certificate refused: check MARKETMAP_KAFKA_USERNAME, its password, the files",
)


def checks_of(part: Part, settings: Settings) -> Sequence[Check]:
    """What is to be asked for a part; nothing for one that needs no Kafka."""
    if not part.grants:
        return ()
    checks = [
        Check("topics", ("kafka",), _connected(partial(_topics, part=part)), _DESCRIBE),
        Check("acls", ("kafka",), _connected(partial(_rights, part=part)), _DESCRIBE),
    ]
    may_know_group = bool(part.operations_on("GROUP", part.group_name(settings)))
    if may_know_group:
        look = _connected(partial(_group, part=part))
        checks.append(
            Check(
                "group",
                ("kafka",),
                look,
                "ask again; is the broker that coordinates the group up?",
                refused="marketmap topics grants: GROUP",
            )
        )
    own_offsets = {"snapshot": _snapshot_offsets, "insight": _insight_offsets}.get(part.name)
    if own_offsets is not None:
        remedy = "fix the failures above first"
        checks.append(Check("offsets", ("kafka",), _connected(own_offsets), remedy))
    elif may_know_group and part.needs:
        remedy = "fix the failures above first; marketmap migrate"
        checks.append(Check("offsets", ("kafka", "database"), _offsets, remedy))
    if all(part.operations_on("TOPIC", name) for name in settings.topics.observations.values()):
        checks.append(Check("timestamps", ("kafka",), _connected(_record_times), _DESCRIBE))
    return checks
