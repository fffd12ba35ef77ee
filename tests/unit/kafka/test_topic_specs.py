from collections.abc import Sequence

import pytest

from worker.kafka.cluster.topics import TopicFacts, TopicSpec
from worker.kafka.topic_specs import TopicDifference, differences, largest_output, topic_specs
from worker.settings.settings import Settings

SETTINGS = Settings(topic_prefix="x.", partitions=5, max_message_bytes=1_000_000)
SPECS = {spec.name: spec for spec in topic_specs(SETTINGS)}


OBSERVED = SPECS["x.observations.sportybet"]
CHANGES = SPECS["x.mappings.changes"]


def as_is(spec: TopicSpec, **config: str) -> TopicFacts:
    """A topic as it should be, but for what is given; a config's dots are underscores."""
    changed = {key.replace("_", "."): value for key, value in config.items()}
    return TopicFacts(spec.name, spec.partitions, spec.config | changed, frozenset(), 1)


def with_partitions(spec: TopicSpec, number: int) -> TopicFacts:
    return as_is(spec)._replace(partitions=number)


def found(spec: TopicSpec, facts: TopicFacts) -> Sequence[TopicDifference]:
    return differences(spec, facts, "kafka:9092")


def test_there_is_a_topic_for_everything_the_application_reads_and_writes() -> None:
    assert SPECS.keys() == {
        "x.observations.betpawa",
        "x.observations.sportybet",
        "x.observations.bet9ja",
        "x.odds.resolved",
        "x.observations.dead",
        "x.unmapped.markets",
        "x.mappings.changes",
        "x.odds.latest",
        "x.mappings.evidence",
    }


def test_the_newest_odds_have_the_partitions_of_the_resolved_ones_and_remember_their_tombstones() -> (
    None
):
    latest = SPECS["x.odds.latest"]
    assert latest.partitions == SPECS["x.odds.resolved"].partitions
    assert latest.config["cleanup.policy"] == "compact"
    (shorter,) = found(latest, as_is(latest, delete_retention_ms="86400000"))
    assert not shorter.grave


def test_topics_that_carry_events_have_the_same_number_of_partitions() -> None:
    events = [*SETTINGS.topics.observations.values(), "x.odds.resolved"]
    assert {SPECS[name].partitions for name in events} == {5}


@pytest.mark.parametrize("name", ["x.observations.sportybet", "x.odds.resolved"])
def test_a_topic_takes_what_is_read_and_written(name: str) -> None:
    assert int(SPECS[name].config["max.message.bytes"]) == SETTINGS.max_message_bytes


def test_the_dead_letters_topic_takes_twice_what_is_read_and_what_is_beside_it() -> None:
    assert int(SPECS["x.observations.dead"].config["max.message.bytes"]) == largest_output(SETTINGS)
    assert largest_output(SETTINGS) > 2 * SETTINGS.max_message_bytes


def test_changes_are_compacted() -> None:
    assert SPECS["x.mappings.changes"].config["cleanup.policy"] == "compact"


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.name)
def test_a_topic_as_it_was_asked_for_has_no_differences(spec: TopicSpec) -> None:
    assert found(spec, as_is(spec)) == []


def test_missing_partitions_are_added_by_kafkas_own_tool() -> None:
    ((what, remedy, grave),) = found(OBSERVED, with_partitions(OBSERVED, 3))
    assert (what, grave) == ("has 3 partitions instead of 5", True)
    tool = "kafka-topics.sh --bootstrap-server kafka:9092 --alter"
    assert remedy == f"{tool} --topic x.observations.sportybet --partitions 5"


def test_addresses_in_a_call_are_quoted_for_a_shell() -> None:
    for facts in (with_partitions(OBSERVED, 3), as_is(OBSERVED, cleanup_policy="compact")):
        ((_, remedy, _),) = differences(OBSERVED, facts, "a; b:1")
        assert "--bootstrap-server 'a; b:1' --alter" in remedy


def test_more_partitions_than_wanted_are_a_matter_of_the_setting() -> None:
    ((what, remedy, grave),) = found(OBSERVED, with_partitions(OBSERVED, 8))
    assert (what, grave) == ("has 8 partitions instead of 5", True)
    assert "MARKETMAP_PARTITIONS=8" in remedy


def test_a_topic_of_one_partition_that_has_more_needs_another_name() -> None:
    ((_, remedy, grave),) = found(CHANGES, with_partitions(CHANGES, 2))
    assert (grave, "name another topic" in remedy) == (True, True)


def test_a_configuration_is_mended_by_kafkas_own_tool() -> None:
    ((what, remedy, grave),) = found(CHANGES, as_is(CHANGES, cleanup_policy="delete"))
    assert (what, grave) == ("has cleanup.policy=delete instead of compact", True)
    tool = "kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics"
    assert remedy == f"{tool} --entity-name x.mappings.changes --add-config cleanup.policy=compact"


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_observations_must_not_be_compacted(policy: str) -> None:
    assert [grave for _, _, grave in found(OBSERVED, as_is(OBSERVED, cleanup_policy=policy))] == [
        True
    ]


@pytest.mark.parametrize(
    ("config", "grave"),
    [
        ({"max_message_bytes": "999999"}, [True]),
        ({"max_message_bytes": "1000001"}, []),
        ({"max_message_bytes": "soon"}, [True]),
        ({"retention_ms": "3600000"}, [False]),
        ({"retention_ms": "-1"}, []),
        ({"retention_ms": "999999999999"}, []),
    ],
)
def test_too_little_is_a_difference_and_more_is_not(
    config: dict[str, str], grave: list[bool]
) -> None:
    assert [one for _, _, one in found(OBSERVED, as_is(OBSERVED, **config))] == grave


def test_a_topic_that_may_not_be_described_is_told_once() -> None:
    hidden = TopicFacts(OBSERVED.name, 0, None, frozenset(), 0)
    ((what, remedy, grave),) = found(OBSERVED, hidden)
    assert (what, grave) == ("may not be described", True)
    assert remedy.startswith("DESCRIBE on the topic x.observations.sportybet")


def test_a_configuration_that_is_not_shown_is_told_and_does_no_harm() -> None:
    hidden = as_is(OBSERVED)._replace(config=None)
    ((what, remedy, grave),) = found(OBSERVED, hidden)
    assert (what, grave) == ("does not show its configuration", False)
    assert "DESCRIBE_CONFIGS" in remedy


def test_topics_keep_their_records_for_as_long_as_is_promised() -> None:
    day_ms = 24 * 60 * 60 * 1000
    promised = {
        **dict.fromkeys([*SETTINGS.topics.observations.values(), "x.odds.resolved"], 3),
        "x.observations.dead": 14,
        "x.unmapped.markets": 14,
    }
    for name, days in promised.items():
        assert SPECS[name].config["cleanup.policy"] == "delete"
        assert SPECS[name].config["retention.ms"] == str(days * day_ms)
    for name in ("x.mappings.changes", "x.mappings.evidence", "x.odds.latest"):
        assert SPECS[name].config["cleanup.policy"] == "compact"
        assert "retention.ms" not in SPECS[name].config
    remembered_ms = int(SPECS["x.odds.latest"].config["delete.retention.ms"])
    assert remembered_ms == 14 * day_ms
    # A replay reads observations, and the newest odds are made of its results.
    brought_back = [*SETTINGS.topics.observations.values(), "x.odds.resolved"]
    assert remembered_ms > sum(
        max(int(SPECS[name].config["retention.ms"]) for name in names)
        for names in (brought_back[:-1], brought_back[-1:])
    )
