"""A forecast as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.table import Table

from worker.cli.tables import Column, ListTable, text
from worker.cli.words import number_of
from worker.operations.what_if.difference import CHANGE_KINDS
from worker.operations.what_if.forecast import Example, Forecast
from worker.operations.what_if.foresight import Foresight
from worker.operations.what_if.prices import ComparedPrices

_MARKET_COLUMNS: Final = (
    Column("platform", is_typed=True),
    Column("market", is_typed=True),
    Column("what", least=12),
    Column("before", is_typed=True),
    Column("after", is_typed=True),
    Column("markets", least=7),
    Column("observations", left_out=1),
)


def sentences(found: Foresight) -> Iterator[str]:
    """What was read, and what would change, in words."""
    forecast = found.forecast
    if found.retained == 0:
        yield "Kafka holds no observations of these bookmakers from this time."
        return
    which = "all" if found.read == found.retained else "spread evenly over the range,"
    yield (
        f"Read {found.read:,} of {found.retained:,} offsets, {which} {forecast.observations:,}"
        f" observations; {forecast.holding:,} of them, on {number_of(len(forecast.events), 'event')}, hold a"
        " market of the change."
    )
    if found.has_hole:
        yield "Retention has deleted records of this time."
    if found.lost:
        yield f"Retention deleted {number_of(found.lost, 'record')} meanwhile."
    if forecast.unreadable:
        yield f"{number_of(forecast.unreadable, 'record')} cannot be read, before or after."
    if not forecast.changed:
        yield "Nothing would be resolved otherwise."
        return
    kinds = [
        f"{words}: {count:,}"
        for kind, words in CHANGE_KINDS.items()
        if (count := forecast.count(kind))
    ]
    yield f"{forecast.changed:,} resolved events would be others. {'; '.join(kinds).capitalize()}."
    if forecast.more:
        yield f"{forecast.more:,} further changes are of kinds beyond the first ones."
    if forecast.cut:
        yield f"Of {forecast.cut:,} observations only a part of what is missed or refused is listed."


def markets_list(forecast: Forecast) -> ListTable:
    """What happens to each market, the most frequent first."""
    table = ListTable(_MARKET_COLUMNS)
    ordered = sorted(forecast.markets.items(), key=lambda one: (-one[1].markets, one[0][:3]))
    for key, count in ordered:
        table.add(
            key.platform,
            key.external_market_id,
            CHANGE_KINDS[key.kind],
            key.before,
            key.after,
            f"{count.markets:,}",
            f"{count.observations:,}",
        )
    return table


def misses_table(forecast: Forecast) -> Table:
    """What is missed, before and after."""
    table = Table("platform", "market", "why", "label", "missed before", "after", box=None)
    for (platform, missed), count in sorted(forecast.misses.items(), key=lambda one: str(one[0])):
        table.add_row(
            text(platform),
            text(missed.external_market_id),
            text(missed.reason),
            text(missed.label),
            f"{count.before:,}",
            f"{count.after:,}",
        )
    return table


def refusals_table(forecast: Forecast) -> Table:
    """What is refused in more or in fewer observations."""
    table = Table("platform", "market and code", "", "times", box=None)
    for words, found in (
        ("newly refused", forecast.refused),
        ("no longer refused", forecast.no_longer_refused),
    ):
        for (platform, what), times in sorted(found.items()):
            table.add_row(text(platform), text(what), words, f"{times:,}")
    return table


def examples_table(forecast: Forecast) -> Table:
    """Examples of each change."""
    table = Table("event", "market", "line", "before", "after", "observation", box=None)
    for key, count in forecast.markets.items():
        for one in count.examples:
            teams = " - ".join(filter(None, (one.home, one.away)))
            table.add_row(
                text(teams),
                text(f"{key.platform} {key.external_market_id}"),
                text(one.line),
                text(_priced(key.before, one.prices_before)),
                text(_priced(key.after, one.prices_after)),
                text(_place(one)),
            )
    return table


def _priced(canonical_id: str | None, prices: Any) -> str:
    if canonical_id is None:
        return "not resolved"
    said = ", ".join(f"{o} {odds if odds is not None else '-'}" for o, odds in prices.items())
    return f"{canonical_id}: {said}"


def _place(one: Example) -> str:
    return f"{one.topic} [{one.partition}] offset {one.offset}"


def prices_table(rows: Iterable[ComparedPrices]) -> Table:
    """Distances before and after."""
    table = Table("mapping", "platform", "against", "distance before", "after", box=None)
    for one in rows:
        table.add_row(
            text(one.canonical_id),
            text(one.platform),
            text(one.against),
            _distance(one.before, one.events_before),
            _distance(one.after, one.events_after),
        )
    return table


def _distance(median: float | None, events: int) -> str:
    return "" if median is None else f"{median:.2f} ({number_of(events, 'event')})"


def foresight_json(found: Foresight) -> dict[str, Any]:
    """The whole forecast."""
    forecast = found.forecast
    return {
        "retained": found.retained,
        "read": found.read,
        "is_whole": found.is_whole,
        "lost": found.lost,
        "has_hole": found.has_hole,
        "observations": forecast.observations,
        "holding": forecast.holding,
        "events": len(forecast.events),
        "changed": forecast.changed,
        "unreadable": forecast.unreadable,
        "counts": {kind: forecast.count(kind) for kind in CHANGE_KINDS},
        "markets": [
            {
                **key._asdict(),
                "markets": count.markets,
                "observations": count.observations,
                "examples": [one._asdict() for one in count.examples],
            }
            for key, count in forecast.markets.items()
        ],
        "misses": [
            {"platform": platform, **missed._asdict(), "before": count.before, "after": count.after}
            for (platform, missed), count in forecast.misses.items()
        ],
        "refused": _refusals(forecast.refused.items()),
        "no_longer_refused": _refusals(forecast.no_longer_refused.items()),
        "more": forecast.more,
        "cut": forecast.cut,
    }


def _refusals(found: Iterable[tuple[tuple[str, str], int]]) -> Sequence[dict[str, Any]]:
    return [{"platform": platform, "what": what, "times": n} for (platform, what), n in found]
