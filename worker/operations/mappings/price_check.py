"""Before a change of mappings is saved: what the last events say about it. A contradiction is refused.

How it works. Comparing prices takes seconds, for which the lock of all editors must not be held. So the
change is made once and taken back, as by a dry run; what it leads to is judged; then it is made again, and
refused if it leads to something else by now.

Without watched events there is nothing to compare with, and so no check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final, NamedTuple, TypeVar

from rich.table import Table

from worker.cli.console import err, fail, print_json, printable
from worker.cli.database import read_database
from worker.cli.tables import print_table, text
from worker.domain.mapping import Mapping
from worker.operations.mappings.changing import ChangedMeanwhileError, run_edit
from worker.operations.mappings.price_verdicts import (
    MOST_EVENTS,
    PriceCode,
    PriceVerdict,
    active_mappings,
    compare_prices,
    contradictions,
    is_same_mapping,
    not_judged,
    verdict_json,
)
from worker.storage import mappings as stored_mappings
from worker.storage.editing import Edit
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent

Result = TypeVar("Result")

# The sentences below the table say more.
_IN_TABLE: Final[dict[PriceCode | None, str]] = {
    "CONTRADICTED": "contradicted",
    "TOO_FEW_EVENTS": "too few",
    "NOT_WATCHED": "not judged",
}


class _Tried(NamedTuple):
    """What a change leads to: all active mappings before it and afterwards."""

    names: Collection[str]
    before: dict[str, Mapping]
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
) -> tuple[Callable[[Edit], Awaitable[Result]], Sequence[PriceVerdict]]:
    """Compare the prices of what a change leads to; one that they contradict ends the command.

    ``names_of`` are the mappings that were changed. Returns the change to be made, and what was found.
    """
    events = read_database(
        database_url, lambda connection: evidence.read_events(connection, MOST_EVENTS)
    )
    if not events:
        return change, []

    async def attempt(edit: Edit) -> _Tried:
        before = await active_mappings(edit)
        names = names_of(await change(edit))
        return _Tried(names, before, await active_mappings(edit) if names else {})

    tried = run_edit(
        database_url, attempt, actor=actor, reason=reason, dry_run=True, as_json=as_json
    )
    checked = {name: tried.active[name] for name in tried.names if name in tried.active}
    if not checked:
        return change, []
    with err.status("Comparing prices"):
        verdicts = _compare(events, tried, set(checked))
    _report(verdicts, force=force, as_json=as_json)

    async def as_checked(edit: Edit) -> Result:
        result = await change(edit)
        for name, expected in checked.items():
            row = await stored_mappings.get(edit.connection, name)
            if not is_same_mapping(row, expected):
                raise ChangedMeanwhileError(f"{name} was changed while its prices were compared")
        return result

    return as_checked, verdicts


def _compare(
    events: Sequence[StoredEvent], tried: _Tried, names: set[str]
) -> Sequence[PriceVerdict]:
    found = compare_prices(events, tried.before, tried.active, names)
    if found.missing is not None:
        err.print(f"Prices were not compared: {found.missing}.", markup=False)
    return found.verdicts


def _report(verdicts: Sequence[PriceVerdict], *, force: bool, as_json: bool) -> None:
    """Show what was compared; refuse what is contradicted unless it is forced."""
    if not as_json and verdicts:
        print_table(_table(verdicts), to=err)
        for sentence in not_judged(verdicts):
            err.print(printable(sentence), markup=False, soft_wrap=True)
    reasons = contradictions(verdicts)
    if not reasons or force:
        return
    if as_json:
        print_json({"refused": True, "prices": verdict_json(verdicts)})
    fail(
        "\n".join([*reasons, "The prices contradict it; nothing was changed."]),
        hint="Compare the labels, or save it with --force and a --reason that says why.",
        kind="CONFLICT",
    )


def _table(verdicts: Sequence[PriceVerdict]) -> Table:
    table = Table("mapping", "platform", "against", "events", "distance", "", box=None)
    for one in verdicts:
        said = _IN_TABLE.get(one.code, "")
        table.add_row(
            text(one.canonical_id),
            text(one.platform),
            text(one.against),
            str(one.events),
            "" if one.median is None else f"{one.median:.2f}",
            said,
        )
    return table
