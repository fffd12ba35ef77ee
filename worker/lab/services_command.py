"""`marketmap services`: Kafka and Postgres on this machine, without a container engine."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from worker.cli.console import err, fail, print_json
from worker.cli.options import AsJson, DryRun, ListAsCsv, ListAsJson, Output
from worker.cli.output import Form, chosen_form
from worker.cli.spreadsheet import print_csv
from worker.local.addresses import FOLDER_VARIABLE, default_folder
from worker.local.errors import LocalServicesError
from worker.local.service import ServiceState
from worker.local.services import NAMES, LocalServices
from worker.settings.loading import load_settings

_FIELDS: Final = ("name", "state", "address", "pid", "log")

app = typer.Typer(
    no_args_is_help=True,
    help="Start and stop Kafka and Postgres here. A service whose address is set is left alone.",
)

Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir", envvar=FOLDER_VARIABLE, help="Folder of data and logs; `.local` in the checkout."
    ),
]


@app.command()
def up(*, folder: Folder = None, as_json: AsJson = False) -> None:
    """Start what is not running, and return when both servers answer.

    Example: marketmap services up --json
    """
    services = _local(folder)
    try:
        with err.status("Starting"):
            services.start()
    except LocalServicesError as error:
        fail(str(error))
    _show(services, "json" if as_json else "table")


@app.command()
def status(
    *,
    folder: Folder = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show what runs and where. Exit code 1 when one of the servers does not answer.

    Example: marketmap services status
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    if not _show(_local(folder), form):
        raise typer.Exit(1)


@app.command()
def down(
    *,
    folder: Folder = None,
    purge: Annotated[bool, typer.Option("--purge", help="Remove data and logs too.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Stop the services that run.

    Example: marketmap services down --purge --dry-run
    """
    services = _local(folder)
    running = [s.name for s in services.status() if s.pid]
    then = f", and remove data and logs in {services.folder}" if purge else ""
    err.print(
        f"{'Would stop' if dry_run else 'Stop'}: {', '.join(running) or 'nothing runs'}{then}",
        soft_wrap=True,
    )
    if dry_run:
        return
    try:
        with err.status("Stopping"):
            services.stop(purge=purge)
    except LocalServicesError as error:
        fail(str(error))


def _local(folder: Path | None) -> LocalServices:
    external = _external()
    names = [name for name in NAMES if name not in external]
    return LocalServices(folder or default_folder(), names=names, report=err.print)


def _external() -> dict[str, str]:
    settings = load_settings()
    given = {"kafka": settings.kafka_bootstrap_servers, "postgres": settings.database_url}
    return {name: address for name, address in given.items() if address}


def _show(services: LocalServices, form: Form) -> bool:
    """Show the state of both services; return whether each is there or external."""
    rows: dict[str, dict[str, Any]] = {
        name: {"state": ServiceState.EXTERNAL, "address": address, "pid": None, "log": None}
        for name, address in _external().items()
    }
    for s in services.status():
        rows[s.name] = {"state": s.state, "address": s.address, "pid": s.pid, "log": s.log}
    if form == "csv":
        print_csv(_FIELDS, ({"name": name} | rows[name] for name in NAMES))
    elif form == "json":
        addresses = {name: rows[name]["address"] for name in NAMES}
        print_json({**addresses, "services": {name: rows[name] for name in NAMES}})
    else:
        for name in NAMES:
            row = rows[name]
            typer.echo(f"{name:<9} {row['state']:<12} {row['address'] or '-'}")
        err.print(f"data and logs: {services.folder}", soft_wrap=True)
    return all(
        row["state"] in {ServiceState.RUNNING, ServiceState.EXTERNAL} for row in rows.values()
    )
