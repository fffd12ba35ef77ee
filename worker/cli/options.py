"""The options that more than one command takes: each is spelt, and explained, once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Final

import typer

from worker.cli.console import fail
from worker.cli.output import FORMS
from worker.domain.books.platforms import PLATFORMS

_ACTOR = typer.Option(
    envvar="MARKETMAP_ACTOR", help="Who makes the change; kept in the history.", show_default=False
)
# As change sets have it: each reason is indexed for searches, while all other edits wait.
LONGEST_REASON: Final = 2_000


def _bounded(reason: str | None) -> str | None:
    if reason is not None and len(reason) > LONGEST_REASON:
        raise typer.BadParameter(
            f"it has {len(reason):,} characters, and may have {LONGEST_REASON:,}: say it shorter"
        )
    return reason


_REASON = typer.Option(help="Why; kept in the history.", show_default=False, callback=_bounded)

Actor = Annotated[str, _ACTOR]
Reason = Annotated[str, _REASON]
# Of commands that need them in some of their forms only.
OptionalActor = Annotated[str | None, _ACTOR]
OptionalReason = Annotated[str | None, _REASON]

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def completing(choices: Iterable[str]) -> Callable[[str], list[str]]:
    """Make the completion of a value that is one of a few."""

    def complete(incomplete: str) -> list[str]:  # Typer goes by the parameter's name
        return [choice for choice in choices if choice.startswith(incomplete)]

    return complete


def require_one_of(option: str, value: str | None, choices: Sequence[str]) -> None:
    """End with exit code 2 unless the value of an option is one of the choices, or absent."""
    if value is not None and value not in choices:
        fail(f"{option} is one of {', '.join(choices)}", code=2)


# Of commands that print a list.
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="|".join(FORMS),
        help="Print a table for people, JSON for programs, or CSV for a spreadsheet.",
        show_default=False,
        autocompletion=completing(FORMS),
    ),
]
ListAsJson = Annotated[bool, typer.Option("--json", help="Short for --output json.")]
ListAsCsv = Annotated[bool, typer.Option("--csv", help="Short for --output csv.")]

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="MARKETMAP_DATABASE_URL",
        help="Address of Postgres; by default that of the local services.",
    ),
]


PlatformArgument = Annotated[
    str,
    typer.Argument(
        metavar="PLATFORM",
        help=f"The bookmaker: {', '.join(PLATFORMS)}.",
        show_default=False,
        autocompletion=completing(PLATFORMS),
    ),
]
OnPlatform = Annotated[
    str | None,
    typer.Option(
        "--platform",
        help=f"One bookmaker: {', '.join(PLATFORMS)}.",
        autocompletion=completing(PLATFORMS),
    ),
]
OnPlatforms = Annotated[
    list[str] | None,
    typer.Option(
        "--platform",
        help=f"One bookmaker: {', '.join(PLATFORMS)}. Repeatable.",
        autocompletion=completing(PLATFORMS),
    ),
]
