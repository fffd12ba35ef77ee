"""Which topics the application needs, with their partitions and configuration.

Creates those that are missing, and reports how existing ones differ; it never changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import Final, NamedTuple

from worker.kafka.cluster.topics import TopicFacts, TopicSpec
from worker.kafka.connections import admin_of
from worker.settings.connected import KafkaSettings
from worker.settings.settings import Settings, variable

# A record's key, headers and framing in addition to its value.
_AROUND_A_VALUE: Final = 256 * 1024
_DAY_MS: Final = 24 * 60 * 60 * 1000
_DELETED: Final = {"cleanup.policy": "delete"}


def largest_output(settings: Settings) -> int:
    """The largest record that is published, in bytes: a dead letter of what was too large to read."""
    return 2 * settings.max_message_bytes + _AROUND_A_VALUE


def largest_latest(settings: Settings) -> int:
    """The largest record of the newest odds, in bytes: a resolved event under another key."""
    return settings.max_message_bytes + _AROUND_A_VALUE


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Every topic of the application. All that carry events have the same number of partitions, so that the
    records of one event, which share a key, share a partition, and the newest of them has the same number.
    """
    observed = {
        **_DELETED,
        "max.message.bytes": str(settings.max_message_bytes),
        "retention.ms": str(3 * _DAY_MS),
    }
    largest = {
        **_DELETED,
        "max.message.bytes": str(largest_output(settings)),
        "retention.ms": str(14 * _DAY_MS),
    }
    announced = {**_DELETED, "retention.ms": str(14 * _DAY_MS)}
    compacted = {"cleanup.policy": "compact", "max.message.bytes": str(settings.max_message_bytes)}
    latest = {
        "cleanup.policy": "compact",
        "max.message.bytes": str(largest_latest(settings)),
        # A tombstone is remembered for as long as a replay may bring what it removed.
        "delete.retention.ms": str(14 * _DAY_MS),
    }
    names = [*settings.topics.observations.values(), settings.topics.resolved]
    return [
        *(TopicSpec(name, settings.partitions, observed) for name in names),
        TopicSpec(settings.topics.dead, 1, largest),
        TopicSpec(settings.topics.unmapped, 1, announced),
        TopicSpec(settings.topics.changes, 1, compacted),
        TopicSpec(settings.topics.latest, settings.partitions, latest),
        TopicSpec(settings.topics.evidence, 1, compacted),
    ]


class TopicDifference(NamedTuple):
    """How a topic differs from its specification, and the remedy. ``grave``: it already does harm."""

    what: str
    remedy: str
    grave: bool


class Ensured(NamedTuple):
    """A topic after ensure: whether it was missing, and what is not as it should be."""

    name: str
    missing: bool
    differences: Sequence[TopicDifference]


async def ensure_topics(settings: KafkaSettings, *, dry_run: bool = False) -> list[Ensured]:
    """Create missing topics; report differences of existing ones. Raises TransientError."""
    specs = topic_specs(settings)
    existing = await admin_of(settings).topics.facts(spec.name for spec in specs)
    if not dry_run:
        await admin_of(settings).topics.create(
            [spec for spec in specs if spec.name not in existing]
        )
    return [
        Ensured(
            spec.name,
            facts is None,
            differences(spec, facts, settings.kafka_bootstrap_servers) if facts else (),
        )
        for spec in specs
        for facts in [existing.get(spec.name)]
    ]


def differences(spec: TopicSpec, facts: TopicFacts, servers: str) -> Sequence[TopicDifference]:
    """Compare a topic with its specification. ``servers`` is for the commands that fix it. Pure."""
    if facts.partitions == 0:
        remedy = f"DESCRIBE on the topic {spec.name}, for the credentials that ask"
        return [TopicDifference("may not be described", remedy, grave=True)]
    return [
        *_of_partitions(spec, facts.partitions, servers),
        *_of_config(spec, facts.config, servers),
    ]


def _of_partitions(spec: TopicSpec, partitions: int, servers: str) -> Iterator[TopicDifference]:
    what = f"has {partitions} partitions instead of {spec.partitions}"
    if partitions < spec.partitions:
        tool = f"kafka-topics.sh --bootstrap-server {quote(servers)} --alter --topic {spec.name}"
        yield TopicDifference(what, f"{tool} --partitions {spec.partitions}", grave=True)
    elif partitions > spec.partitions > 1:
        remedy = f"{variable('partitions')}={partitions}, and so many for every topic that carries events"
        yield TopicDifference(what, remedy, grave=True)
    elif partitions > spec.partitions:
        yield TopicDifference(
            what, "partitions cannot be taken away: name another topic for it", grave=True
        )


def _of_config(
    spec: TopicSpec, config: dict[str, str] | None, servers: str
) -> Iterator[TopicDifference]:
    if config is None:
        remedy = f"DESCRIBE_CONFIGS on the topic {spec.name}, for the credentials that ask"
        yield TopicDifference("does not show its configuration", remedy, grave=False)
        return
    tool = f"kafka-configs.sh --bootstrap-server {quote(servers)} --alter --entity-type topics"
    for key, wanted in spec.config.items():
        found = config.get(key, "")
        if not _suffices(key, found, wanted):
            remedy = f"{tool} --entity-name {spec.name} --add-config {key}={wanted}"
            yield TopicDifference(
                f"has {key}={found} instead of {wanted}", remedy, grave=key not in _LIFETIMES
            )


_LIFETIMES: Final = ("retention.ms", "delete.retention.ms")


def _suffices(key: str, found: str, wanted: str) -> bool:
    """More than enough is enough; a retention of -1 is for ever."""
    if key == "cleanup.policy":
        return found == wanted
    return found.lstrip("-").isdigit() and (
        int(found) >= int(wanted) or (key == "retention.ms" and int(found) < 0)
    )
