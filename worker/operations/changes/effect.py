"""What a change set did to misses, for people and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.console import out
from worker.cli.tables import print_table, text, when
from worker.operations.drafts.tables import iso
from worker.storage.changes import effects
from worker.storage.changes.effects import MOST_MISSES, ChangeEffect, TouchedMiss


class ReadEffect(NamedTuple):
    """The effect, None if it is not known, and the misses that were touched, those missed most first."""

    effect: ChangeEffect | None
    touched: Sequence[TouchedMiss]


async def read_effect(connection: AsyncConnection, change_set_id: int) -> ReadEffect:
    found = (await effects.read_effects(connection, [change_set_id])).get(change_set_id)
    if found is None:
        return ReadEffect(None, ())
    return ReadEffect(
        found, await effects.touched_misses(connection, change_set_id, limit=MOST_MISSES)
    )


def effect_json(found: ReadEffect) -> dict[str, Any] | None:
    if found.effect is None:
        return None
    effect = found.effect
    return {
        "at": iso(effect.created_at),
        "mapped": effect.covered,
        "still_mapped": effect.still_mapped,
        "reopened": effect.reopened,
        "per_hour_before": effect.per_hour,
        "since": effect.since,
        "since_per_hour": effect.since_per_hour,
        "comparisons_per_day": effect.comparisons_per_day,
        "is_whole": effect.is_whole,
        "misses": [
            one._asdict()
            | {
                "since": None if effect.since is None else one.since,
                "last_seen_at": iso(one.last_seen_at),
            }
            for one in found.touched
        ],
    }


def print_effect(found: ReadEffect) -> None:
    """Print what became of which miss, and in all how often they were missed before and since."""
    effect = found.effect
    if effect is None:
        out.print("What it did to misses is not known.")
        return
    if not effect.covered and not effect.reopened:
        out.print("It mapped no miss, and opened none again.")
        return
    table = Table(
        *("platform", "market", "then", "per hour before", "since", "now", "last seen (UTC)"),
        box=None,
    )
    for one in found.touched:
        is_known = effect.since is not None and one.since is not None
        table.add_row(
            one.source,
            text(one.external_market_id),
            "mapped" if one.is_covered else "open again",
            f"{one.per_hour:.1f}",
            str(one.since) if is_known else "not known",
            one.status,
            None if one.last_seen_at is None else when(one.last_seen_at),
        )
    print_table(table)
    out.print(_sentence(effect), markup=False)


def _sentence(effect: ChangeEffect) -> str:
    since = "how often since is not known"
    if effect.since is not None:
        since = f"{effect.since} times in the {effect.hours:.1f} hours since"
    part = "" if effect.is_whole else f" Of {MOST_MISSES:,} misses alone."
    return (
        f"{effect.covered} mapped, {effect.still_mapped} of them still; {effect.reopened} open again."
        f" The mapped ones were missed {effect.per_hour:.1f} times an hour before, and {since}.{part}"
    )
