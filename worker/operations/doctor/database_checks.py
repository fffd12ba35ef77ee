"""What is asked of Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.index import MappingIndex
from worker.operations.doctor.check import Check
from worker.operations.doctor.clock_verdicts import judge_database_clock
from worker.operations.doctor.connection_verdicts import judge_connections
from worker.operations.doctor.database_verdicts import (
    MOST_CONFLICTS,
    MappingFacts,
    RoleFacts,
    judge_locks,
    judge_mappings,
    judge_owners,
    judge_revision,
    judge_roles,
    judge_schema,
    judge_server,
    judge_sessions,
)
from worker.operations.doctor.findings import Finding, failure
from worker.operations.doctor.insight_verdicts import judge_evidence
from worker.operations.doctor.parts import Part
from worker.operations.doctor.snapshot_verdicts import judge_snapshots
from worker.runtime.index.live import parse_rows
from worker.settings.connected import DatabaseSettings, with_database
from worker.settings.settings import Settings
from worker.storage import audit
from worker.storage.access.connections import read_limits
from worker.storage.access.locks import (
    ANNOUNCEMENTS,
    MAPPINGS,
    MIGRATIONS,
    holders,
    insight_lock,
    relay_lock,
)
from worker.storage.access.ownership import exposed_functions, read_strays
from worker.storage.access.roles import existing_roles
from worker.storage.access.schema import creators, planted_objects
from worker.storage.access.sessions import examine_sessions
from worker.storage.access.snapshots import read_snapshots
from worker.storage.columns.json_columns import UnusableJson
from worker.storage.engine import opened, printable_url, transaction
from worker.storage.insight.alarms import list_alarms
from worker.storage.insight.evidence import read_state
from worker.storage.inspection import (
    constraints_not_validated,
    lacking_privileges,
    last_change,
    missing_relations,
    read_clock,
    read_server,
    read_statement_timeout,
)
from worker.storage.mappings import load_index_rows
from worker.storage.migrate import UnknownRevisionError, current, known_revision

_Look = Callable[[Settings], Awaitable[Sequence[Finding]]]
_NO_ADDRESS: Final = failure(
    "database", "no address", "set MARKETMAP_DATABASE_URL; marketmap services up"
)
# What a relay may still have to publish; all of the log would take too long.
_NEWEST_CHANGES: Final = 200
# More cannot be open: one for each bookmaker and sign.
_MOST_DRIFT: Final = 18
# A transaction that is open in two looks this far apart may hold a snapshot; others do not for long.
_BETWEEN_LOOKS_S: Final = 2.0


def _connected(look: Callable[[DatabaseSettings], Awaitable[Sequence[Finding]]]) -> _Look:
    """Look with an address to connect to; without one, that is the finding."""

    async def run(settings: Settings) -> Sequence[Finding]:
        connected = with_database(settings)
        return [_NO_ADDRESS] if connected is None else await look(connected)

    return run


async def _database(settings: DatabaseSettings) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        return judge_server(await read_server(connection), printable_url(settings.database_url))


async def _sessions(settings: DatabaseSettings) -> Sequence[Finding]:
    sessions = await examine_sessions(settings.database_url, timeout_s=settings.admin_timeout_s)
    async with opened_connection(settings) as connection:
        timeout_s = await read_statement_timeout(connection)
    return judge_sessions(sessions, timeout_s, settings.admin_timeout_s)


async def _connections(settings: DatabaseSettings) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        return judge_connections(await read_limits(connection), settings)


async def _revision(settings: DatabaseSettings) -> Sequence[Finding]:
    revision = await current(settings.database_url)
    return judge_revision(
        revision, known_revision(), is_known=revision is None or _is_known(revision)
    )


def _is_known(revision: str) -> bool:
    try:
        return known_revision(revision) is not None
    except UnknownRevisionError:
        return False


async def _roles(settings: DatabaseSettings, part: Part) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        schema = judge_schema(await creators(connection), await planted_objects(connection))
        owners = judge_owners(await exposed_functions(connection), await read_strays(connection))
        facts = RoleFacts(
            await read_server(connection),
            await existing_roles(connection),
            await missing_relations(connection, part.needs),
            await lacking_privileges(connection, part.needs),
        )
    return [*schema, *owners, *judge_roles(facts, part)]


async def _locks(settings: DatabaseSettings) -> Sequence[Finding]:
    leads = (relay_lock(settings.topics.changes), insight_lock(settings.insight_group_id))
    ours = (MAPPINGS, ANNOUNCEMENTS, MIGRATIONS, *leads)
    async with opened_connection(settings) as connection:
        found = {lock: await holders(connection, lock) for lock in ours}
        return judge_locks(found, await read_clock(connection))


async def _snapshots(settings: DatabaseSettings) -> Sequence[Finding]:
    """Look twice where a login does not see everything: what is open in both looks may be held for long."""
    between_s = min(_BETWEEN_LOOKS_S, settings.admin_timeout_s / 2)
    async with opened_connection(settings) as connection:
        login = (await read_server(connection)).login
        look = await read_snapshots(connection)
    if not look.hidden:
        return judge_snapshots(look, (), between_s, login)
    await asyncio.sleep(between_s)
    async with opened_connection(settings) as connection:
        again = await read_snapshots(connection)
    lasting = [each for each in again.hidden if each in look.hidden]
    return judge_snapshots(again, lasting, between_s, login)


async def _database_clock(settings: DatabaseSettings) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        asked = datetime.now(UTC)
        reported = await read_clock(connection)
        return judge_database_clock(asked, reported, datetime.now(UTC))


async def _mappings(settings: DatabaseSettings) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        version, rows = await load_index_rows(connection)
        changed_at = await last_change(connection)
        not_validated = await constraints_not_validated(connection)
        newest = await audit.newest(connection, _NEWEST_CHANGES)
    unread = [change.id for change in newest if isinstance(change.new_value, UnusableJson)]
    parsed = parse_rows(rows)
    index = MappingIndex(parsed.usable.values(), version)
    facts = MappingFacts(
        version,
        changed_at,
        len(parsed.usable),
        parsed.unusable,
        list(islice(index.conflicts(), MOST_CONFLICTS)),
        not_validated,
        unread,
    )
    return judge_mappings(facts)


async def _evidence(settings: DatabaseSettings) -> Sequence[Finding]:
    async with opened_connection(settings) as connection:
        leaders = await holders(connection, insight_lock(settings.insight_group_id))
        undecided, _ = await list_alarms(connection, kind="drift", limit=_MOST_DRIFT)
        return judge_evidence(leaders, await read_state(connection), undecided)


@asynccontextmanager
async def opened_connection(settings: DatabaseSettings) -> AsyncIterator[AsyncConnection]:
    async with (
        opened(
            settings.database_url,
            application_name="marketmap-doctor",
            pool_size=1,
            connect_timeout_s=settings.admin_timeout_s,
            statement_timeout_s=settings.admin_timeout_s,
        ) as engine,
        transaction(engine) as connection,
    ):
        yield connection


DATABASE: Final = Check(
    "database",
    (),
    _connected(_database),
    "is Postgres running at MARKETMAP_DATABASE_URL?",
    refused="login refused: check user and password of MARKETMAP_DATABASE_URL, and pg_hba.conf",
)


def checks_of(part: Part) -> Sequence[Check]:
    """What is to be asked for a part; nothing for one that needs no database."""
    if not part.needs:
        return ()
    granted = f"marketmap roles; GRANT {part.group} TO the login"
    evidence = Check(
        "evidence", ("database",), _connected(_evidence), f"marketmap migrate; {granted}"
    )
    return (
        Check("sessions", ("database",), _connected(_sessions), "see the pooler's log"),
        Check("connections", ("database",), _connected(_connections), "see the server's log"),
        Check("migrations", ("database",), _connected(_revision), granted),
        Check(
            "roles", ("database",), _connected(partial(_roles, part=part)), "see the server's log"
        ),
        Check("locks", ("database",), _connected(_locks), "see the server's log"),
        Check("snapshots", ("database",), _connected(_snapshots), "see the server's log"),
        Check("mappings", ("database",), _connected(_mappings), f"marketmap migrate; {granted}"),
        Check("clock", ("database",), _connected(_database_clock), "see the server's log"),
        *((evidence,) if part.name == "insight" else ()),
    )
