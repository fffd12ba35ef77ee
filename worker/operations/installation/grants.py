"""What each part must be granted on the brokers, as Kafka's own ACLs name it.

READ and WRITE of a topic include DESCRIBE, and READ of a group does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import Final, Literal, NamedTuple

from worker.settings.settings import Settings

Operation = Literal["READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS", "CREATE"]


class Grant(NamedTuple):
    """One operation allowed on one resource, or with PREFIXED on all whose names begin like that."""

    resource: Literal["TOPIC", "GROUP", "TRANSACTIONAL_ID"]
    pattern: Literal["LITERAL", "PREFIXED"]
    name: str
    operation: Operation


def worker(settings: Settings) -> list[Grant]:
    """Reads observations in its group, and publishes the results."""
    return [
        *_topics("READ", _observations(settings)),
        *_topics("WRITE", settings.topics.outputs),
        Grant("GROUP", "LITERAL", settings.group_id, "READ"),
    ]


def relay(settings: Settings) -> list[Grant]:
    """Publishes changes of mappings in transactions; `run worker --with-relay` needs `worker` too."""
    changes = settings.topics.changes
    return [
        *_topics("WRITE", [changes]),
        Grant("TRANSACTIONAL_ID", "LITERAL", f"{changes}-relay", "WRITE"),
    ]


def snapshot(settings: Settings) -> list[Grant]:
    """Keeps the newest odds: reads resolved odds in its group, and its own topic, which it writes."""
    topics = settings.topics
    return [
        *_topics("READ", [topics.resolved, topics.latest]),
        *_topics("WRITE", [topics.latest]),
        Grant("GROUP", "LITERAL", settings.snapshot_group_id, "READ"),
        Grant("TRANSACTIONAL_ID", "PREFIXED", f"{topics.latest}-snapshot-", "WRITE"),
    ]


def insight(settings: Settings) -> list[Grant]:
    """Watches events: reads observations in its group, and its own topic of grades, which it writes."""
    grades = settings.topics.evidence
    return [
        *_topics("READ", [*_observations(settings), grades]),
        *_topics("WRITE", [grades]),
        Grant("GROUP", "LITERAL", settings.insight_group_id, "READ"),
        Grant("TRANSACTIONAL_ID", "LITERAL", f"{grades}-insight", "WRITE"),
    ]


def console(settings: Settings) -> list[Grant]:
    """Shows dead letters; without it, all other pages are as they are."""
    return _topics("READ", [settings.topics.dead])


def redrive(settings: Settings) -> list[Grant]:
    """`dead list`, `show` and `redrive`: reads dead letters, sends them back and marks them."""
    dead = settings.topics.dead
    return [
        *_topics("READ", [dead]),
        *_topics("WRITE", [dead, *_observations(settings)]),
        Grant("TRANSACTIONAL_ID", "LITERAL", f"{dead}-redrive", "WRITE"),
    ]


def replay(settings: Settings) -> list[Grant]:
    """`replay`, `mappings what-if` and `create --backfill`: reads observations, publishes them again."""
    return [
        *_topics("READ", _observations(settings)),
        *_topics("WRITE", [settings.topics.resolved]),
        Grant("GROUP", "PREFIXED", f"{settings.group_id}.replay.", "READ"),
    ]


def look(settings: Settings) -> list[Grant]:
    """`lag` and `replay recount`: read the groups' offsets, and when their oldest record was written."""
    return [
        *_topics("READ", [*_observations(settings), settings.topics.resolved]),
        *(
            Grant("GROUP", "LITERAL", group, "DESCRIBE")
            for group in (settings.group_id, settings.snapshot_group_id, settings.insight_group_id)
        ),
    ]


def administrator(settings: Settings) -> list[Grant]:
    """`topics ensure`."""
    operations: tuple[Operation, ...] = ("DESCRIBE", "DESCRIBE_CONFIGS", "CREATE")
    return [grant for operation in operations for grant in _topics(operation, settings.topics.all)]


def scraper(settings: Settings) -> list[Grant]:
    """Writes observations; a scraper of a single bookmaker needs only that topic."""
    return _topics("WRITE", _observations(settings))


def feedback(settings: Settings) -> list[Grant]:
    """`dead list` and `dead show`, for a scraper team: reads dead letters. Brokers grant the whole topic."""
    return _topics("READ", [settings.topics.dead])


def downstream(settings: Settings) -> list[Grant]:
    """Reads what is published; it also needs READ of a group of its own."""
    topics = settings.topics
    published = [
        *(topics.resolved, topics.latest, topics.unmapped),
        *(topics.changes, topics.evidence),
    ]
    return _topics("READ", published)


ROLES: Final[Mapping[str, Callable[[Settings], list[Grant]]]] = {
    role.__name__: role
    for role in (
        worker,
        relay,
        snapshot,
        insight,
        console,
        redrive,
        replay,
        look,
        administrator,
        scraper,
        feedback,
        downstream,
    )
}


_FLAGS: Final = {"TOPIC": "--topic", "GROUP": "--group", "TRANSACTIONAL_ID": "--transactional-id"}
_OPERATIONS: Final[Mapping[Operation, str]] = {
    "READ": "Read",
    "WRITE": "Write",
    "DESCRIBE": "Describe",
    "DESCRIBE_CONFIGS": "DescribeConfigs",
    "CREATE": "Create",
}


def acl_command(grant: Grant, servers: str, principal: str) -> str:
    """Return the call of Kafka's own tool that gives the grant to a principal, such as ``User:worker``.

    It is quoted for a shell: a principal may hold spaces, and a group nearly anything.
    """
    pattern = " --resource-pattern-type prefixed" if grant.pattern == "PREFIXED" else ""
    return (
        f"kafka-acls.sh --bootstrap-server {quote(servers)} --add --allow-principal {quote(principal)} "
        f"--operation {_OPERATIONS[grant.operation]} {_FLAGS[grant.resource]} {quote(grant.name)}{pattern}"
    )


def _topics(operation: Operation, names: Iterable[str]) -> list[Grant]:
    return [Grant("TOPIC", "LITERAL", name, operation) for name in names]


def _observations(settings: Settings) -> list[str]:
    return list(settings.topics.observations.values())
