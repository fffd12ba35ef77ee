"""`marketmap topics`: the topics on the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import kafka_settings
from worker.cli.console import err, fail, print_json
from worker.cli.options import AsJson, DryRun
from worker.cli.tables import print_table, text
from worker.kafka.topic_specs import Ensured, ensure_topics
from worker.operations.installation.grants import ROLES, acl_command
from worker.settings.connected import KafkaSettings
from worker.settings.loading import load_settings

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """The topics on the broker."""


@app.command()
def ensure(
    *,
    dry_run: DryRun = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Like --dry-run, and a missing topic is a failure too (exit code 1)."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the topics that are missing, and report those that are not as they should be (exit code 1).

    Existing topics are never changed: the commands that would fix them are shown.

    Example: marketmap topics ensure --check
    """
    ensured = _ensure(kafka_settings(), dry_run=dry_run or check)
    if as_json:
        print_json([_json(topic) for topic in ensured])
    else:
        _show(ensured, made="missing" if check else "would be created" if dry_run else "created")
    if any(topic.differences or (check and topic.missing) for topic in ensured):
        raise typer.Exit(1)


def _ensure(settings: KafkaSettings, *, dry_run: bool) -> list[Ensured]:
    return run_on_kafka(
        settings, ensure_topics(settings, dry_run=dry_run), waiting="Looking at the topics"
    )


def _show(ensured: Sequence[Ensured], *, made: str) -> None:
    table = Table("topic", "state", box=None)
    for topic in ensured:
        wrong = "; ".join(difference.what for difference in topic.differences)
        table.add_row(text(topic.name), text(wrong or (made if topic.missing else "exists")))
    print_table(table)
    for topic in ensured:
        for difference in topic.differences:
            err.print(
                f"{topic.name} {difference.what}: {difference.remedy}", markup=False, soft_wrap=True
            )


def _json(topic: Ensured) -> dict[str, object]:
    return topic._asdict() | {
        "differences": [difference._asdict() for difference in topic.differences]
    }


@app.command()
def grants(
    part: Annotated[str | None, typer.Argument(help="One part; without it, all of them.")] = None,
    *,
    commands: Annotated[
        bool,
        typer.Option("--commands", help="Print the calls of kafka-acls.sh, for an administrator."),
    ] = False,
    principal: Annotated[
        str | None,
        typer.Option(
            help="Who gets the grants, such as User:worker; by default User: and the part.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what each part must be granted on the brokers, with the names that the settings give.

    Example: marketmap topics grants worker
    """
    if part is not None and part not in ROLES:
        fail(f"{part!r} is not one of the parts {', '.join(ROLES)}", code=2)
    settings = load_settings()
    chosen = {name: role(settings) for name, role in ROLES.items() if part in {None, name}}
    if as_json:
        print_json(
            {name: [grant._asdict() for grant in granted] for name, granted in chosen.items()}
        )
        return
    if commands:
        servers = settings.kafka_bootstrap_servers or "BROKER:9092"
        for name, granted in chosen.items():
            for grant in granted:
                typer.echo(acl_command(grant, servers, principal or f"User:{name}"))
        return
    table = Table("part", "operation", "resource", "pattern", "name", box=None)
    for name, granted in chosen.items():
        for grant in granted:
            table.add_row(name, grant.operation, grant.resource, grant.pattern, grant.name)
    print_table(table)
