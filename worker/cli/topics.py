"""`marketmap topics`: the topics on the broker."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from worker.app.grants import ROLES
from worker.app.kafka import admin_of
from worker.app.settings import load_settings
from worker.app.topics import ensure_topics, topic_specs
from worker.cli.connection import connected_settings
from worker.cli.console import fail, out, print_json
from worker.domain.errors import FatalError, TransientError

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """The topics on the broker."""


@app.command()
def ensure(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be made, make nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Create the topics that are missing, and say which are not as they should be (exit code 1)."""
    settings = connected_settings(kafka=True)
    try:
        ensured = asyncio.run(ensure_topics(admin_of(settings), topic_specs(settings), dry_run=dry_run))
    except (TransientError, FatalError) as error:
        fail(str(error))
    if as_json:
        print_json([topic._asdict() for topic in ensured])
    else:
        table = Table("topic", "state")
        made = "would be created" if dry_run else "created"
        for topic in ensured:
            table.add_row(topic.name, topic.fault or (made if topic.created else "exists"))
        out.print(table)
    if any(topic.fault for topic in ensured):
        raise typer.Exit(1)


@app.command()
def grants(
    part: Annotated[str | None, typer.Argument(help="One of the parts; without, all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """What each part must be granted on the brokers, under the names that the settings give."""
    if part is not None and part not in ROLES:
        fail(f"{part!r} is none of the parts {', '.join(ROLES)}", code=2)
    settings = load_settings()
    chosen = {name: role(settings) for name, role in ROLES.items() if part in {None, name}}
    if as_json:
        print_json({name: [grant._asdict() for grant in granted] for name, granted in chosen.items()})
        return
    table = Table("part", "operation", "resource", "pattern", "name")
    for name, granted in chosen.items():
        for grant in granted:
            table.add_row(name, grant.operation, grant.resource, grant.pattern, grant.name)
    out.print(table)
