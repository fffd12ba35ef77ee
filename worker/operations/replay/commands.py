"""`marketmap replay`: resolve and publish observations again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.cluster import require_kafka, run_on_kafka
from worker.cli.connection import connected_settings, kafka_settings
from worker.cli.console import err, fail, print_json
from worker.cli.database import read_database
from worker.cli.options import (
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    OnPlatforms,
    OptionalActor,
    OptionalReason,
    Output,
)
from worker.cli.output import READER_PATIENCE_S, chosen_form, say_shown
from worker.cli.rows import print_rows
from worker.cli.tables import print_table
from worker.kafka.connections import admin_of
from worker.operations.replay.options import (
    From,
    MarketsOption,
    RateOption,
    To,
    TopicsOption,
    parse_options,
)
from worker.operations.replay.plan import ReplayPlan, Window
from worker.operations.replay.progress import replay_bar
from worker.operations.replay.recount_command import recount
from worker.operations.replay.start_and_resume import (
    Ended,
    ReplayFailedError,
    ReplayOrder,
    Watch,
    run_again,
    run_new,
)
from worker.operations.replay.survey import survey
from worker.operations.replay.tables import (
    RUNS,
    ended_json,
    plan_json,
    plan_sentences,
    plan_table,
    ranges_table,
    run_json,
    run_table,
)
from worker.runtime.telemetry.logs import configure_logging
from worker.settings.connected import KafkaSettings
from worker.storage import replays
from worker.storage.audit import UnknownVersionError
from worker.storage.errors import StorageError
from worker.storage.replays import ReplayNotResumable, ReplayRun, UnknownReplay

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Publish observations again, without counting them again."""


@app.command()
def plan(
    *,
    topic: TopicsOption = None,
    from_: From = None,
    to: To = None,
    platform: OnPlatforms = None,
    market: MarketsOption = None,
    rate: RateOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what a replay would read: offsets, records, size, time and gaps. Writes nothing.

    Here --platform and --market only select topics; which records hold a market shows when they are read.

    Example: marketmap replay plan --from 2h --market sportybet:18
    """
    settings = kafka_settings()
    wanted = parse_options(
        settings, topics=topic, from_=from_, to=to, platforms=platform, markets=market
    )
    show_plan(survey_or_fail(settings, wanted.topics, wanted.window, rate), as_json=as_json)


@app.command()
def run(
    *,
    topic: TopicsOption = None,
    from_: From = None,
    to: To = None,
    platform: OnPlatforms = None,
    market: MarketsOption = None,
    rate: RateOption = None,
    as_of: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION",
            min=0,
            help="Resolve with the mappings of this version; by default the current ones.",
        ),
    ] = None,
    to_topic: Annotated[
        str | None,
        typer.Option(
            metavar="TOPIC",
            help="Publish to this topic, by its full name, and not to the live one. It must exist.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --as-of on the live topic.")] = False,
    resume: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Continue a replay that was stopped or killed."),
    ] = None,
    actor: OptionalActor = None,
    reason: OptionalReason = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Resolve a range again and publish it, under the same ids and with the replay's id in a header.

    Never counts, never writes dead letters, and does not touch the workers' group. Ctrl-C stops after the
    current batch; --resume continues from there, with --rate at another rate.

    With --as-of, readers of the live topic get older answers for these events as their newest ones: confirm
    that with --yes, or publish elsewhere with --to-topic.

    Example: marketmap replay run --from 2h --rate 50 --actor you --reason "..."
    """
    settings = connected_settings()
    if resume is not None:
        if any((topic, from_, to, platform, market, as_of is not None, to_topic, yes, dry_run)):
            fail(
                "--resume keeps the options of the first run; only --rate and --json may be given too.",
                code=2,
            )
        require_kafka(settings)
        show_ended(
            run_replay(lambda watch: run_again(settings, resume, rate, watch)), as_json=as_json
        )
        return
    wanted = parse_options(
        settings, topics=topic, from_=from_, to=to, platforms=platform, markets=market
    )
    if not dry_run and not (actor and actor.strip() and reason and reason.strip()):
        fail("A replay needs --actor and --reason.", code=2)
    is_live = to_topic in {None, settings.topics.resolved}
    if as_of is not None and is_live and not (yes or dry_run):
        fail(
            f"Readers of {settings.topics.resolved} would get the answers of version {as_of} as their newest "
            "ones. Give --to-topic TOPIC, or confirm with --yes.",
            code=2,
        )
    found = survey_or_fail(settings, wanted.topics, wanted.window, rate)
    if to_topic is not None:
        require_target(settings, to_topic)
    if dry_run or not found.records:
        show_plan(found, as_json=as_json)
        err.print("A dry run: nothing was published." if dry_run else "There is nothing to replay.")
        return
    warn_of_holes(found)
    choice = wanted.choice._replace(to_topic=to_topic)
    order = ReplayOrder(choice, as_of, rate, actor or "", reason or "")
    show_ended(run_replay(lambda watch: run_new(settings, found, order, watch)), as_json=as_json)


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 20,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the replays that were run, newest first.

    Example: marketmap replay list
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)

    async def print_runs(connection: AsyncConnection) -> tuple[int, int]:
        shown = await print_rows(form, RUNS, replays.stream_newest(connection, limit))
        return shown, await replays.count(connection)

    shown, total = read_database(database_url, print_runs, idle_timeout_s=READER_PATIENCE_S)
    say_shown(form, shown, total, "replay")


@app.command()
def show(
    replay_id: Annotated[
        str, typer.Argument(metavar="ID", help="The replay's id.", show_default=False)
    ],
    *,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show one replay: its range and filter, who ran it and why, and its progress.

    Example: marketmap replay show ID
    """

    async def read(connection: AsyncConnection) -> ReplayRun:
        return await replays.get(connection, replay_id)

    try:
        found = read_database(database_url, read)
    except UnknownReplay as error:
        fail(str(error), kind="NOT_FOUND")
    if as_json:
        print_json(run_json(found))
        return
    print_table(run_table(found))
    print_table(ranges_table(found))


def survey_or_fail(
    settings: KafkaSettings, topics: Sequence[str], window: Window, rate: float | None
) -> ReplayPlan:
    """Return the plan; a cluster that does not answer ends the command."""
    return run_on_kafka(
        settings, survey(settings, topics, window, rate=rate), waiting="Looking at the topics"
    )


def require_target(settings: KafkaSettings, topic: str) -> None:
    """End the command unless the topic exists, and is none that carries something else."""
    if topic in set(settings.topics.all) - {settings.topics.resolved}:
        fail(f"--to-topic {topic} carries other messages: resolved odds do not belong there.", 2)
    partitions = admin_of(settings).topics.partitions([topic])
    run_on_kafka(settings, partitions, waiting="Looking at the topic")


def run_replay(start: Callable[[Watch], Coroutine[Any, Any, Ended]]) -> Ended:
    """Run with a progress bar; a failure ends the command and says how to continue."""
    configure_logging()
    try:
        with replay_bar() as bar:
            return asyncio.run(start(bar))
    except UnknownVersionError as error:
        fail(f"--as-of: {error}", code=2)
    except (UnknownReplay, ReplayNotResumable) as error:
        fail(f"{error}; nothing was published")
    except ReplayFailedError as error:
        fail(f"{error}. To continue: marketmap replay run --resume {error.replay_id}")
    except StorageError as error:
        fail(f"The replay cannot be recorded in the database: {error}; nothing was published")


def show_plan(found: ReplayPlan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan_json(found))
        return
    print_table(plan_table(found))
    for sentence in plan_sentences(found):
        err.print(sentence, markup=False, soft_wrap=True)


def warn_of_holes(found: ReplayPlan) -> None:
    if found.holes:
        for sentence in plan_sentences(found)[1:]:
            err.print(sentence, style="yellow", markup=False, soft_wrap=True)


def show_ended(ended: Ended, *, as_json: bool) -> None:
    """Report what was done. A replay that was stopped ends the command with exit code 1."""
    done = ended.done
    if as_json:
        print_json(ended_json(ended))
    else:
        err.print(
            f"{done.published:,} published under version {ended.mapping_version}, "
            f"{done.passed_over:,} skipped by the filter.",
            markup=False,
        )
        for reason, records in sorted(done.unreadable.items()):
            err.print(f"{records:,} unreadable: {reason}", markup=False)
        if done.lost:
            err.print(f"{done.lost:,} offsets were deleted by retention before they were read.")
    if not done.is_complete:
        fail(f"Stopped before the end. To continue: marketmap replay run --resume {ended.id}")


app.command()(recount)
