"""`marketmap topics`: the topics on the broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import kafka_settings
from worker.cli.console import err, fail, print_json
from worker.cli.options import DryRun, ListAsCsv, ListAsJson, Output
from worker.cli.output import chosen_form
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import Column, ListTable, print_list
from worker.domain.books.rows import abbreviate
from worker.kafka.topic_specs import Ensured, ensure_topics
from worker.operations.installation.grants import ROLES, Grant, acl_command
from worker.settings.connected import KafkaSettings
from worker.settings.loading import load_settings

_GRANT_COLUMNS: Final = (
    Column("part", is_typed=True),
    Column("operation", is_typed=True),
    Column("resource", is_typed=True, left_out=1),
    Column("pattern", is_typed=True),
    Column("name", is_typed=True),
)

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
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Create the topics that are missing, and report those that are not as they should be (exit code 1).

    Existing topics are never changed: the commands that would fix them are shown.

    Example: marketmap topics ensure --check
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    ensured = _ensure(kafka_settings(), dry_run=dry_run or check)
    if form == "json":
        print_json([_json(topic) for topic in ensured])
    elif form == "csv":
        print_csv(Ensured._fields, map(_json, ensured))
    else:
        _show(ensured, made="missing" if check else "would be created" if dry_run else "created")
    if any(topic.differences or (check and topic.missing) for topic in ensured):
        raise typer.Exit(1)


def _ensure(settings: KafkaSettings, *, dry_run: bool) -> list[Ensured]:
    return run_on_kafka(
        settings, ensure_topics(settings, dry_run=dry_run), waiting="Looking at the topics"
    )


def _show(ensured: Sequence[Ensured], *, made: str) -> None:
    table = ListTable((Column("topic", is_typed=True), Column("state", least=12)))
    for topic in ensured:
        wrong = "; ".join(difference.what for difference in topic.differences)
        table.add(topic.name, wrong or (made if topic.missing else "exists"))
    print_list(table)
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
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show what each part must be granted on the brokers, with the names that the settings give.

    Example: marketmap topics grants worker
    """
    if part is not None and part not in ROLES:
        fail(f"{abbreviate(part)} is not one of the parts {', '.join(ROLES)}", code=2)
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    settings = load_settings()
    chosen = {name: role(settings) for name, role in ROLES.items() if part in {None, name}}
    rows = {name: [grant._asdict() for grant in granted] for name, granted in chosen.items()}
    if form == "json":
        print_json(rows)
        return
    if form == "csv":
        flat = ({"part": name} | grant for name, granted in rows.items() for grant in granted)
        print_csv(("part", *Grant._fields), flat)
        return
    if commands:
        servers = settings.kafka_bootstrap_servers or "BROKER:9092"
        for name, granted in chosen.items():
            for grant in granted:
                typer.echo(acl_command(grant, servers, principal or f"User:{name}"))
        return
    table = ListTable(_GRANT_COLUMNS)
    for name, granted in chosen.items():
        for grant in granted:
            table.add(name, grant.operation, grant.resource, grant.pattern, grant.name)
    print_list(table)
