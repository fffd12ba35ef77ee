"""The parts of an installation that an examination can be made for, each with what it needs and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from worker.operations.installation import grants
from worker.operations.installation.grants import Grant
from worker.settings.settings import Settings
from worker.storage.inspection import (
    EDITOR_NEEDS,
    INSIGHT_NEEDS,
    OPERATOR_NEEDS,
    READER_NEEDS,
    WORKER_NEEDS,
    Needs,
)

_REVISION: Final[Needs] = {"alembic_version": ("SELECT",)}
_MAPPINGS: Final[Needs] = {
    "user_market_mappings": ("SELECT",),
    "mapping_audit_log": ("SELECT",),
    **_REVISION,
}
_DATABASE: Final[Mapping[str, tuple[str, Needs]]] = {
    "worker": ("worker", WORKER_NEEDS),
    "relay": ("worker", {**_MAPPINGS, "relay_cursor": ("SELECT", "INSERT", "UPDATE")}),
    "insight": ("worker", INSIGHT_NEEDS),
    "replay": ("worker", {**_MAPPINGS, "replay_run": ("SELECT", "INSERT", "UPDATE")}),
    "console": ("reader", READER_NEEDS),
    "look": ("reader", {**_MAPPINGS, "ingest_watermark": ("SELECT",)}),
    "editor": ("editor", EDITOR_NEEDS),
    "approver": ("approver", EDITOR_NEEDS),
    "reader": ("reader", READER_NEEDS),
    "operator": ("operator", OPERATOR_NEEDS),
}
PARTS: Final = (
    "worker",
    "relay",
    "snapshot",
    "insight",
    "console",
    "editor",
    "approver",
    "reader",
    "operator",
    "replay",
    "redrive",
    "look",
    "administrator",
)


class Part(NamedTuple):
    """What a part needs. ``grants`` are empty when it needs no Kafka, ``needs`` when it needs no database.

    ``group`` is the group of the database that a login of this part is put into.
    """

    name: str
    grants: Sequence[Grant]
    group: str
    needs: Needs

    def group_name(self, settings: Settings) -> str:
        """The consumer group that the part has to do with."""
        own = {"snapshot": settings.snapshot_group_id, "insight": settings.insight_group_id}
        return own.get(self.name, settings.group_id)

    def operations_on(self, resource: str, name: str) -> set[str]:
        """What it must be allowed on a topic or a group."""
        return {
            grant.operation
            for grant in self.grants
            if (grant.resource, grant.pattern, grant.name) == (resource, "LITERAL", name)
        }


def part_of(settings: Settings, name: str) -> Part:
    """Return the part of that name, under the names of the settings; a worker's relay is included."""
    role = grants.ROLES.get(name)
    needed = list(role(settings)) if role else []
    if name == "console" and not settings.kafka_bootstrap_servers:
        needed = []  # it serves all pages but those of dead letters
    if name == "worker" and settings.relay_in_worker:
        needed += grants.relay(settings)
    group, needs = _DATABASE.get(name, ("", {}))
    return Part(name, needed, f"marketmap_{group}", needs)
