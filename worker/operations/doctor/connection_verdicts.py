"""What to say of the connections that the server allows and that all processes together may take. Pure."""

from __future__ import annotations

from typing import Final

from worker.operations.doctor.findings import Finding, fine, warning
from worker.settings.settings import Settings, variable
from worker.storage.access.connections import ConnectionLimits

# A relay with its stand-by, commands, and this examination.
OTHERS: Final = 7


def judge_connections(limits: ConnectionLimits, settings: Settings) -> list[Finding]:
    """Compare what is allowed with what a worker for each partition would take; more get nothing to read."""
    workers = settings.partitions * len(settings.topics.observations)
    each = settings.worker_connections
    needed = workers * each + OTHERS
    fleet = f"{workers} workers, one for each partition, may take {each} each and others {OTHERS}"
    message = f"{fleet}: {needed} of {limits.usable}; {limits.in_use} are in use"
    if needed <= limits.usable:
        return [fine("connections", message)]
    most = max(0, (limits.usable - OTHERS) // each)
    remedy = (
        f"run at most {most} workers, lower {variable('database_connections')}, or raise"
        f" {_narrowest(limits)} to {needed + (limits.reserved if _is_of_server(limits) else 0)}"
    )
    return [warning("connections", message, remedy)]


def _is_of_server(limits: ConnectionLimits) -> bool:
    return limits.usable == limits.allowed - limits.reserved


def _narrowest(limits: ConnectionLimits) -> str:
    if _is_of_server(limits):
        return "max_connections"
    return (
        "the login's CONNECTION LIMIT"
        if limits.usable == limits.of_login
        else ("the database's CONNECTION LIMIT")
    )
