"""Before a change of mappings is saved: what the last events say about it. A contradiction is refused.

How it works. Comparing prices takes seconds, for which the lock of all editors must not be held. So the
change is made once and taken back, as by a dry run; what it leads to is judged; then it is made again, and
refused if it leads to something else by now.

Without watched events there is nothing to compare with, and so no check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from rich.table import Table

from worker.cli.console import err, fail, print_json
from worker.cli.database import read_database
from worker.cli.tables import print_table, text
from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.mappings.changing import ChangedMeanwhileError, run_edit
from worker.runtime.index.covering import usable
from worker.storage import mappings as stored_mappings
from worker.storage.editing import Edit
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent

Result = TypeVar("Result")
_MOST_EVENTS: Final = 200


class PriceVerdict(NamedTuple):
    """One mapping at one bookmaker, compared with one reference; ``reason`` is why it is contradicted."""

    canonical_id: str
    platform: str
    against: str
    events: int
    median: float
    reason: str | None


class _Tried(NamedTuple):
    """What a change leads to: all active mappings afterwards."""

    names: Collection[str]
    active: dict[str, Mapping]


def check_before(
    database_url: str | None,
    change: Callable[[Edit], Awaitable[Result]],
    names_of: Callable[[Result], Collection[str]],
    *,
    actor: str,
    reason: str,
    force: bool,
    as_json: bool,
) -> tuple[Callable[[Edit], Awaitable[Result]], list[PriceVerdict]]:
    """Compare the prices of what a change leads to; one that they contradict ends the command.

    ``names_of`` are the mappings that were changed. Returns the change to be made, and what was found.
    """
    events = read_database(
        database_url, lambda connection: evidence.read_events(connection, _MOST_EVENTS)
    )
    if not events:
        return change, []

    async def attempt(edit: Edit) -> _Tried:
        names = names_of(await change(edit))
        return _Tried(names, await _active(edit) if names else {})

    tried = run_edit(
        database_url, attempt, actor=actor, reason=reason, dry_run=True, as_json=as_json
    )
    checked = {name: tried.active[name] for name in tried.names if name in tried.active}
    if not checked:
        return change, []
    with err.status("Comparing prices"):
        verdicts = _compare(events, tried.active, set(checked))
    _report(verdicts, force=force, as_json=as_json)

    async def as_checked(edit: Edit) -> Result:
        result = await change(edit)
        for name, expected in checked.items():
            row = await stored_mappings.get(edit.connection, name)
            if row is None or _without_id(parse_mapping(row._asdict())) != _without_id(expected):
                raise ChangedMeanwhileError(f"{name} was changed while its prices were compared")
        return result

    return as_checked, verdicts


def verdict_json(verdicts: Sequence[PriceVerdict]) -> list[dict[str, Any]]:
    return [one._asdict() for one in verdicts]


async def _active(edit: Edit) -> dict[str, Mapping]:
    rows = await stored_mappings.list_mappings(edit.connection, is_active=True)
    return {mapping.canonical_id: mapping for mapping in usable(rows)}


def _compare(
    events: Sequence[StoredEvent], active: dict[str, Mapping], names: set[str]
) -> list[PriceVerdict]:
    try:
        from worker.insight.price_check import check_prices  # noqa: PLC0415  needs the extra `insight`
        from worker.insight.shipped import shipped_judge  # noqa: PLC0415
        from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        err.print(f"Prices were not compared: {error.name} of the extra `insight` is missing.")
        return []
    try:
        found = check_prices(events, active, names, shipped_judge())
    except UnreadableBoardsError as error:
        err.print(f"Prices were not compared: {error}.", markup=False)
        return []
    return [
        PriceVerdict(
            one.canonical_id,
            one.platform,
            row.against,
            row.events,
            round(row.median, 3),
            None if one.alarm is None else one.alarm.reason,
        )
        for one in found
        for row in one.comparisons
    ]


def _report(verdicts: Sequence[PriceVerdict], *, force: bool, as_json: bool) -> None:
    """Show what was compared; refuse what is contradicted unless it is forced."""
    if not as_json and verdicts:
        print_table(_table(verdicts), to=err)
    reasons = {
        f"{one.canonical_id} at {one.platform} is {one.reason}"
        for one in verdicts
        if one.reason is not None
    }
    if not reasons or force:
        return
    if as_json:
        print_json({"refused": True, "prices": verdict_json(verdicts)})
    fail(
        "\n".join([*sorted(reasons), "The prices contradict it; nothing was changed."]),
        hint="Compare the labels, or save it with --force and a --reason that says why.",
        kind="CONFLICT",
    )


def _table(verdicts: Sequence[PriceVerdict]) -> Table:
    table = Table("mapping", "platform", "against", "events", "distance", "", box=None)
    for one in verdicts:
        said = "contradicted" if one.reason is not None else ""
        table.add_row(
            text(one.canonical_id),
            text(one.platform),
            text(one.against),
            str(one.events),
            f"{one.median:.2f}",
            said,
        )
    return table


def _without_id(mapping: Mapping) -> Mapping:
    """A mapping that is created twice has another id of the table."""
    return replace(mapping, id=None)
