"""`marketmap lag`: how far the workers are behind, and where."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import connected_settings, kafka_settings
from worker.cli.console import err, fail, out, print_json
from worker.cli.options import ListAsCsv, ListAsJson, Output
from worker.cli.output import chosen_form
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import duration, folding, print_table, text
from worker.cli.words import number_of
from worker.kafka.cluster.groups import Member
from worker.kafka.cluster.transactions import OpenTransaction
from worker.operations.lag.report import (
    LagReport,
    PartitionFacts,
    PartitionLag,
    survey_insight_lag,
    survey_lag,
    survey_snapshot_lag,
)


def lag(
    *,
    snapshot: Annotated[
        bool,
        typer.Option(
            "--snapshot",
            help="Of the snapshot processes: resolved events that odds.latest does not have yet.",
        ),
    ] = False,
    insight: Annotated[
        bool,
        typer.Option(
            "--insight",
            help="Of the insight processes: observations that the leading one has not stored yet.",
        ),
    ] = False,
    watch: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0.5, help="Refresh every SECONDS until Ctrl-C."),
    ] = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show how far each partition is behind, who reads it, and what is committed and counted.

    The time is the age of the oldest record that is not committed. Below the tables are signs of trouble;
    the runbook says what to do about each.

    Example: marketmap lag --watch 5
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    if watch is not None and form != "table":
        fail(f"--watch shows a table: it does not go with {form}.", code=2)
    if snapshot and insight:
        fail("--snapshot and --insight are two groups: give one of them.", code=2)
    survey = _of_snapshot if snapshot else _of_insight if insight else _of_workers
    if watch is not None:
        _watch(survey, watch)
        return
    report = survey("Asking Kafka and Postgres" if survey is _of_workers else "Asking Kafka")
    if form == "json":
        print_json(report_json(report))
        return
    if form == "csv":
        print_csv(PARTITION_FIELDS, map(_partition_json, report.partitions))
        return
    print_table(report_tables(report))
    for line in sign_lines(report):
        out.print(line, markup=False, soft_wrap=True)
    err.print(summary(report), markup=False, soft_wrap=True)


def _watch(survey: Callable[[str | None], LagReport], every_s: float) -> None:
    try:
        with Live(console=out, auto_refresh=False) as shown:
            while True:
                report = survey(None)
                below = Text("\n".join([*sign_lines(report), summary(report)]))
                shown.update(Group(report_tables(report), below), refresh=True)
                time.sleep(every_s)
    except KeyboardInterrupt:
        return


def _of_workers(waiting: str | None) -> LagReport:
    settings = connected_settings()
    return run_on_kafka(settings, survey_lag(settings, _now_ms()), waiting=waiting)


def _of_snapshot(waiting: str | None) -> LagReport:
    settings = kafka_settings()
    return run_on_kafka(settings, survey_snapshot_lag(settings, _now_ms()), waiting=waiting)


def _of_insight(waiting: str | None) -> LagReport:
    settings = kafka_settings()
    return run_on_kafka(settings, survey_insight_lag(settings, _now_ms()), waiting=waiting)


def _now_ms() -> int:
    return round(time.time() * 1000)


def summary(report: LagReport) -> str:
    members = f"{len(report.members)} member{'s' * (len(report.members) != 1)}"
    behind = (
        f"{number_of(report.records, 'record')} behind, at most {duration(report.seconds)}"
        if report.records
        else "none behind"
    )
    silent = sum(not each.is_known for each in report.partitions)
    unknown = f"; {number_of(silent, 'partition')} not known" if silent else ""
    return f"Group {report.group}: {report.state}, {members}; {behind}{unknown}."


def report_tables(report: LagReport) -> Group:
    """A table for each topic, narrow enough for 80 columns, and one of the members by their numbers."""
    numbers = {member.member_id: str(n) for n, member in enumerate(report.members, 1)}
    by_topic = groupby(report.partitions, key=lambda each: each.facts.topic)
    tables = [_topic_table(topic, list(rows), numbers) for topic, rows in by_topic]
    members = [_members_table(report, numbers)] if numbers else []
    return Group(*map(folding, [*tables, *members]))


def _topic_table(topic: str, rows: Sequence[PartitionLag], numbers: Mapping[str, str]) -> Table:
    table = Table(title=text(topic), title_justify="left", box=None)
    table.add_column("partition", justify="right")
    table.add_column("owner", justify="right", min_width=5)
    is_counted = any(each.facts.is_counted for each in rows)
    counted_to = ["counted to"] if is_counted else []
    for heading in ("log end", "committed", *counted_to, "behind", "time"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=10)
    for each in rows:
        facts = each.facts
        table.add_row(
            str(facts.partition),
            numbers[facts.owner.member_id] if facts.owner else "",
            _end(facts),
            _number(facts.committed and facts.committed.offset),
            *([_number(facts.watermark)] if is_counted else []),
            f"{each.records:,}" if each.is_known else "?",
            _time(each),
        )
    return table


def _members_table(report: LagReport, numbers: Mapping[str, str]) -> Table:
    table = Table(title="Members of the group", title_justify="left", box=None)
    table.add_column("owner", justify="right", min_width=9)
    table.add_column("member", overflow="fold")
    table.add_column("host", overflow="fold")
    table.add_column("partitions", justify="right", no_wrap=True)
    for member in report.members:
        table.add_row(
            numbers[member.member_id],
            text(member.member_id),
            text(member.host),
            str(len(member.partitions)),
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
        "members": len(report.members),
        "records": report.records,
        "seconds": report.seconds,
        "partitions": [_partition_json(each) for each in report.partitions],
    }


PARTITION_FIELDS: Final = (
    *("topic", "partition", "topic_id", "owner", "log_start", "log_end", "high_watermark"),
    *("open_transaction", "committed", "watermark", "records", "seconds", "signs"),
)


def _partition_json(each: PartitionLag) -> dict[str, Any]:
    facts = each.facts
    owner = facts.owner
    return {
        "topic": facts.topic,
        "partition": facts.partition,
        "topic_id": facts.topic_id,
        "owner": _owner_json(owner) if owner else None,
        "log_start": facts.log_start if each.is_known else None,
        "log_end": facts.log_end if each.is_known else None,
        "high_watermark": facts.end if each.is_known else None,
        "open_transaction": _transaction_json(facts.open_transaction),
        "committed": facts.committed.offset if facts.committed else None,
        "watermark": facts.watermark,
        "records": each.records if each.is_known else None,
        "seconds": each.seconds,
        "signs": [sign._asdict() for sign in each.signs],
    }


def _owner_json(owner: Member) -> dict[str, str]:
    return {"member_id": owner.member_id, "client_id": owner.client_id, "host": owner.host}


def _transaction_json(transaction: OpenTransaction | None) -> dict[str, int] | None:
    return None if transaction is None else transaction._asdict()


def _end(facts: PartitionFacts) -> str:
    """The end for readers; if an open transaction holds records back, the log's end as well."""
    if facts.silence is not None:
        return "?"
    return f"{facts.log_end} of {facts.end}" if facts.held_back else str(facts.log_end)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _time(each: PartitionLag) -> str:
    if not each.is_known:
        return "?"
    if not each.records:
        return ""
    return "?" if each.seconds is None else duration(each.seconds)
