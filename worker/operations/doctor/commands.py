"""`marketmap doctor`: everything a worker needs, looked at, with what to do."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import typer
from rich.text import Text

from worker.cli.connection import known_settings
from worker.cli.console import err, fail, out, print_json
from worker.cli.options import ListAsCsv, ListAsJson, Output, completing
from worker.cli.output import chosen_form
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import text
from worker.domain.books.rows import abbreviate
from worker.operations.doctor.examination import examine
from worker.operations.doctor.findings import Finding, failure, fine, has_failure
from worker.operations.doctor.parts import PARTS
from worker.operations.installation.effective_settings import effective_settings
from worker.settings.loading import SettingsError

_STYLES: Final = {"OK": "green", "WARNING": "yellow", "FAILURE": "bold red"}


def doctor(
    *,
    part: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="PART",
            help=f"Whose needs to check: {', '.join(PARTS)}.",
            autocompletion=completing(PARTS),
        ),
    ] = "worker",
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            min=1,
            max=300,
            help="For each check; all end within three times that.",
        ),
    ] = 10,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Check settings, Kafka, topics, rights, Postgres, schema, clocks, group, mappings and observations.

    Run it with the settings and credentials of the part that --as names; what that part does not need is not
    checked. Each line is OK, a warning or a failure with what to do; exit code 1 when one is a failure.

    Example: marketmap doctor --as relay
    """
    if part not in PARTS:
        fail(f"--as {abbreviate(part)} is not one of {', '.join(PARTS)}", code=2)
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    with err.status("Checking"):
        findings = _examine(timeout, part)
    rows = [one._asdict() for one in findings]
    if form == "json":
        print_json({"ok": not has_failure(findings), "findings": rows})
    elif form == "csv":
        print_csv(Finding._fields, rows)
    else:
        for line in itertools.chain.from_iterable(map(lines_of, findings)):
            out.print(line, soft_wrap=True)
        err.print(summary(findings), markup=False)
    if has_failure(findings):
        raise typer.Exit(1)


def _examine(timeout_s: float, part: str) -> Sequence[Finding]:
    try:
        settings = known_settings()
    except SettingsError as error:
        return [failure("settings", fault, "docs/settings.md") for fault in error.faults]
    counts = Counter(setting.source for setting in effective_settings(settings, os.environ))
    sources = ", ".join(f"{counts[source]} from {source}" for source in sorted(counts))
    examined = asyncio.run(examine(settings, timeout_s=timeout_s, part_name=part))
    return [fine("settings", sources), *examined]


def lines_of(finding: Finding) -> Iterator[Text]:
    level = Text(f"{finding.level:8}", style=_STYLES[finding.level])
    yield Text.assemble(level, f" {finding.subject:12}", text(finding.message))
    if finding.remedy is not None:
        yield Text.assemble(" " * 21, "-> ", text(finding.remedy))


def summary(findings: Sequence[Finding]) -> str:
    levels = Counter(finding.level for finding in findings)
    bad = (
        f"{levels[level]} {level.lower()}{'s' * (levels[level] != 1)}"
        for level in ("FAILURE", "WARNING")
    )
    return f"{', '.join(bad)}, {levels['OK']} OK."
