"""`marketmap lag`: how far the workers are behind, and where."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from worker.cli.connection import connected_settings
from worker.cli.console import err, fail, out, print_json
from worker.cli.options import AsJson
from worker.cli.tables import duration, print_table, text
from worker.domain.errors import FatalError, TransientError
from worker.operations.lag.report import LagReport, PartitionLag, survey_lag
from worker.settings.connected import ConnectedSettings
from worker.storage.errors import StorageError


def lag(
    *,
    watch: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.5, help="Show it anew so often, until Ctrl-C."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Records and seconds behind, partition by partition: who reads it, what is committed, what is counted.

    Seconds are the age of the oldest record that is not committed. Below the table stands what may need
    a look; the runbook says what to do.

    Example: marketmap lag --watch 5
    """
    if watch is not None and as_json:
        fail("--watch is for people, --json for machines: give one of them.", code=2)
    settings = connected_settings()
    if watch is not None:
        _watch(settings, watch)
        return
    with err.status("Asking Kafka and Postgres"):
        report = _survey(settings)
    if as_json:
        print_json(report_json(report))
        return
    print_table(report_table(report))
    for line in sign_lines(report):
        out.print(line, markup=False, soft_wrap=True)
    err.print(summary(report), markup=False, soft_wrap=True)


def _watch(settings: ConnectedSettings, every_s: float) -> None:
    try:
        with Live(console=out, auto_refresh=False) as shown:
            while True:
                report = _survey(settings)
                table = report_table(report)
                table.caption = Text("\n".join([*sign_lines(report), summary(report)]))
                shown.update(table, refresh=True)
                time.sleep(every_s)
    except KeyboardInterrupt:
        return


def _survey(settings: ConnectedSettings) -> LagReport:
    try:
        return asyncio.run(survey_lag(settings, round(time.time() * 1000)))
    except (TransientError, FatalError, StorageError) as error:
        fail(str(error))


def summary(report: LagReport) -> str:
    members = f"{report.members} member{'s' * (report.members != 1)}"
    behind = (
        f"{report.records:,} records behind, at most {duration(report.seconds)}"
        if report.records
        else "none behind"
    )
    return f"Group {report.group}: {report.state}, {members}; {behind}."


def report_table(report: LagReport) -> Table:
    table = Table(box=None)
    table.add_column("partition", no_wrap=True)
    table.add_column("owner", overflow="fold")
    for heading in ("log end", "committed", "counted to", "records", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in report.partitions:
        facts = each.facts
        table.add_row(
            text(_place(each)),
            text(f"{facts.owner.client_id} {facts.owner.host}" if facts.owner else None),
            str(facts.log_end),
            _number(facts.committed and facts.committed.offset),
            _number(facts.watermark),
            f"{each.records:,}",
            _time(each),
        )
    return table


def sign_lines(report: LagReport) -> list[str]:
    return [
        f"{_place(each)} {sign.code}: {sign.detail}."
        for each in report.partitions
        for sign in each.signs
    ]


def _place(each: PartitionLag) -> str:
    return f"{each.facts.topic} [{each.facts.partition}]"


def report_json(report: LagReport) -> dict[str, Any]:
    return {
        "group": report.group,
        "state": report.state,
        "members": report.members,
        "records": report.records,
        "seconds": report.seconds,
        "partitions": [_partition_json(each) for each in report.partitions],
    }


def _partition_json(each: PartitionLag) -> dict[str, Any]:
    facts = each.facts
    owner = facts.owner
    return {
        "topic": facts.topic,
        "partition": facts.partition,
        "topic_id": facts.topic_id,
        "owner": {"client_id": owner.client_id, "host": owner.host} if owner else None,
        "log_start": facts.log_start,
        "log_end": facts.log_end,
        "committed": facts.committed.offset if facts.committed else None,
        "watermark": facts.watermark,
        "records": each.records,
        "seconds": each.seconds,
        "signs": [sign._asdict() for sign in each.signs],
    }


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _time(each: PartitionLag) -> str:
    if not each.records:
        return ""
    return "?" if each.seconds is None else duration(each.seconds)
