"""What to say of the database: server, revision, rights, and the mappings in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from shlex import quote
from typing import Final, NamedTuple

from worker.domain.books.rows import abbreviate
from worker.domain.index import Conflict
from worker.operations.doctor.findings import Finding, failure, fine, warning
from worker.operations.doctor.parts import Part
from worker.storage.access.locks import ANNOUNCEMENTS, MAPPINGS, Lock, LockHolder, held_by
from worker.storage.access.ownership import Stray
from worker.storage.access.roles import ROLES
from worker.storage.access.schema import OLDEST_POSTGRES, describe_planted
from worker.storage.access.sessions import Sessions
from worker.storage.inspection import Server

_MOST_SHOWN: Final = 5
MOST_CONFLICTS: Final = 1_000  # are counted
_POOLERS: Final = (
    "connect to Postgres directly, or pool_mode = session; docs/deploying.md, Connection poolers"
)
_MIGRATE: Final = "marketmap migrate"
# A relay holds its lock for as long as it leads; a migration may take long.
_SHORT: Final = (MAPPINGS, ANNOUNCEMENTS)


class MappingFacts(NamedTuple):
    """The active mappings as a worker would use them; ``unusable`` by canonical id, with what is wrong.

    ``not_validated`` are constraints (table and name) that older rows do not meet; ``unread`` the versions of
    recent changes whose new state cannot be read.
    """

    version: int
    changed_at: datetime | None
    usable: int
    unusable: Mapping[str, str]
    conflicts: Sequence[Conflict]
    not_validated: Sequence[tuple[str, str]] = ()
    unread: Sequence[int] = ()


def judge_server(server: Server, address: str) -> list[Finding]:
    if server.is_read_only:
        message = f"{address}: Postgres {server.version}, read-only"
        return [
            failure(
                "database", message, "is it a standby? MARKETMAP_DATABASE_URL must name the primary"
            )
        ]
    if server.major < OLDEST_POSTGRES:
        message = f"{address}: Postgres {server.version}, {OLDEST_POSTGRES} is the oldest supported"
        return [failure("database", message, "upgrade the server")]
    return [fine("database", f"{address}: Postgres {server.version}")]


def judge_sessions(sessions: Sessions, timeout_s: float, expected_s: float) -> list[Finding]:
    """What a connection keeps: its session, its notifications and its timeouts."""
    if sessions.fault is not None:
        return [failure("sessions", sessions.fault, _POOLERS)]
    if timeout_s != expected_s:
        message = f"a statement timeout of {expected_s:g} s was set, the server has {timeout_s:g} s"
        return [failure("sessions", message, _POOLERS)]
    return [fine("sessions", "a connection keeps its session, notifications and timeouts")]


def judge_revision(revision: str | None, head: str | None, *, is_known: bool) -> list[Finding]:
    if revision == head:
        return [fine("migrations", f"at {head}, the newest revision")]
    if revision is None:
        return [failure("migrations", "the database is empty", _MIGRATE)]
    if is_known:
        return [failure("migrations", f"at {revision}, this program needs {head}", _MIGRATE)]
    message = f"at {revision}, which this program does not know; its own newest is {head}"
    return [warning("migrations", message, "a newer program has migrated: upgrade this one too")]


class RoleFacts(NamedTuple):
    """The login, and what is lacking: roles of the server, tables that do not exist, privileges on others."""

    server: Server
    existing: Collection[str]
    absent: Sequence[str]
    lacking: Sequence[str]


def judge_roles(facts: RoleFacts, part: Part) -> list[Finding]:
    """Whether the login can do what the part has to; nothing is said to be well that cannot be known."""
    found, login = [], facts.server.login
    missing = [role for role in ROLES if role not in facts.existing]
    if missing:
        message = f"missing: {', '.join(missing)}"
        found.append(warning("roles", message, "marketmap roles, as an administrator"))
    if facts.server.is_superuser:
        message = f"{login} is a superuser and may do more than {_a(part)} has to"
        found.append(
            warning("roles", message, f"a login of its own, with GRANT {part.group} TO it")
        )
    if facts.absent:
        message = f"no rights to check, these do not exist: {', '.join(facts.absent)}"
        found.append(failure("roles", message, f"{_MIGRATE}, then marketmap roles"))
    if facts.lacking:
        message = f"{login} lacks {', '.join(facts.lacking)}"
        remedy = f"marketmap roles, then GRANT {part.group} TO {login}"
        found.append(failure("roles", message, remedy))
    return found or [fine("roles", f"{login} may do what {_a(part)} has to")]


def _a(part: Part) -> str:
    return f"an {part.name}" if part.name[0] in "aeiou" else f"a {part.name}"


def judge_schema(creators: Sequence[str], planted: Sequence[str]) -> list[Finding]:
    """What others may have a worker or an administrator run; nothing when there is no such thing."""
    found = []
    if "PUBLIC" in creators:
        message = (
            "everybody may create operators and functions in schema public, and others run them"
        )
        found.append(failure("roles", message, "marketmap roles, as an administrator"))
    if named := [creator for creator in creators if creator != "PUBLIC"]:
        message = f"{', '.join(named)} may create operators in schema public, and others run them"
        remedy = f"REVOKE CREATE ON SCHEMA public FROM {', '.join(named)}"
        found.append(warning("roles", message, remedy))
    if planted:
        remedy = (
            "find out who made them and why; as an administrator, DROP them, or if a migration"
            " made them, ALTER their OWNER TO marketmap_owner"
        )
        found.append(failure("roles", describe_planted(planted), remedy))
    return found


def judge_owners(exposed: Sequence[str], strays: Sequence[Stray]) -> list[Finding]:
    """Functions with an owner's rights that everybody may call, and what the group of owners does not own."""
    found = []
    if exposed:
        message = (
            f"everybody may call {_some(exposed)} with its owner's rights, and so forge what it"
            " records"
        )
        found.append(failure("roles", message, "marketmap roles, as an administrator"))
    if powerless := [stray for stray in strays if stray.is_powerless]:
        message = (
            f"{_some([_owned(stray) for stray in powerless])} cannot do its work: its owner is no"
            " longer in marketmap_owner"
        )
        remedy = f"as an administrator: {'; '.join(stray.handover for stray in powerless)}"
        found.append(failure("roles", message, remedy))
    if others := [stray for stray in strays if not stray.is_powerless]:
        message = (
            f"{_some([_owned(stray) for stray in others])} would stop working without the rights of"
            " its owner; it should be marketmap_owner's"
        )
        found.append(warning("roles", message, "marketmap roles, as an administrator"))
    return found


def _owned(stray: Stray) -> str:
    return f"{stray.name} of {stray.owner}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more


def judge_locks(
    found: Mapping[Lock, Sequence[LockHolder]], now: datetime, *, long_s: float = 60
) -> list[Finding]:
    """A lock of ours in the hands of a login that may not do its work, or held for long."""
    findings = []
    for lock, holders in found.items():
        for holder in holders:
            message = held_by(lock, [holder])
            remedy = f"as an administrator: SELECT pg_terminate_backend({holder.pid})"
            if holder.is_entitled is False:
                why = f"{message}, which may not do it"
                findings.append(failure("locks", why, remedy))
            elif lock in _SHORT and holder.since and (now - holder.since).total_seconds() > long_s:
                why = f"{message}: longer than {long_s:g} s"
                findings.append(warning("locks", why, f"is it at work? If not, {remedy}"))
    return findings or [fine("locks", "nothing is held up")]


def judge_mappings(facts: MappingFacts) -> list[Finding]:
    found = [
        failure(
            "mappings",
            f"{canonical_id} cannot be used: {reason}",
            f"marketmap mappings show {quote(canonical_id)}",
        )
        for canonical_id, reason in list(facts.unusable.items())[:_MOST_SHOWN]
    ]
    if len(facts.unusable) > _MOST_SHOWN:
        more = f"{len(facts.unusable) - _MOST_SHOWN} more cannot be used"
        found.append(failure("mappings", more, "fix these first"))
    found += [
        warning(
            "mappings",
            f"{table} has rows from before {constraint} that it refuses",
            f"correct or delete them, then ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}",
        )
        for table, constraint in facts.not_validated
    ]
    if facts.unread:
        versions = ", ".join(map(str, sorted(facts.unread)[-_MOST_SHOWN:]))
        message = f"{len(facts.unread)} of the newest changes cannot be read, the last: {versions}"
        remedy = "they are published without their values; see the runbook, Mapping changes"
        found.append(warning("mappings", message, remedy))
    if facts.conflicts:
        first, count = facts.conflicts[0], len(facts.conflicts)
        at_least = "at least " * (count == MOST_CONFLICTS)
        labels = f"{at_least}{count} label{'s' * (count != 1)} claimed twice"
        where = (
            f"{first.platform} market {first.market_id}, {abbreviate(first.label)}, "
            f"by {first.winner} and {first.loser}"
        )
        found.append(
            warning("mappings", f"{labels}, as {where}", "change the priority of one of them")
        )
    if not facts.usable:
        remedy = "marketmap mappings import, for the shipped catalogue"
        found.append(warning("mappings", "there is none: every market is missed", remedy))
    return found or [fine("mappings", _summary(facts))]


def _summary(facts: MappingFacts) -> str:
    when = facts.changed_at and facts.changed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{facts.usable} active, version {facts.version}, last changed {when} UTC"
