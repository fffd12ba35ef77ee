"""`marketmap dead`: the records that could not be read, what is wrong with them, and sending them back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import kafka_settings
from worker.cli.console import err, fail, out, print_json
from worker.cli.options import Actor, AsJson, Reason
from worker.cli.progress import late_bar
from worker.cli.spreadsheet import AsCsv, print_csv, refuse_two_forms
from worker.cli.tables import print_table
from worker.operations.dead_letters.letters import LetterFilter
from worker.operations.dead_letters.options import (
    DeadReasons,
    Since,
    Sources,
    Until,
    parse_filter,
    place_or_id,
)
from worker.operations.dead_letters.redrive import redrive
from worker.operations.dead_letters.returning import RedriveReport, Signature
from worker.operations.dead_letters.tables import (
    BAR_FIELDS,
    LINE_FIELDS,
    bars_json,
    bars_table,
    letter_json,
    letter_table,
    line_json,
    lines_table,
    outcome_json,
    refusals,
    value_lines,
)
from worker.operations.dead_letters.topic import Found, Listing, find_letter, list_letters
from worker.settings.connected import KafkaSettings

LimitOption = Annotated[int | None, typer.Option(min=1, help="At most so many, the oldest first.")]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """The records that could not be read: what is wrong with them, and sending them back."""


@app.command("list")
def list_(
    *,
    reasons: Annotated[
        list[str] | None,
        typer.Option(
            "--reason",
            "--dead-reason",
            help="Dead for this reason. Repeatable.",
            show_default=False,
        ),
    ] = None,
    sources: Sources = None,
    since: Since = None,
    until: Until = None,
    redriven: Annotated[
        bool | None,
        typer.Option("--redriven/--not-redriven", help="Only those that were sent back, or not."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")
    ] = 30,
    histogram: Annotated[
        bool, typer.Option("--histogram", help="How many by reason and topic.")
    ] = False,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """The dead letters, the newest first.

    Example: marketmap dead list --histogram --since 2h
    """
    refuse_two_forms(as_json=as_json, as_csv=as_csv)
    settings = kafka_settings()
    choice = parse_filter(
        settings, reasons=reasons, sources=sources, since=since, until=until, redriven=redriven
    )
    with late_bar() as progress:
        listing = run_on_kafka(list_letters(settings, choice, limit, progress))
    rows = bars_json(listing.counted) if histogram else [line_json(one) for one in listing.lines]
    if as_json:
        print_json(rows)
        return
    if as_csv:
        print_csv(BAR_FIELDS if histogram else LINE_FIELDS, rows)
    else:
        print_table(bars_table(listing.counted) if histogram else lines_table(listing.lines))
    _sum_up(listing, histogram=histogram)


def _sum_up(listing: Listing, *, histogram: bool) -> None:
    cut = not histogram and listing.total > len(listing.lines)
    err.print(
        f"{listing.total} dead letters"
        + (f", the newest {len(listing.lines)} shown" if cut else "")
    )
    if listing.strangers:
        err.print(f"{listing.strangers} records on the topic are no dead letters.")


@app.command()
def show(
    letter: Annotated[
        str,
        typer.Argument(help="PARTITION:OFFSET as `list` shows it, or the id.", show_default=False),
    ],
    *,
    most: Annotated[
        int, typer.Option("--characters", min=1, help="Of the value, at most so many.")
    ] = 4000,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the value to this file, byte for byte.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One dead letter: its headers, the reason, and the value.

    Example: marketmap dead show 0:7 --save record.json
    """
    settings = kafka_settings()
    with late_bar() as progress:
        found = run_on_kafka(find_letter(settings, place_or_id(letter), progress))
    if found is None:
        fail(f"There is no dead letter {letter}.")
    if save is not None:
        _save(found, save)
    if as_json:
        print_json(letter_json(found))
        return
    print_table(letter_table(found))
    out.print()
    for one in value_lines(found.letter.record.value, most):
        out.print(one, markup=False, soft_wrap=True)


def _save(found: Found, file: Path) -> None:
    value = found.letter.record.value or b""
    try:
        file.write_bytes(value)
    except OSError as error:
        fail(f"{file} cannot be written: {error}", code=2)
    err.print(f"{len(value)} bytes are in {file}.", markup=False)


@app.command("redrive")
def redrive_(
    letters: Annotated[
        list[str] | None,
        typer.Argument(help="PARTITION:OFFSET or id of letters.", show_default=False),
    ] = None,
    *,
    actor: Actor,
    reason: Reason,
    reasons: DeadReasons = None,
    sources: Sources = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[bool, typer.Option("--all", help="All that have not gone back.")] = False,
    limit: LimitOption = None,
    max_times: Annotated[
        int, typer.Option(min=1, help="Refuse a record that went back so often already.")
    ] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go back, send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the topic they came from, each exactly once. Can be repeated when cut short.

    The record goes back with its own bytes, key and headers, to the partition it came from.

    Example: marketmap dead redrive --dead-reason WRONG_SHAPE --since 1d --dry-run --actor you --reason "..."
    """
    settings = kafka_settings()
    choice = parse_filter(
        settings, letters=letters or (), reasons=reasons, sources=sources, since=since, until=until
    )
    if choice.is_everything != everything:
        fail(
            "Say which letters: name them, choose by --dead-reason, --source, --since or --until, or --all.",
            2,
        )
    signature = _signature(actor, reason)
    outcome = _redrive(
        settings, choice, signature, max_times=max_times, limit=limit, dry_run=dry_run
    )
    if as_json:
        print_json(outcome_json(outcome, dry_run=dry_run))
    else:
        _report(outcome, dry_run=dry_run)
    if outcome.refused or outcome.not_found:
        raise typer.Exit(1)


def _signature(actor: str, reason: str) -> Signature:
    if not actor.strip() or not reason.strip():
        fail("A redrive needs --actor and --reason.", code=2)
    return Signature(actor, reason)


def _redrive(
    settings: KafkaSettings,
    choice: LetterFilter,
    signature: Signature,
    *,
    max_times: int,
    limit: int | None,
    dry_run: bool,
) -> RedriveReport:
    hint = " Run the same command again: what went back does not go back a second time."
    with late_bar() as progress:
        return run_on_kafka(
            redrive(
                settings,
                choice,
                signature,
                max_times=max_times,
                limit=limit,
                dry_run=dry_run,
                progress=progress,
            ),
            "" if dry_run else hint,
        )


def _report(outcome: RedriveReport, *, dry_run: bool) -> None:
    would = "would go back" if dry_run else "went back"
    out.print(f"{outcome.redriven} letters {would}, {outcome.bytes} bytes.")
    if outcome.already:
        err.print(f"{outcome.already} had gone back before.")
    for sentence in refusals(outcome):
        err.print(sentence, style="red", markup=False, soft_wrap=True)
    for name in outcome.not_found:
        err.print(f"There is no dead letter {name}.", style="red", markup=False)
