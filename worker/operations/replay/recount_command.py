"""`marketmap replay recount`: the one command that counts a second time, and says so first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import connected_settings
from worker.cli.console import err, fail, print_json
from worker.cli.moments import TIME_HELP, milliseconds, parse_moment
from worker.cli.options import Actor, AsJson, DryRun, Reason
from worker.cli.tables import print_table, text
from worker.cli.words import number_of
from worker.domain.errors import FatalError, TransientError
from worker.operations.replay.options import full_topic
from worker.operations.replay.recount import (
    GroupHasMembersError,
    ResetPendingError,
    SetBack,
    Wish,
    survey_recount,
)
from worker.operations.replay.recount import recount as set_watermarks_back
from worker.settings.connected import ConnectedSettings
from worker.storage.errors import StorageError
from worker.storage.watermarks import WatermarkConflict


def recount(
    *,
    topic: Annotated[
        str, typer.Option(help="The topic of observations, with or without its prefix.")
    ],
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME|OFFSET",
            help=f"Where to start: {TIME_HELP}; or an offset.",
        ),
    ],
    actor: Actor,
    reason: Reason,
    partition: Annotated[
        int | None, typer.Option(min=0, help="One partition; by default all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: counts will rise.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Count records a second time: the counts of the markets that they miss WILL RISE.

    To publish again without counting, use `replay run`. This command sets the group's watermarks back, with a
    row in watermark_change, while no worker runs; the workers then publish and count from there.

    Example: marketmap replay recount --topic observations.bet9ja --from 2h --dry-run --actor you --reason why
    """
    settings = connected_settings()
    wish = _wish(from_, partition)
    wanted = _survey(settings, _topic(settings, topic), partition, wish)
    if not as_json:
        print_table(_table(wanted))
    if dry_run or not wanted:
        _tell(wanted, as_json=as_json, done=False)
        err.print(
            "A dry run: nothing was changed." if dry_run else "Nothing after that is counted yet."
        )
        return
    if not yes:
        fail(
            "Counts will rise: each miss of these records is counted once more. Confirm with --yes.",
            code=2,
        )
    _set_back(settings, wanted, actor, reason)
    _tell(wanted, as_json=as_json, done=True)


def _set_back(
    settings: ConnectedSettings, wanted: Sequence[SetBack], actor: str, reason: str
) -> None:
    try:
        with err.status("Setting watermarks back"):
            asyncio.run(set_watermarks_back(settings, wanted, actor=actor, reason=reason))
    except (GroupHasMembersError, ResetPendingError) as error:
        fail(f"{error}; nothing was changed")
    except (TransientError, FatalError, StorageError, WatermarkConflict) as error:
        fail(f"{error}. To see what was changed: marketmap lag")


def _survey(
    settings: ConnectedSettings, topic: str, partition: int | None, wish: Wish
) -> Sequence[SetBack]:
    return run_on_kafka(
        settings, survey_recount(settings, topic, partition, wish), waiting="Looking at the topic"
    )


def _wish(from_: str, partition: int | None) -> Wish:
    if from_.isascii() and from_.isdigit():
        if partition is None:
            fail("An offset belongs to one partition: give --partition too.", code=2)
        return Wish(int(from_), None)
    try:
        return Wish(None, milliseconds(parse_moment(from_, datetime.now(UTC))))
    except ValueError as error:
        fail(f"--from: {error}; or an offset", code=2)


def _topic(settings: ConnectedSettings, topic: str) -> str:
    try:
        return full_topic(settings, topic)
    except ValueError as error:
        fail(str(error), code=2)


def _tell(wanted: Sequence[SetBack], *, as_json: bool, done: bool) -> None:
    if as_json:
        print_json(
            {
                "done": done,
                "partitions": [each._asdict() | {"records": each.records} for each in wanted],
            }
        )
    elif done:
        records = sum(each.records for each in wanted)
        err.print(f"Up to {number_of(records, 'record')} will be counted again when workers run.")


def _table(wanted: Sequence[SetBack]) -> Table:
    table = Table("topic", "partition", "counted to", "set back to", "records", "", box=None)
    table.columns[0].no_wrap = True  # it has to be typed
    for each in wanted:
        missing = f"{each.deleted:,} earlier offsets were deleted" if each.deleted else ""
        numbers = (each.partition, each.watermark, each.next_offset, each.records)
        table.add_row(text(each.topic), *map(str, numbers), missing)
    return table
