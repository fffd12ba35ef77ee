"""`marketmap config`: the settings in effect."""

from __future__ import annotations

import os

from rich.table import Table

from worker.cli.connection import known_settings
from worker.cli.console import print_json
from worker.cli.options import ListAsCsv, ListAsJson, Output
from worker.cli.output import chosen_form
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import print_table, text
from worker.operations.installation.effective_settings import Effective, effective_settings


def config(
    *,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show the settings in effect and where each comes from: default, environment, file or local services.

    Secrets are hidden. The address of the database is shown without user, password and query.

    Example: marketmap config --json
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    settings = effective_settings(known_settings(), os.environ)
    rows = [setting._asdict() for setting in settings]
    if form == "json":
        print_json(rows)
        return
    if form == "csv":
        print_csv(Effective._fields, rows)
        return
    table = Table("setting", box=None)
    table.columns[0].no_wrap = True
    table.add_column("value", overflow="fold")
    table.add_column("source")
    for setting in settings:
        style = "dim" if setting.source == "default" else ""
        table.add_row(setting.variable, text(setting.value), setting.source, style=style)
    print_table(table)
