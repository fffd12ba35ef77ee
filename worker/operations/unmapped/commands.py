"""`marketmap unmapped`: the queue of missed markets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, NamedTuple, Protocol, get_args

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas import MissReason
from worker.cli.completions import complete_market_id
from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import chosen_url, read_database, run_on_database
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
from worker.cli.rows import print_rows
from worker.cli.tables import print_list, print_table, shown_of
from worker.domain.books.platforms import PLATFORMS
from worker.domain.coverage import coverage
from worker.domain.index import MappingIndex
from worker.operations.evidence.grading import read_graded
from worker.operations.evidence.tables import (
    GradedEvidence,
    evidence_json,
    evidence_list,
    example_json,
    examples_table,
    suggestion_json,
    suggestion_table,
)
from worker.operations.mappings.tables import mappings_list
from worker.operations.unmapped.map_command import map_
from worker.operations.unmapped.tables import (
    MISSES,
    keys_json,
    miss_json,
    miss_table,
    samples_table,
)
from worker.runtime.index.covering import usable
from worker.storage import misses
from worker.storage.engine import opened, transaction
from worker.storage.errors import StorageRefused
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredSample, StoredSuggestion
from worker.storage.mappings import StoredMapping, list_mappings
from worker.storage.misses import QueuedMiss, QueueKey, QueueOrder, UnknownMiss

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
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List what to map next: markets missed often, recently, in many events and at other bookmakers first.

    Example: marketmap unmapped list --platform sportybet --min-occurrences 10
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    require_one_of("--order", order, ORDERS)
    for one in status or ():
        require_one_of("--status", one, misses.STATUSES)

    listed: dict[str, Any] = {"order": order, "limit": limit}
    filters: dict[str, Any] = {
        "statuses": status or misses.WORK,
        "source": platform,
        "reason": reason,
        "containing": containing,
        "min_occurrences": min_occurrences,
    }

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

    async def read(
        connection: AsyncConnection,
    ) -> tuple[QueuedMiss, Sequence[StoredMapping], OddsOfMiss]:
        miss = await misses.get_miss(connection, (platform, market_id))
        claimed_id = market_id.partition("?")[0]
        claimants = await list_mappings(
            connection, is_active=True, platform=platform, market_id=claimed_id
        )
        return miss, claimants, await _read_odds(connection, miss, claimants)

    try:
        miss, claimants, odds = read_database(database_url, read)
    except UnknownMiss as error:
        fail(str(error), kind="NOT_FOUND")
    found = coverage(MappingIndex(usable(claimants)), *miss.key, miss.sample_outcomes)
    if as_json:
        names = [row.canonical_id for row in claimants]
        print_json(
            miss_json(miss)
            | {"mappings": names, "unknown_labels": list(found.unknown)}
            | odds.as_json()
        )
        return
    print_table(miss_table(miss))
    out.print()
    print_table(samples_table(miss, found))
    out.print()
    if claimants:
        print_list(mappings_list(claimants))
    else:
        out.print("No active mapping has this id.")
    _print_odds(odds)


class OddsOfMiss(NamedTuple):
    """What the odds say of a missed market: suggestions, examples, and evidence for mappings with its id."""

    suggestions: Sequence[StoredSuggestion]
    samples: Sequence[StoredSample]
    evidence: Sequence[GradedEvidence]

    def as_json(self) -> dict[str, Any]:
        return {
            "suggestions": [suggestion_json(one) for one in self.suggestions],
            "samples": [example_json(one) for one in self.samples],
            "evidence": [one for graded in self.evidence for one in evidence_json(graded)],
        }


async def _read_odds(
    connection: AsyncConnection, miss: QueuedMiss, claimants: Sequence[StoredMapping]
) -> OddsOfMiss:
    return OddsOfMiss(
        await evidence.read_suggestions(connection, miss.key),
        await evidence.read_samples(connection, "miss", miss.key),
        [
            graded
            for one in claimants
            for graded in await read_graded(
                connection, canonical_id=one.canonical_id, platform=miss.source
            )
        ],
    )


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


def _marks(status: str, mark: SignedMark) -> Callable[..., None]:
    """Make a command that sets the status of markets and takes only who and why."""

    def command(
        platform: PlatformArgument,
        market_ids: MarketIds,
        *,
        reason: Reason,
        actor: Actor,
        database_url: DatabaseUrl = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        signed = partial(mark, actor=actor, notes=reason)
        _mark(database_url, platform, market_ids, signed, status, dry_run=dry_run, as_json=as_json)

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

    _mark(database_url, platform, market_ids, mark, "IGNORED", dry_run=dry_run, as_json=as_json)


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
        async with (
            opened(url, application_name="marketmap-cli", pool_size=1) as engine,
            transaction(engine) as connection,
        ):
            changed = await mark(connection, keys)
            if dry_run:
                await connection.rollback()
            return changed
    except (StorageRefused, UnknownMiss) as error:
        fail(f"{error}; nothing was changed")


app.command("map")(map_)
