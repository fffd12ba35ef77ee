"""What the doctor says of topics, rights, the group and its offsets."""

from typing import Any

import pytest

from worker.kafka.cluster.groups import Group, Member
from worker.kafka.cluster.topics import TopicFacts
from worker.kafka.topic_specs import topic_specs
from worker.operations.doctor import kafka_verdicts as verdicts
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import part_of
from worker.operations.lag.report import LagReport, PartitionFacts, PartitionLag, Sign, SignCode
from worker.settings.connected import KafkaSettings

SETTINGS = KafkaSettings(kafka_bootstrap_servers="kafka:9092", partitions=2)
MEMBER = Member("client", "127.0.0.1", frozenset())
EVERYTHING = frozenset({"READ", "WRITE", "DESCRIBE"})
WORKER, ADMINISTRATOR = (part_of(SETTINGS, name) for name in ("worker", "administrator"))


def topics(**changed: Any) -> dict[str, TopicFacts]:
    """All topics as they should be, but for what is changed of the observations of BetPawa."""
    known = {
        spec.name: TopicFacts(spec.name, spec.partitions, dict(spec.config), EVERYTHING, replicas=3)
        for spec in topic_specs(SETTINGS)
    }
    return known | {"observations.betpawa": known["observations.betpawa"]._replace(**changed)}


def may_not(operation: str, topic: str) -> dict[str, TopicFacts]:
    known = topics()
    return known | {topic: known[topic]._replace(operations=EVERYTHING - {operation})}


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


def test_topics_as_they_should_be_are_one_line() -> None:
    assert verdicts.judge_topics(SETTINGS, topics(), 3, ADMINISTRATOR) == [
        Finding("topics", "OK", "9 topics, each as it should be", None)
    ]


def test_a_missing_topic_is_a_failure_with_the_command_that_makes_it() -> None:
    known = topics()
    del known["odds.resolved"]
    assert verdicts.judge_topics(SETTINGS, known, 3, ADMINISTRATOR) == [
        Finding("topics", "FAILURE", "odds.resolved is missing", "marketmap topics ensure")
    ]


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({"partitions": 1}, "FAILURE"),
        ({"config": None}, "WARNING"),
        ({"leaderless": [1]}, "FAILURE"),
        ({"under_replicated": [0, 1]}, "WARNING"),
        ({"replicas": 1}, "WARNING"),
    ],
)
def test_what_is_wrong_with_a_topic_is_told_by_its_harm(
    changed: dict[str, Any], level: str
) -> None:
    (finding,) = verdicts.judge_topics(SETTINGS, topics(**changed), 3, ADMINISTRATOR)
    assert (finding.level, finding.remedy is None) == (level, False)
    assert "observations.betpawa" in finding.message


def test_one_replica_is_all_that_one_broker_can_hold() -> None:
    assert levels(verdicts.judge_topics(SETTINGS, topics(replicas=1), 1, ADMINISTRATOR)) == ["OK"]


def test_credentials_that_may_do_everything_are_one_line() -> None:
    assert levels(verdicts.judge_rights(SETTINGS, topics(), WORKER)) == ["OK"]


@pytest.mark.parametrize(
    ("operation", "topic", "command"),
    [
        ("READ", "observations.bet9ja", "--operation Read --topic observations.bet9ja"),
        ("WRITE", "odds.resolved", "--operation Write --topic odds.resolved"),
    ],
)
def test_a_right_that_a_worker_lacks_is_a_failure_with_the_command(
    operation: str, topic: str, command: str
) -> None:
    (finding,) = verdicts.judge_rights(SETTINGS, may_not(operation, topic), WORKER)
    assert (finding.level, finding.message) == ("FAILURE", f"no {operation} on {topic}")
    assert (
        finding.remedy
        == f"kafka-acls.sh --bootstrap-server kafka:9092 --add --allow-principal User:NAME {command}"
    )


def test_who_may_read_a_group_may_join_it() -> None:
    assert levels(verdicts.judge_group_rights(SETTINGS, EVERYTHING, WORKER)) == ["OK"]


@pytest.mark.parametrize("operations", [frozenset[str](), frozenset({"DESCRIBE"})])
def test_who_may_not_join_the_group_is_told(operations: frozenset[str]) -> None:
    (finding,) = verdicts.judge_group_rights(SETTINGS, operations, WORKER)
    assert (finding.level, finding.message) == (
        "FAILURE",
        "no READ on the group market-mapping-worker",
    )
    assert (finding.remedy or "").endswith("--operation Read --group market-mapping-worker")


@pytest.mark.parametrize(("relay_in_worker", "level"), [(False, "OK"), (True, "FAILURE")])
def test_only_a_relay_has_to_write_the_changes(relay_in_worker: bool, level: str) -> None:
    settings = SETTINGS.model_copy(update={"relay_in_worker": relay_in_worker})
    known = may_not("WRITE", "mappings.changes")
    assert levels(verdicts.judge_rights(settings, known, part_of(settings, "worker"))) == [level]
    assert levels(verdicts.judge_rights(settings, known, part_of(settings, "relay"))) == ["FAILURE"]


def test_what_a_part_does_not_need_is_not_judged() -> None:
    hidden = topics()["mappings.changes"]._replace(
        partitions=0, config=None, operations=frozenset()
    )
    known = {name: facts._replace(config=None) for name, facts in topics().items()}
    known["mappings.changes"] = hidden
    (finding,) = verdicts.judge_topics(SETTINGS, known, 3, WORKER)
    assert (finding.level, finding.message) == (
        "OK",
        "6 topics, each as it should be, as far as these credentials may see",
    )
    assert levels(verdicts.judge_rights(SETTINGS, known, WORKER)) == ["OK"]


@pytest.mark.parametrize(
    ("state", "members", "level", "said"),
    [
        ("Stable", 2, "OK", "Stable, 2 members"),
        ("Stable", 7, "WARNING", "7 members for 6 partitions"),
        ("Empty", 0, "WARNING", "no worker is in it"),
        ("Dead", 0, "WARNING", "none has been"),
        ("PreparingRebalance", 2, "WARNING", "PreparingRebalance"),
    ],
)
def test_a_group_is_judged_by_its_state_and_members(
    state: str, members: int, level: str, said: str
) -> None:
    (finding,) = verdicts.judge_group(Group(state, [MEMBER] * members), "g", 6)
    assert (finding.level, said in finding.message) == (level, True), finding


def report(*codes: SignCode) -> LagReport:
    facts = PartitionFacts("t", 0, "id", 0, 9, None, None, None)
    return LagReport(
        "g", "Stable", [MEMBER], [PartitionLag(facts, 7, 1.0, [Sign(code, "x") for code in codes])]
    )


def test_offsets_without_signs_of_trouble_are_told_with_the_lag() -> None:
    assert verdicts.judge_offsets(report()) == [Finding("offsets", "OK", "7 records behind", None)]


def test_signs_of_trouble_are_told_by_their_harm() -> None:
    found = verdicts.judge_offsets(report("NO_MARK", "TRUNCATED"))
    assert levels(found) == ["WARNING", "FAILURE"]
    assert found[0].message == "t [0] NO_MARK: x"


def test_of_many_signs_the_first_are_told_and_the_rest_counted() -> None:
    codes: list[SignCode] = ["NO_MARK"] * 8
    found = verdicts.judge_offsets(report(*codes))
    assert len(found) == 6
    assert found[-1].message == "3 more signs of trouble"
