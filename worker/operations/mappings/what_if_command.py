"""`marketmap mappings what-if`: what a change would do to the observations that Kafka still holds.

The change is made as the editing commands make it, checks included, in a transaction that is taken back. So a
change that would be refused is refused here, too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from worker.cli.cluster import run_on_kafka
from worker.cli.completions import complete_canonical_id
from worker.cli.connection import connected_settings
from worker.cli.console import err, fail, out, print_json
from worker.cli.database import chosen_url, read_database
from worker.cli.moments import milliseconds, parse_ago
from worker.cli.options import AsJson, DatabaseUrl
from worker.cli.progress import late_bar
from worker.cli.tables import print_list, print_table
from worker.domain.assign import assign
from worker.domain.books.rows import abbreviate
from worker.domain.catalogue import load_entries
from worker.domain.mapping import MappingError, parse_mapping
from worker.operations.mappings import editing
from worker.operations.mappings.changing import read_file, refuse_faults, run_edit
from worker.operations.mappings.files import parse_values
from worker.operations.mappings.price_verdicts import active_mappings
from worker.operations.replay.plan import Window
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.foresight import MOST_RECORDS, foresee
from worker.operations.what_if.prices import (
    MOST_EVENTS,
    ComparedPrices,
    NotCompared,
    compare_prices,
    prices_json,
)
from worker.operations.what_if.tables import (
    examples_table,
    foresight_json,
    markets_list,
    misses_table,
    prices_table,
    refusals_table,
    sentences,
)
from worker.settings.connected import ConnectedSettings
from worker.storage import mappings as stored_mappings
from worker.storage.audit import last_version
from worker.storage.editing import Edit
from worker.storage.insight import evidence

DraftedChange = Callable[[Edit], Awaitable[object]]
_ACTOR: Final = "marketmap what-if"

Last = Annotated[
    str, typer.Option(metavar="DURATION", help="How far back observations are read: 30m, 2h, ...")
]
MostRecords = Annotated[
    int,
    typer.Option(
        "--limit",
        min=1,
        help="Maximum number of records; of more, slices that are spread over the time.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Read all records.")]


def what_if(
    change: Annotated[
        str,
        typer.Argument(
            metavar="CHANGE",
            help="A file with one mapping or a catalogue, - for stdin; or the canonical id of a mapping.",
            show_default=False,
            autocompletion=complete_canonical_id,
        ),
    ],
    *,
    last: Last = "2h",
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="As `update`: set one field. Repeatable."
        ),
    ] = None,
    is_activated: Annotated[
        bool, typer.Option("--activate", help="As `activate`.", show_default=False)
    ] = False,
    is_deactivated: Annotated[
        bool, typer.Option("--deactivate", help="As `deactivate`.", show_default=False)
    ] = False,
    is_deleted: Annotated[
        bool, typer.Option("--delete", help="As `delete`.", show_default=False)
    ] = False,
    most: MostRecords = MOST_RECORDS,
    everything: Everything = False,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what a change would do to recent observations. Nothing is changed, and nothing is published.

    A file is taken as by `create`, `update --file` or `import`; an id needs one of --set, --activate,
    --deactivate and --delete.

    Example: marketmap mappings what-if btts_ft --deactivate --last 2h
    """
    duration = parse_last(last)
    drafted = _drafted(
        change,
        assignments or [],
        is_activated=is_activated,
        is_deactivated=is_deactivated,
        is_deleted=is_deleted,
    )
    settings = connected_settings(
        database_url=None if database_url is None else chosen_url(database_url)
    )
    draft = draft_of(settings.database_url, drafted, as_json=as_json)
    show_forecast(settings, draft, duration, most=None if everything else most, as_json=as_json)


def parse_last(last: str) -> timedelta:
    """Read --last; a wrong one ends the command."""
    duration = parse_ago(last)
    if duration is None:
        fail(f"--last {abbreviate(last)} is not a duration such as 30m or 2h", code=2)
    return duration


def show_forecast(
    settings: ConnectedSettings,
    draft: Draft,
    duration: timedelta,
    *,
    most: int | None,
    as_json: bool,
) -> None:
    """Read the observations of the last ``duration``, and print what they would become under a draft."""
    window = Window(milliseconds(datetime.now(UTC) - duration), None)
    with late_bar() as bar:
        found = run_on_kafka(
            settings,
            foresee(
                settings,
                draft,
                window,
                most_records=most,
                on_progress=lambda done, total: bar("Resolving", done, total),
            ),
        )
    prices = _prices(settings.database_url, draft)
    if as_json:
        document = {"mappings": draft.names, "version": draft.version, **foresight_json(found)}
        compared: dict[str, Any] = (
            {"prices": None, "prices_not_compared": prices.reason}
            if isinstance(prices, NotCompared)
            else {"prices": prices_json(prices)}
        )
        print_json(document | compared)
        return
    for sentence in sentences(found):
        err.print(sentence, markup=False, highlight=False)
    if found.forecast.markets:
        print_list(markets_list(found.forecast))
        out.print()
        print_table(examples_table(found.forecast))
    if found.forecast.misses:
        out.print()
        print_table(misses_table(found.forecast))
    if found.forecast.refused or found.forecast.no_longer_refused:
        out.print()
        print_table(refusals_table(found.forecast))
    if isinstance(prices, NotCompared):
        err.print(f"Prices were not compared: {prices.reason}.", markup=False)
    elif prices:
        out.print()
        print_table(prices_table(prices))


def draft_of(url: str, change: DraftedChange, *, as_json: bool) -> Draft:
    """What a change leads to. A change that would be refused ends the command."""

    async def attempt(edit: Edit) -> Draft:
        before = await active_mappings(edit)
        version = await last_version(edit.connection)
        await change(edit)
        return Draft(before, await active_mappings(edit), version)

    return run_edit(url, attempt, actor=_ACTOR, reason="what-if", dry_run=True, as_json=as_json)


def _prices(url: str, draft: Draft) -> Sequence[ComparedPrices] | NotCompared:
    events = read_database(url, lambda connection: evidence.read_events(connection, MOST_EVENTS))
    with err.status("Comparing prices"):
        return compare_prices(events, draft)


def _drafted(
    change: str,
    assignments: list[str],
    *,
    is_activated: bool,
    is_deactivated: bool,
    is_deleted: bool,
) -> DraftedChange:
    """The change that the options describe. Options that do not fit end the command."""
    chosen = [bool(assignments), is_activated, is_deactivated, is_deleted]
    if change == "-" or Path(change).is_file():
        if any(chosen):
            fail("A file is the whole change: give no --set, --activate, --deactivate.", code=2)
        return _of_file(Path(change))
    if sum(chosen) != 1:
        fail(
            f"{change} is no file. A mapping needs one of --set, --activate, --deactivate, --delete.",
            code=2,
        )
    if assignments:
        return lambda edit: editing.update(
            edit, change, lambda current: parse_mapping(assign(current, assignments))
        )
    if is_deleted:
        return lambda edit: editing.delete(edit, change)
    return lambda edit: editing.set_active(edit, change, is_active=is_activated)


def _of_file(file: Path) -> DraftedChange:
    """A catalogue is imported; one mapping replaces that of its canonical id, or is created."""
    text = read_file(file, lambda text: text)
    if _is_catalogue(text):
        return _import(file, text)
    try:
        mapping = parse_mapping({"priority": 0, **_values(text)})
    except MappingError as error:
        refuse_faults(error, f"{file} cannot be used")

    async def put(edit: Edit) -> object:
        if await stored_mappings.get(edit.connection, mapping.canonical_id) is None:
            return await editing.create(edit, mapping)
        return await editing.update(edit, mapping.canonical_id, lambda _: mapping)

    return put


def _values(text: str) -> dict[str, Any]:
    values = {name: one for name, one in parse_values(text).items() if one is not None}
    values.pop("version", None)
    return values


def _is_catalogue(text: str) -> bool:
    try:
        load_entries(text)
    except MappingError as error:
        return not any(fault.field in {"format", "catalogue"} for fault in error.faults)
    return True


def _import(file: Path, text: str) -> DraftedChange:
    try:
        entries = load_entries(text)
    except MappingError as error:
        refuse_faults(error, f"{file} cannot be used")
    switched_off = {entry.mapping.canonical_id for entry in entries if not entry.is_active}

    async def put(edit: Edit) -> object:
        return await editing.import_all(
            edit,
            [entry.mapping for entry in entries],
            actor=_ACTOR,
            reason="what-if",
            switched_off=switched_off,
        )

    return put
