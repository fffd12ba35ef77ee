"""What to say of brokers, topics, rights, the group and its offsets. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from worker.cli.words import number_of
from worker.kafka.cluster.admin import ClusterFacts
from worker.kafka.cluster.groups import Group
from worker.kafka.cluster.topics import TopicFacts
from worker.kafka.topic_specs import differences, topic_specs
from worker.operations.doctor.findings import Finding, failure, fine, warning
from worker.operations.doctor.parts import Part
from worker.operations.installation.grants import Grant, acl_command
from worker.operations.lag.report import LagReport, SignCode
from worker.settings.connected import KafkaSettings

TopicFactsByName = Mapping[str, TopicFacts]

_MOST_SIGNS: Final = 5
_HARMFUL_SIGNS: Final[frozenset[SignCode]] = frozenset(
    {"BEYOND_END", "TRUNCATED", "BRAKE", "UNREADABLE", "DELETED", "NO_LEADER"}
)


def judge_cluster(cluster: ClusterFacts) -> list[Finding]:
    brokers = f"{cluster.brokers} broker{'s' * (cluster.brokers != 1)}"
    return [fine("kafka", f"{brokers}, cluster {cluster.cluster_id}")]


def judge_topics(
    settings: KafkaSettings, topics: TopicFactsByName, brokers: int, part: Part
) -> list[Finding]:
    """The topics of the part. Their configuration is an administrator's business, where it is not shown."""
    wanted = {spec.name: part.operations_on("TOPIC", spec.name) for spec in topic_specs(settings)}
    specs = [spec for spec in topic_specs(settings) if wanted[spec.name]]
    found: list[Finding] = []
    for spec in specs:
        facts = topics.get(spec.name)
        if facts is None:
            found.append(failure("topics", f"{spec.name} is missing", "marketmap topics ensure"))
            continue
        if facts.config is None and "DESCRIBE_CONFIGS" not in wanted[spec.name]:
            facts = facts._replace(config=spec.config)
        for what, remedy, grave in differences(spec, facts, settings.kafka_bootstrap_servers):
            found.append((failure if grave else warning)("topics", f"{spec.name} {what}", remedy))
        found += _replication(facts, brokers)
    count = number_of(len(specs), "topic")
    return found or [fine("topics", f"{count}, each as it should be{_unseen(topics)}")]


def _unseen(topics: TopicFactsByName) -> str:
    is_unseen = any(facts.config is None for facts in topics.values())
    return ", as far as these credentials may see" if is_unseen else ""


def _replication(facts: TopicFacts, brokers: int) -> Iterator[Finding]:
    if facts.leaderless:
        message = f"{facts.name} has partitions without a leader: {_numbers(facts.leaderless)}"
        yield failure("topics", message, "restart the brokers that hold them")
    if facts.under_replicated:
        behind = _numbers(facts.under_replicated)
        message = f"{facts.name} has partitions with replicas that are behind: {behind}"
        yield warning("topics", message, "check the brokers that hold them")
    if facts.replicas == 1 < brokers:
        message = f"{facts.name} is on one of {brokers} brokers only"
        yield warning("topics", message, "more replicas, by kafka-reassign-partitions.sh")


def _numbers(partitions: Sequence[int]) -> str:
    return ", ".join(map(str, partitions))


def judge_rights(settings: KafkaSettings, topics: TopicFactsByName, part: Part) -> list[Finding]:
    """What the credentials may do, as far as the broker tells; of transactional ids it does not tell."""
    lacking = list(_lacking(settings, topics, part))
    return lacking or [
        fine(
            "acls",
            f"these credentials may do what the {part.name} has to do, on topics that exist",
        )
    ]


def judge_group_rights(
    settings: KafkaSettings, operations: Collection[str], part: Part
) -> list[Finding]:
    """``operations`` are what the credentials may do with the group."""
    group = part.group_name(settings)
    lacking = sorted(part.operations_on("GROUP", group) - set(operations))
    if not lacking:
        return [
            fine(
                "group", f"these credentials may do what the part {part.name} has to, with {group}"
            )
        ]
    grant = Grant("GROUP", "LITERAL", group, "READ" if "READ" in lacking else "DESCRIBE")
    message = f"no {', '.join(lacking)} on the group {group}"
    return [failure("group", message, _command(settings, grant))]


def _lacking(settings: KafkaSettings, topics: TopicFactsByName, part: Part) -> Iterator[Finding]:
    for grant in part.grants:
        facts = topics.get(grant.name) if grant.resource == "TOPIC" else None
        # What may be created exists already.
        if facts is None or grant.operation in {*facts.operations, "CREATE"}:
            continue
        yield failure("acls", f"no {grant.operation} on {grant.name}", _command(settings, grant))


def _command(settings: KafkaSettings, grant: Grant) -> str:
    return acl_command(grant, settings.kafka_bootstrap_servers, "User:NAME")


def judge_group(group: Group, name: str, partitions: int, process: str = "worker") -> list[Finding]:
    members = len(group.members)
    if group.state in {"Dead", "Empty"}:
        never = " (and none has been, as far as Kafka remembers)" if group.state == "Dead" else ""
        remedy = f"marketmap run {process}"
        return [warning("group", f"{name}: no {process} is in it{never}", remedy)]
    if group.state != "Stable":
        message = f"{name}: {group.state}, members come or go"
        return [
            warning(
                "group", message, "run this again; if it stays like this, see the workers' logs"
            )
        ]
    if members > partitions:
        message = (
            f"{name}: {members} members for {partitions} partitions: some have nothing to read"
        )
        return [warning("group", message, "run fewer workers, or add partitions")]
    return [fine("group", f"{name}: {group.state}, {members} member{'s' * (members != 1)}")]


def judge_insight_group(group: Group, name: str) -> list[Finding]:
    """The leading insight process assigns itself the partitions; Kafka refuses its commits if others join."""
    if not group.members:
        return []
    clients = ", ".join(sorted({member.client_id for member in group.members}))
    message = f"{name}: {clients} joined it, so the leading process cannot commit"
    return [failure("group", message, "give that consumer another group")]


def judge_offsets(report: LagReport, command: str = "marketmap lag") -> list[Finding]:
    """Judge the signs of a group; ``command`` shows all of them."""
    signs = [(each.facts, sign) for each in report.partitions for sign in each.signs]
    found = []
    for facts, sign in signs[:_MOST_SIGNS]:
        verdict = failure if sign.code in _HARMFUL_SIGNS else warning
        message = f"{facts.topic} [{facts.partition}] {sign.code}: {sign.detail}"
        found.append(verdict("offsets", message, "docs/runbook.md, Lag"))
    if len(signs) > _MOST_SIGNS:
        more = f"{len(signs) - _MOST_SIGNS} more signs of trouble"
        found.append(warning("offsets", more, command))
    return found or [fine("offsets", f"{number_of(report.records, 'record')} behind")]
