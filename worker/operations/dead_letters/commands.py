"""`marketmap dead`: records that could not be read, what is wrong with them, and sending them back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import kafka_settings
from worker.cli.console import did_you_mean, err, fail, out, print_json, printable
from worker.cli.options import Actor, AsJson, DryRun, ListAsCsv, ListAsJson, Output, Reason
from worker.cli.output import Form, chosen_form, say_shown
from worker.cli.progress import late_bar
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import print_list, print_table
from worker.cli.words import noun_of, number_of
from worker.operations.dead_letters.letters import LetterFilter
from worker.operations.dead_letters.options import (
    DeadReasons,
    Events,
    FromTopics,
    Scrapes,
    Since,
    Until,
    parse_filter,
    place_or_id,
)
from worker.operations.dead_letters.redrive import redrive
from worker.operations.dead_letters.redrive_rules import RedriveReport, Signature
from worker.operations.dead_letters.tables import (
    BAR_FIELDS,
    LINE_FIELDS,
    bars_json,
    bars_list,
    letter_json,
    letter_table,
    line_json,
    lines_list,
    outcome_json,
    refusals,
    value_lines,
)
from worker.operations.dead_letters.topic_reader import Found, Listing, find_letter, list_letters
from worker.settings.connected import KafkaSettings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """List records that could not be read, see what is wrong with them, and send them back."""


@app.command("list")
def list_(
    *,
    reasons: DeadReasons = None,
    topics: FromTopics = None,
    since: Since = None,
    until: Until = None,
    scrapes: Scrapes = None,
    events: Events = None,
    redriven: Annotated[
        bool | None,
        typer.Option(
            "--redriven/--not-redriven", help="Only letters that were sent back, or only others."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Maximum number of rows; the newest are shown.")
    ] = 30,
    histogram: Annotated[
        bool, typer.Option("--histogram", help="Show the number of letters by reason and topic.")
    ] = False,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List dead letters, newest first.

    Example: marketmap dead list --histogram --from 2h
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    settings = kafka_settings()
    choice = parse_filter(
        settings,
        reasons=reasons,
        topics=topics or (),
        since=since,
        until=until,
        scrapes=scrapes,
        events=events,
        redriven=redriven,
    )
    with late_bar() as progress:
        listing = run_on_kafka(settings, list_letters(settings, choice, limit, progress))
    rows = bars_json(listing.counted) if histogram else [line_json(one) for one in listing.lines]
    if form == "json":
        print_json(rows)
    elif form == "csv":
        print_csv(BAR_FIELDS if histogram else LINE_FIELDS, rows)
    else:
        print_list(bars_list(listing.counted) if histogram else lines_list(listing.lines))
    _sum_up(listing, form, histogram=histogram)
    if not listing.total and form != "json":
        _hint_at_topics(settings, topics or ())


def _hint_at_topics(settings: KafkaSettings, topics: Sequence[str]) -> None:
    """Letters may be from topics of the past, so a topic that is unknown today is no wrong usage."""
    known = list(settings.topics.observations.values())
    for topic in topics:
        if {topic, settings.topic_prefix + topic}.isdisjoint(known):
            hint = did_you_mean(settings.topic_prefix + topic, known) or did_you_mean(topic, known)
            err.print(
                printable(f"{topic} is not a topic of observations. {hint}".rstrip()), markup=False
            )


def _sum_up(listing: Listing, form: Form, *, histogram: bool) -> None:
    shown = listing.total if histogram else len(listing.lines)
    say_shown(form, shown, listing.total, "dead letter")
    if listing.strangers and form != "json":
        are = noun_of(listing.strangers, "is", "are")
        err.print(f"{number_of(listing.strangers, 'record')} on the topic {are} no dead letter.")


@app.command()
def show(
    letter: Annotated[
        str,
        typer.Argument(help="PARTITION:OFFSET as shown by `list`, or the id.", show_default=False),
    ],
    *,
    most: Annotated[
        int, typer.Option("--characters", min=1, help="Maximum number of characters of the value.")
    ] = 4000,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the value to this file, byte for byte.", dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: the reason, its headers and its value.

    Example: marketmap dead show 0:7 --save record.json
    """
    settings, wanted = kafka_settings(), place_or_id(letter)
    with late_bar() as progress:
        found = run_on_kafka(settings, find_letter(settings, wanted, progress))
    if found is None:
        fail(f"There is no dead letter {letter}.", kind="NOT_FOUND")
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
    err.print(f"Wrote {len(value)} bytes to {file}.", markup=False)


@app.command("redrive")
def redrive_(
    letters: Annotated[
        list[str] | None,
        typer.Argument(help="Letters, by PARTITION:OFFSET or id.", show_default=False),
    ] = None,
    *,
    actor: Actor,
    reason: Reason,
    reasons: DeadReasons = None,
    topics: FromTopics = None,
    since: Since = None,
    until: Until = None,
    scrapes: Scrapes = None,
    events: Events = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All letters that were not sent back yet.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of letters to send, oldest first.")
    ] = None,
    max_times: Annotated[
        int, typer.Option(min=1, help="Refuse a record that was sent back this many times.")
    ] = 3,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send dead letters back to the topic they came from, each exactly once. Safe to repeat after an abort.

    A record is sent with its own bytes, key and headers, to the partition it came from.

    Example: marketmap dead redrive --dead-reason WRONG_SHAPE --from 1d --dry-run --actor you --reason "..."
    """
    settings = kafka_settings()
    choice = parse_filter(
        settings,
        letters=letters or (),
        reasons=reasons,
        topics=topics or (),
        since=since,
        until=until,
        scrapes=scrapes,
        events=events,
    )
    if choice.is_everything != everything:
        fail(
            "Say which letters: name them, use --dead-reason, --topic, --from, --to, --scrape or"
            " --event, or --all.",
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
    hint = "Run the same command again: letters that were sent are not sent a second time."
    with late_bar() as progress:
        return run_on_kafka(
            settings,
            redrive(
                settings,
                choice,
                signature,
                max_times=max_times,
                limit=limit,
                dry_run=dry_run,
                progress=progress,
            ),
            hint="" if dry_run else hint,
        )


def _report(outcome: RedriveReport, *, dry_run: bool) -> None:
    sent = "would be sent" if dry_run else "sent"
    out.print(f"{outcome.redriven} letters {sent} back, {outcome.bytes} bytes.")
    if outcome.already:
        err.print(f"{outcome.already} had been sent back before.")
    for sentence in refusals(outcome):
        err.print(sentence, style="red", markup=False, soft_wrap=True)
    for name in outcome.not_found:
        err.print(f"There is no dead letter {name}.", style="red", markup=False)
