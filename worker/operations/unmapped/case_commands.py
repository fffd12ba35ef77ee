"""`marketmap unmapped take`, `release`, `snooze`, `wake` and `cases`: who works on which miss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_market_id
from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import chosen_url, in_one_transaction, read_database, run_on_database
from worker.cli.moments import parse_ago
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    Output,
    PlatformArgument,
    Reason,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import Column, ListTable, shown_of, when
from worker.operations.unmapped.tables import keys_json
from worker.storage.changes import cases
from worker.storage.changes.cases import CaseTaken, ListedCase
from worker.storage.errors import StorageRefused
from worker.storage.misses import QueueKey, UnknownMiss

CaseMarkets = Annotated[
    list[str],
    typer.Argument(
        help="The bookmaker's market ids, as shown by `list`.",
        show_default=False,
        autocompletion=complete_market_id,
    ),
]
ChangeCases = Callable[[AsyncConnection, list[QueueKey]], Awaitable[Sequence[QueueKey]]]

_COLUMNS: Final = (
    Column("platform", is_typed=True),
    Column("market", is_typed=True),
    Column("name", least=16),
    Column("owner", least=8),
    Column("status", least=12, left_out=1),
    Column("snoozed until (UTC)", least=19, left_out=2),
    Column("missed again (UTC)", least=19, left_out=3),
    Column("count", least=5, left_out=4),
)
_FIELDS: Final = (
    *("source", "external_market_id", "market_name", "owner", "status", "snoozed_until"),
    *(
        "regressed_at",
        "regressed_from",
        "occurrence_count",
        "actor",
        "login",
        "reason",
        "changed_at",
    ),
)


def take(
    platform: PlatformArgument,
    market_ids: CaseMarkets,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept.")] = "to decide it",
    actor: Actor,
    force: Annotated[
        bool, typer.Option("--force", help="Take it over from whoever works on it.")
    ] = False,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take missed markets: you own them, and they are marked as being worked on.

    Example: marketmap unmapped take sportybet 830101 --actor you
    """

    async def change(connection: AsyncConnection, keys: list[QueueKey]) -> Sequence[QueueKey]:
        return await cases.take(connection, keys, actor=actor, reason=reason, force=force)

    _change(
        database_url,
        platform,
        market_ids,
        change,
        f"taken by {actor}",
        dry_run=dry_run,
        as_json=as_json,
    )


def release(
    platform: PlatformArgument,
    market_ids: CaseMarkets,
    *,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let go of missed markets: nobody owns them, and they are NEW again.

    Example: marketmap unmapped release sportybet 830101 --actor you --reason "..."
    """

    async def change(connection: AsyncConnection, keys: list[QueueKey]) -> Sequence[QueueKey]:
        return await cases.release(connection, keys, actor=actor, reason=reason)

    _change(
        database_url, platform, market_ids, change, "released", dry_run=dry_run, as_json=as_json
    )


def snooze(
    platform: PlatformArgument,
    market_ids: CaseMarkets,
    *,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="How long: 12h, 3d, ..."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Until this time (UTC)."),
    ] = None,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put missed markets off until a time. One that was mapped and is missed again comes back at once.

    Example: marketmap unmapped snooze sportybet 830101 --for 3d --actor you --reason "..."
    """
    moment = _moment(duration, until)

    async def change(connection: AsyncConnection, keys: list[QueueKey]) -> Sequence[QueueKey]:
        return await cases.snooze(connection, keys, moment, actor=actor, reason=reason)

    _change(
        database_url,
        platform,
        market_ids,
        change,
        f"snoozed until {moment:%Y-%m-%d %H:%M:%S} UTC",
        dry_run=dry_run,
        as_json=as_json,
    )


def wake(
    platform: PlatformArgument,
    market_ids: CaseMarkets,
    *,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take up missed markets again that were snoozed.

    Example: marketmap unmapped wake sportybet 830101 --actor you --reason "..."
    """

    async def change(connection: AsyncConnection, keys: list[QueueKey]) -> Sequence[QueueKey]:
        return await cases.snooze(connection, keys, None, actor=actor, reason=reason)

    _change(database_url, platform, market_ids, change, "awake", dry_run=dry_run, as_json=as_json)


def list_cases(
    *,
    owner: Annotated[str | None, typer.Option(help="Only those of this person.")] = None,
    regressed: Annotated[
        bool,
        typer.Option(
            "--regressed", help="Only markets that are missed again after they were mapped."
        ),
    ] = False,
    snoozed: Annotated[
        bool, typer.Option("--snoozed", help="Only those that are put off.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 50,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the open missed markets that somebody owns or put off, or that are missed again, the newest first.

    Example: marketmap unmapped cases --regressed
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)

    async def read(connection: AsyncConnection) -> Sequence[ListedCase]:
        found = await cases.list_cases(
            connection, owner=owner, regressed=regressed, snoozed=snoozed, limit=limit
        )
        return found.rows

    rows = read_database(database_url, read)
    print_all(form, ListLayout(_FIELDS, case_json, _table), rows)
    say_shown(form, len(rows), len(rows), "case")


def case_json(row: ListedCase) -> dict[str, Any]:
    """A case as JSON, its times in ISO 8601, UTC."""
    values = {
        **row.case._asdict(),
        "market_name": row.market_name,
        "status": row.status,
        "occurrence_count": row.occurrence_count,
    }
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _table(rows: Iterable[ListedCase]) -> ListTable:
    table = ListTable(_COLUMNS)
    for row in rows:
        one = row.case
        table.add(
            one.source,
            one.external_market_id,
            row.market_name,
            one.owner,
            row.status,
            one.snoozed_until and when(one.snoozed_until),
            one.regressed_at and when(one.regressed_at),
            str(row.occurrence_count),
        )
    return table


def _moment(duration: str | None, until: datetime | None) -> datetime:
    if (duration is None) == (until is None):
        fail("Give either --for or --until.", code=2)
    if until is not None:
        return until.replace(tzinfo=UTC)
    ahead = parse_ago(duration or "")
    if ahead is None:
        fail(f"--for {duration} is not a duration such as 12h or 3d", code=2)
    return datetime.now(UTC) + ahead


def _change(
    database_url: str | None,
    platform: str,
    market_ids: Sequence[str],
    change: ChangeCases,
    words: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change cases, all of them or none, and report those that changed."""
    keys = [(platform, market_id) for market_id in market_ids]
    changed = run_on_database(_run(chosen_url(database_url), change, keys, dry_run=dry_run))
    if as_json:
        print_json({"changed": keys_json(changed), "dry_run": dry_run})
        return
    would = "would be" if dry_run else "is"
    for _, market_id in changed:
        out.print(printable(f"{platform} {market_id} {would} {words}"), markup=False)
    if len(changed) < len(set(keys)):
        left = len(set(keys)) - len(changed)
        err.print(printable(f"{shown_of(left, len(set(keys)), 'market')} already {words}."))


async def _run(
    url: str, change: ChangeCases, keys: list[QueueKey], *, dry_run: bool
) -> Sequence[QueueKey]:
    try:
        return await in_one_transaction(
            url, lambda connection: change(connection, keys), dry_run=dry_run
        )
    except UnknownMiss as error:
        fail(f"{error}; nothing was changed", kind="NOT_FOUND")
    except CaseTaken as error:
        fail(f"{error}; nothing was changed", hint="Take it over with --force.", kind="CONFLICT")
    except StorageRefused as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
