from collections.abc import Iterable, Sequence
from typing import cast

import pytest

from worker.app.settings import Settings
from worker.app.topics import Ensured, ensure_topics, largest_output, topic_specs
from worker.ingest.admin import KafkaAdmin, TopicSpec, TopicState

SETTINGS = Settings(topic_prefix="x.", partitions=5, max_message_bytes=1_000_000)
SPECS = {spec.name: spec for spec in topic_specs(SETTINGS)}


class Cluster:
    def __init__(self, **partitions: int) -> None:
        self.partitions = partitions
        self.created: list[str] = []

    async def topics(self, names: Iterable[str]) -> dict[str, TopicState]:
        return {n: TopicState(n, "id", self.partitions[n]) for n in names if n in self.partitions}

    async def create(self, specs: Sequence[TopicSpec]) -> None:
        self.created += [spec.name for spec in specs]


def two() -> list[TopicSpec]:
    return [TopicSpec("a", 5, {}), TopicSpec("b", 5, {})]


async def ensure(cluster: Cluster, *, dry_run: bool = False) -> list[Ensured]:
    return await ensure_topics(cast("KafkaAdmin", cluster), two(), dry_run=dry_run)


def test_there_is_a_topic_for_everything_the_application_reads_and_writes() -> None:
    assert SPECS.keys() == {
        "x.observations.betpawa",
        "x.observations.sportybet",
        "x.observations.bet9ja",
        "x.odds.resolved",
        "x.observations.dead",
        "x.unmapped.markets",
        "x.mappings.changes",
    }


def test_topics_that_carry_events_have_the_same_number_of_partitions() -> None:
    events = [*SETTINGS.observation_topics.values(), "x.odds.resolved"]
    assert {SPECS[name].partitions for name in events} == {5}


@pytest.mark.parametrize("name", ["x.observations.sportybet", "x.odds.resolved"])
def test_a_topic_takes_what_is_read_and_written(name: str) -> None:
    assert int(SPECS[name].config["max.message.bytes"]) == SETTINGS.max_message_bytes


def test_the_dead_letters_topic_takes_twice_what_is_read_and_what_is_beside_it() -> None:
    assert int(SPECS["x.observations.dead"].config["max.message.bytes"]) == largest_output(SETTINGS)
    assert largest_output(SETTINGS) > 2 * SETTINGS.max_message_bytes


def test_changes_are_compacted() -> None:
    assert SPECS["x.mappings.changes"].config["cleanup.policy"] == "compact"


async def test_only_what_is_missing_is_created() -> None:
    cluster = Cluster(a=5)
    assert await ensure(cluster) == [Ensured("a", False, None), Ensured("b", True, None)]
    assert cluster.created == ["b"]


async def test_a_dry_run_tells_the_same_and_creates_nothing() -> None:
    cluster = Cluster(a=5)
    assert await ensure(cluster, dry_run=True) == await ensure(Cluster(a=5))
    assert cluster.created == []


async def test_another_number_of_partitions_is_told_and_left_alone() -> None:
    cluster = Cluster(a=3, b=5)
    first, _ = await ensure(cluster)
    assert first.fault == "has 3 partitions instead of 5"
    assert cluster.created == []
