"""The topics as they should be, and making them so."""

from __future__ import annotations

from typing import Final, NamedTuple

from worker.app.settings import Settings
from worker.ingest.admin import KafkaAdmin, TopicSpec, TopicState

# A record's key, headers and framing beside its value.
_AROUND_A_VALUE: Final = 256 * 1024
_DAY_MS: Final = 24 * 60 * 60 * 1000


def largest_output(settings: Settings) -> int:
    """The largest record that is published, in bytes: a dead letter of what was too large to read."""
    return 2 * settings.max_message_bytes + _AROUND_A_VALUE


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Every topic of the application. All that carry events have the same number of partitions, so that the
    records of one event, which share a key, share a partition.
    """
    observed = {
        "max.message.bytes": str(settings.max_message_bytes),
        "retention.ms": str(3 * _DAY_MS),
    }
    largest = {"max.message.bytes": str(largest_output(settings)), "retention.ms": str(14 * _DAY_MS)}
    compacted = {"cleanup.policy": "compact", "max.message.bytes": str(settings.max_message_bytes)}
    names = [*settings.observation_topics.values(), settings.prefixed(settings.topic_resolved)]
    return [
        *(TopicSpec(name, settings.partitions, observed) for name in names),
        TopicSpec(settings.prefixed(settings.topic_dead), 1, largest),
        TopicSpec(settings.prefixed(settings.topic_unmapped), 1, {"retention.ms": str(14 * _DAY_MS)}),
        TopicSpec(settings.prefixed(settings.topic_changes), 1, compacted),
    ]


class Ensured(NamedTuple):
    """A topic after ensure: whether it was made now, and what is not as it should be."""

    name: str
    created: bool
    fault: str | None


async def ensure_topics(admin: KafkaAdmin, specs: list[TopicSpec], *, dry_run: bool = False) -> list[Ensured]:
    """Create what is missing; what exists with another number of partitions is told, never changed."""
    existing = await admin.topics(spec.name for spec in specs)
    missing = [spec for spec in specs if spec.name not in existing]
    if not dry_run:
        await admin.create(missing)
    return [Ensured(spec.name, spec in missing, _fault(spec, existing.get(spec.name))) for spec in specs]


def _fault(spec: TopicSpec, state: TopicState | None) -> str | None:
    if state is None or state.partitions == spec.partitions:
        return None
    return f"has {state.partitions} partitions instead of {spec.partitions}"
