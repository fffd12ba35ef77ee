"""Options that many commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Actor = Annotated[
    str,
    typer.Option(
        envvar="MARKETMAP_ACTOR", help="Who changes it, for the history.", show_default=False
    ),
]


Reason = Annotated[str, typer.Option(help="Why, for the history.", show_default=False)]


DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Show what would change and what conflicts, change nothing."),
]


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
