"""Replays and their plans as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table

from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, duration, signed, size, text, when
from worker.operations.replay.plan import (
    ASSUMED_RATE,
    PartitionPlan,
    Range,
    ReplayPlan,
    from_documents,
)
from worker.operations.replay.start_and_resume import Ended
from worker.storage.replays import ReplayRun


def plan_json(plan: ReplayPlan) -> dict[str, Any]:
    return {
        "from": _iso(plan.window.from_ms),
        "to": None if plan.window.to_ms is None else _iso(plan.window.to_ms),
        "records": plan.records,
        "about_bytes": plan.about_bytes,
        "about_seconds": round(plan.seconds, 1),
        "rate": plan.rate,
        "assumed_rate": None if plan.rate else ASSUMED_RATE,
        "partitions": [_partition_json(each) for each in plan.partitions],
    }


def _partition_json(each: PartitionPlan) -> dict[str, Any]:
    found = each.range
    held_from = None if each.held_from_ms is None else _iso(each.held_from_ms)
    return {
        "topic": found.topic,
        "partition": found.partition,
        "first_offset": found.first if found.records else None,
        "last_offset": found.end - 1 if found.records else None,
        "records": found.records,
        "about_bytes": each.about_bytes,
        "retention_hole": {"held_from": held_from} if each.has_hole else None,
        "unreadable": each.unreadable,
    }


def plan_table(plan: ReplayPlan) -> Table:
    table = Table("topic", "partition", "first", "last", "records", "size, about", "", box=None)
    table.columns[0].no_wrap = True  # it has to be typed
    for each in plan.partitions:
        found = each.range
        ends = (str(found.first), str(found.end - 1)) if found.records else ("", "")
        table.add_row(
            text(found.topic),
            str(found.partition),
            *ends,
            f"{found.records:,}",
            size(each.about_bytes),
            _remark(each),
        )
    return table


def _remark(each: PartitionPlan) -> str:
    if each.unreadable is not None:
        return "cannot be read"
    return "earlier ones were deleted" if each.has_hole else ""


def plan_sentences(plan: ReplayPlan) -> list[str]:
    """Return what the table does not show: totals, duration, what may be deleted, what cannot be read."""
    rate = (
        f"{plan.rate:g} records/s" if plan.rate else f"{ASSUMED_RATE:g} records/s (an assumption)"
    )
    read = f"At most {plan.records:,} records, {size(plan.about_bytes)} estimated from a sample"
    return [
        f"{read}; about {duration(plan.seconds)} at {rate}.",
        *(_hole(plan, one) for one in plan.holes),
        *map(_unreadable, plan.unreadable),
    ]


def _unreadable(each: PartitionPlan) -> str:
    place = f"{each.range.topic} [{each.range.partition}]"
    return (
        f"{place}: the records from offset {each.range.first} on cannot be read: {each.unreadable}."
    )


def _hole(plan: ReplayPlan, each: PartitionPlan) -> str:
    place = f"{each.range.topic} [{each.range.partition}]"
    if each.held_from_ms is None:
        return f"{place}: retention has deleted all of it."
    return (
        f"{place}: retention has deleted everything between {_iso(plan.window.from_ms)} "
        f"and {_iso(each.held_from_ms)}."
    )


def ended_json(ended: Ended) -> dict[str, Any]:
    done = ended.done
    return {
        "id": ended.id,
        "state": "DONE" if done.is_complete else "ABANDONED",
        "mapping_version": ended.mapping_version,
        "published": done.published,
        "passed_over": done.passed_over,
        "unreadable": dict(done.unreadable),
        "lost": done.lost,
    }


_RUN_COLUMNS: Final = (
    Column("id", is_typed=True),
    Column("state", is_typed=True),
    Column("records", left_out=3),
    Column("published", left_out=1),
    Column("version", is_typed=True),
    Column("who", left_out=2),
    Column("why"),
    Column("begun (UTC)", least=10, left_out=4),
)


def runs_list(runs: Iterable[ReplayRun]) -> ListTable:
    table = ListTable(_RUN_COLUMNS)
    for run in runs:
        ranges = _ranges(run)
        table.add(
            run.id,
            run.state,
            "?" if ranges is None else f"{sum(one.records for one in ranges):,}",
            f"{run.published:,}",
            str(run.mapping_version),
            signed(run.actor, run.login),
            run.reason,
            when(run.created_at),
        )
    return table


def run_table(run: ReplayRun) -> Table:
    table = Table(show_header=False, box=None, title=f"Replay {run.id}", title_justify="left")
    for name, value in run_json(run).items():
        if name != "ranges":
            table.add_row(name.replace("_", " "), text(value))
    return table


def ranges_table(run: ReplayRun) -> Table:
    table = Table("topic", "partition", "first", "last", "records", box=None)
    table.columns[0].no_wrap = True  # it has to be typed
    ranges = _ranges(run)
    if ranges is None:
        table.add_row(text(run.ranges), "?", "?", "?", "?")
    for one in ranges or ():
        table.add_row(
            text(one.topic),
            str(one.partition),
            str(one.first),
            str(one.end - 1),
            f"{one.records:,}",
        )
    return table


def _ranges(run: ReplayRun) -> list[Range] | None:
    """The ranges of a replay; None where somebody else wrote the row, and they cannot be read."""
    try:
        return from_documents(run.ranges)
    except ValueError:
        return None


def run_json(run: ReplayRun) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in run._asdict().items()
    }


RUNS: Final = ListLayout(ReplayRun._fields, run_json, runs_list)


def _iso(timestamp_ms: int) -> str:
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
