"""`marketmap events`: the watched events, and the prices of one of them side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.console import fail, out, print_json
from worker.cli.database import read_database
from worker.cli.options import (
    AsJson,
    DatabaseUrl,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    require_one_of,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import print_all
from worker.cli.tables import print_list, print_table
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.event_prices import (
    NotReadableError,
    OutcomeFilter,
    UnknownEvent,
    read_event_prices,
    read_sold,
)
from worker.operations.evidence.event_proofs import proofs_on
from worker.operations.evidence.event_tables import (
    EVENTS,
    PROOFS,
    event_prices_json,
    event_table,
    prices_list,
)
from worker.storage.insight import evidence
from worker.storage.insight.evidence import ListedEvent

_BOOKS: Final = 2

Result = TypeVar("Result")
EventKey = Annotated[
    str, typer.Argument(help="The event's key, as `list` shows it.", show_default=False)
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """See the events that are watched, with the prices of all bookmakers side by side."""


@app.command("list")
def list_(
    containing: Annotated[
        str, typer.Argument(help="Text in the event's key or in a team's name.")
    ] = "",
    *,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 50,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the watched events that two bookmakers or more sell, the newest first.

    Example: marketmap events list Arsenal
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)

    async def read(connection: AsyncConnection) -> tuple[Sequence[ListedEvent], int]:
        return await evidence.list_events(
            connection, containing=containing, limit=limit, books=_BOOKS
        )

    rows, total = read_database(database_url, read)
    print_all(form, EVENTS, rows)
    say_shown(form, len(rows), total, "event")


@app.command()
def show(
    event: EventKey,
    containing: Annotated[
        str, typer.Argument(help="Text in the canonical id or the name of a market.")
    ] = "",
    *,
    disagreeing: Annotated[
        bool, typer.Option("--disagreeing", help="Only markets of which the prices disagree.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also markets that only one bookmaker sells.")
    ] = False,
    platform: OnPlatform = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the bookmakers' prices on one watched event side by side, what disagrees most first.

    The highest of several prices has a star. Distances are in logits, without the margin; 0.45 and more is
    a disagreement. Prices that are 30 minutes older than the newest are shown, and not compared.

    Example: marketmap events show sr:match:50850679 --disagreeing
    """
    if disagreeing and everything:
        fail("Give one of --disagreeing and --all.", code=2)
    shown: OutcomeFilter = "all" if everything else "disagreeing" if disagreeing else "compared"
    require_one_of("--platform", platform, PLATFORMS)
    one = next((one for one in PLATFORMS if one == platform), None)
    found = _read(database_url, event, read_event_prices)
    markets = found.chosen(shown, containing, one)
    if as_json:
        print_json(event_prices_json(found, markets))
        return
    print_table(event_table(found))
    out.print()
    print_list(prices_list(found, markets))
    say_shown("table", len(markets), len(found.markets), "market")


@app.command("proofs")
def list_proofs(
    event: EventKey,
    *,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List what the prices of each bookmaker on one event contradict by themselves.

    Two prices of one bet (duplicate), a margin that cannot be (partition), lines out of order (order), and
    prices that fit the bookmaker's other prices only with another sign, line or side (sign, line, swap). It
    takes a second a bookmaker.

    Example: marketmap events proofs sr:match:50850679
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    rows = proofs_on(_read(database_url, event, read_sold))
    print_all(form, PROOFS, rows)
    say_shown(form, len(rows), len(rows), "contradiction")


def _read(
    database_url: str | None,
    event: str,
    read: Callable[[AsyncConnection, str], Awaitable[Result]],
) -> Result:
    """Read one event, or end with the reason why it cannot be."""
    try:
        return read_database(database_url, lambda connection: read(connection, event))
    except UnknownEvent as error:
        fail(str(error), hint="`marketmap events list` lists those that are.", kind="NOT_FOUND")
    except NotReadableError as error:
        fail(f"the prices of {event} cannot be read: {error}")
