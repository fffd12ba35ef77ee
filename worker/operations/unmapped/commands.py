"""`marketmap unmapped`: the queue of missed markets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Protocol, get_args

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas import MissReason
from worker.cli.completions import complete_market_id
from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import chosen_url, in_one_transaction, read_database, run_on_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    PlatformArgument,
    Reason,
    completing,
    require_one_of,
)
from worker.cli.output import READER_PATIENCE_S, chosen_form, say_shown
from worker.cli.rows import print_all, print_rows
from worker.cli.tables import print_list, print_table, shown_of
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.tables import (
    evidence_list,
    examples_table,
    suggestion_table,
)
from worker.operations.mappings.tables import grades_of, mappings_list
from worker.operations.unmapped import case_commands, view_commands
from worker.operations.unmapped.case import OddsOfMiss, read_case
from worker.operations.unmapped.families import GROUPS, GroupBy, families, ordered
from worker.operations.unmapped.grouping import MOST_GROUPED, read_groups
from worker.operations.unmapped.map_command import map_
from worker.operations.unmapped.tables import (
    FAMILIES,
    MISSES,
    keys_json,
    miss_json,
    miss_table,
    samples_table,
    work_json,
)
from worker.storage import misses
from worker.storage.errors import StorageRefused
from worker.storage.misses import QueueKey, QueueOrder, UnknownMiss

REASONS = get_args(MissReason)
ORDERS = get_args(QueueOrder)

MarketIds = Annotated[
    list[str],
    typer.Argument(
        help="The bookmaker's market ids, as shown by `list`.",
        show_default=False,
        autocompletion=complete_market_id,
    ),
]
MarkQueued = Callable[[AsyncConnection, list[QueueKey]], Awaitable[Sequence[QueueKey]]]


WithFamily = Annotated[
    bool,
    typer.Option(
        "--family",
        help="Also the markets that differ from these by numbers only, as `list --group` has them.",
    ),
]


class SignedMark(Protocol):
    """Changes the status of markets, with who and why; returns the markets whose status was another."""

    def __call__(
        self, connection: AsyncConnection, keys: list[QueueKey], /, *, actor: str, notes: str | None
    ) -> Awaitable[Sequence[QueueKey]]: ...


app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Work through the markets that no mapping covers, most urgent first."""


@app.command("list")
def list_(
    containing: Annotated[str, typer.Argument(help="Text in the market's id or name.")] = "",
    *,
    platform: OnPlatform = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(misses.STATUSES)}; by default {' and '.join(misses.WORK)}. Repeatable.",
            show_default=False,
            autocompletion=completing(misses.STATUSES),
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(
            "--miss-reason",
            help=f"One reason: {', '.join(REASONS)}.",
            autocompletion=completing(REASONS),
        ),
    ] = None,
    min_occurrences: Annotated[
        int, typer.Option(min=1, help="Missed at least this many times.")
    ] = 1,
    order: Annotated[
        str, typer.Option(help=f"Sort by: {', '.join(ORDERS)}.", autocompletion=completing(ORDERS))
    ] = "priority",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 30,
    is_grouped: Annotated[
        bool,
        typer.Option("--group", help="A row for each family: markets that differ by numbers only."),
    ] = False,
    group_by: Annotated[
        str | None,
        typer.Option(
            help=f"What the markets of a group have in common: {', '.join(GROUPS)}.",
            autocompletion=completing(GROUPS),
        ),
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Only those that this person took.")] = None,
    unowned: Annotated[
        bool, typer.Option("--unowned", help="Only those that nobody took.")
    ] = False,
    snoozed: Annotated[
        bool | None,
        typer.Option(
            "--snoozed/--awake",
            help="Only those that are put off, or only those that are not; by default both.",
            show_default=False,
        ),
    ] = None,
    regressed: Annotated[
        bool,
        typer.Option(
            "--regressed", help="Only markets that are missed again after they were mapped."
        ),
    ] = False,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List what to map next: markets missed often, recently, in many events and at other bookmakers first.

    --order comparisons puts first what unlocks most comparisons of prices a day, if an insight process has
    suggestions: events * lines * bookmakers that have what it may be * confidence. --order confidence puts
    first what has the surest suggestion; one that is not confident comes after all that are.

    Example: marketmap unmapped list --platform sportybet --min-occurrences 10
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    require_one_of("--order", order, ORDERS)
    for one in status or ():
        require_one_of("--status", one, misses.STATUSES)
    require_one_of("--group-by", group_by, GROUPS)
    by: GroupBy = next((one for one in GROUPS if one == group_by), "name")

    listed: dict[str, Any] = {"order": order, "limit": limit}
    filters: dict[str, Any] = {
        "statuses": status or misses.WORK,
        "source": platform,
        "reason": reason,
        "containing": containing,
        "min_occurrences": min_occurrences,
        "owner": owner,
        "unowned": unowned,
        "snoozed": snoozed,
        "regressed": regressed,
    }

    async def print_families(connection: AsyncConnection) -> tuple[int, int]:
        rows = await misses.list_misses(connection, **filters, **(listed | {"limit": MOST_GROUPED}))
        found = ordered(families(rows, by), listed["order"])
        print_all(form, FAMILIES, found[:limit])
        if len(rows) == MOST_GROUPED:
            err.print(f"Only the first {MOST_GROUPED:,} markets are grouped.")
        return min(limit, len(found)), len(found)

    if is_grouped or group_by is not None:
        shown, total = read_database(database_url, print_families)
        say_shown(form, shown, total, "group")
        return

    async def print_misses(connection: AsyncConnection) -> tuple[int, int]:
        rows = misses.stream_misses(connection, **filters, **listed)
        shown = await print_rows(form, MISSES, rows)
        return shown, await misses.count_misses(connection, **filters)

    shown, total = read_database(database_url, print_misses, idle_timeout_s=READER_PATIENCE_S)
    say_shown(form, shown, total, "market")


@app.command()
def show(
    platform: PlatformArgument,
    market_id: Annotated[
        str,
        typer.Argument(
            help="The bookmaker's id of the market.",
            show_default=False,
            autocompletion=complete_market_id,
        ),
    ],
    *,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show one missed market: its samples, the mappings with its id, and the labels that they do not know.

    If an insight process runs, also what the market may be by its odds, recent events, and the evidence for
    the mappings.

    Example: marketmap unmapped show sportybet 830101
    """
    try:
        miss, claimants, found, odds, _, spans, work = read_database(
            database_url, lambda connection: read_case(connection, (platform, market_id))
        )
    except UnknownMiss as error:
        fail(str(error), kind="NOT_FOUND")
    if as_json:
        names = [row.canonical_id for row in claimants]
        print_json(
            miss_json(miss)
            | work_json(work)
            | {"mappings": names, "unknown_labels": list(found.unknown)}
            | {"missed_days": [one.as_json() for one in spans]}
            | odds.as_json()
        )
        return
    print_table(miss_table(miss, spans))
    out.print()
    print_table(samples_table(miss, found))
    out.print()
    if claimants:
        print_list(mappings_list(claimants, grades_of(odds.evidence)))
    else:
        out.print("No active mapping has this id.")
    _print_odds(odds)


def _print_odds(odds: OddsOfMiss) -> None:
    """Print what there is; without an insight process, nothing."""
    if odds.evidence:
        out.print()
        print_list(evidence_list(odds.evidence))
    if odds.suggestions:
        out.print()
        print_table(suggestion_table(odds.suggestions))
    if odds.samples:
        out.print()
        print_table(examples_table(odds.samples))


def with_families(mark: MarkQueued, among: Sequence[str]) -> MarkQueued:
    """Make a mark of whole families of markets, of their members with one of these statuses."""

    async def mark_families(
        connection: AsyncConnection, keys: list[QueueKey]
    ) -> Sequence[QueueKey]:
        together = await read_groups(connection, keys, among=among)
        return await mark(connection, sorted(one.key for one in together))

    return mark_families


def _marks(status: str, mark: SignedMark) -> Callable[..., None]:
    """Make a command that sets the status of markets and takes only who and why."""

    def command(
        platform: PlatformArgument,
        market_ids: MarketIds,
        *,
        reason: Reason,
        actor: Actor,
        with_family: WithFamily = False,
        database_url: DatabaseUrl = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        signed = partial(mark, actor=actor, notes=reason)
        among = misses.STATUSES if status == "NEW" else misses.WORK
        marked = with_families(signed, among) if with_family else signed
        _mark(database_url, platform, market_ids, marked, status, dry_run=dry_run, as_json=as_json)

    return command


ACKNOWLEDGE_HELP = """Mark markets as being worked on.

Example: marketmap unmapped acknowledge sportybet 830101 --actor you --reason "..."
"""
app.command("acknowledge", help=ACKNOWLEDGE_HELP)(_marks("ACKNOWLEDGED", misses.acknowledge))


@app.command()
def ignore(
    platform: PlatformArgument,
    market_ids: MarketIds,
    *,
    reason: Reason,
    actor: Actor,
    with_family: WithFamily = False,
    until_count: Annotated[
        int | None,
        typer.Option(
            min=1, help="Ignore until it was missed this many times in total.", show_default=False
        ),
    ] = None,
    until_rate: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Ignore until it is missed this many times per hour.", show_default=False
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
            help="Ignore until it is missed after this time (UTC).",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Mark markets as not worth a mapping: for ever, or until one of the limits is reached.

    Example: marketmap unmapped ignore sportybet 830101 --until-count 1000 --actor you --reason "..."
    """

    async def mark(connection: AsyncConnection, keys: list[QueueKey]) -> Sequence[QueueKey]:
        return await misses.ignore(
            connection,
            keys,
            actor=actor,
            notes=reason,
            until_count=until_count,
            until_rate=until_rate,
            until=until and until.replace(tzinfo=UTC),
        )

    marked = with_families(mark, misses.WORK) if with_family else mark
    _mark(database_url, platform, market_ids, marked, "IGNORED", dry_run=dry_run, as_json=as_json)


REOPEN_HELP = """Put markets back into the queue, whatever was decided about them.

Example: marketmap unmapped reopen sportybet 830101 --actor you --reason "..."
"""
app.command("reopen", help=REOPEN_HELP)(_marks("NEW", misses.reopen))


def _mark(
    database_url: str | None,
    platform: str,
    market_ids: list[str],
    mark: MarkQueued,
    status: str,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Set the status of markets, of all or of none, and report those whose status was another."""
    keys = [(platform, market_id) for market_id in market_ids]
    changed = run_on_database(_run(chosen_url(database_url), mark, keys, dry_run=dry_run))
    if as_json:
        print_json({"status": status, "changed": keys_json(changed), "dry_run": dry_run})
        return
    would = "would become" if dry_run else "is"
    for _, market_id in changed:
        out.print(printable(f"{platform} {market_id} {would} {status}"), markup=False)
    if len(changed) < len(keys):
        err.print(f"{shown_of(len(keys) - len(changed), len(keys), 'market')} already {status}.")


async def _run(
    url: str, mark: MarkQueued, keys: list[QueueKey], *, dry_run: bool
) -> Sequence[QueueKey]:
    try:
        return await in_one_transaction(
            url, lambda connection: mark(connection, keys), dry_run=dry_run
        )
    except (StorageRefused, UnknownMiss) as error:
        fail(f"{error}; nothing was changed")


app.command("map")(map_)
app.command("cases")(case_commands.list_cases)
app.command("take")(case_commands.take)
app.command("release")(case_commands.release)
app.command("snooze")(case_commands.snooze)
app.command("wake")(case_commands.wake)
app.add_typer(view_commands.app, name="views")
