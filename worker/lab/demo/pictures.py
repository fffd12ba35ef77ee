"""The output of a demo run: tables that a person understands at a glance."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas import DeadLetter, MappingChanged
from worker.cli.tables import print_page
from worker.domain.books.rows import abbreviate
from worker.kafka.record import RawRecord
from worker.lab.demo.console import KeptConsole
from worker.lab.demo.mapping import MARKET, WHY, Mapped
from worker.lab.demo.odds import LEFT_OUT, SWAPPED, Alarmed, SuggestedMarket
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.oracle import Discrepancy, wrong_labels
from worker.operations.evidence.tables import alarms_list
from worker.operations.mappings.editing import AppliedChange
from worker.operations.mappings.tables import history_list
from worker.settings.settings import Settings
from worker.storage.misses import QueuedMiss

ResolvedJson = dict[str, Any]
PricesByBook = dict[tuple[str, str | None, str], dict[str, float]]

BOOKS: Final = ("betpawa", "sportybet", "bet9ja")
_BAR: Final = 24
_TOP: Final = 8
_EXAMPLES: Final = 3
_AFTER_ALL: Final = (
    (
        "marketmap demo --keep",
        "run the demo again and leave everything running, for `marketmap run insight` to suggest mappings",
    ),
    ("marketmap resolve FILE", "resolve your own observations; needs no broker"),
    ("marketmap validate FILE", "check a payload, field by field"),
)
_AFTER_KEEPING: Final = (
    ("marketmap run worker", "continue resolving"),
    (
        "marketmap run insight",
        "have suggestions and alarms from the odds, for `suggestions list` and `alarms list`",
    ),
    ("marketmap unmapped list", "see what to map next"),
    ("marketmap services down", "stop Kafka and Postgres"),
)
# What a person would look at first, where all three books sell it.
_SHOWN_MARKETS: Final = (
    ("1x2_ft", None),
    ("double_chance_ft", None),
    ("over_under_ft", "1.5"),
    ("over_under_ft", "2.5"),
    ("btts_ft", None),
    ("handicap_3way_ft", "-1"),
)


class DemoMiss(NamedTuple):
    source: str
    external_market_id: str
    market_name: str | None
    reason: str | None
    occurrences: int


class Dead(NamedTuple):
    """A dead letter: its headers, and the head of what could not be read."""

    letter: DeadLetter
    value: bytes


def miss_of(queued: QueuedMiss) -> DemoMiss:
    return DemoMiss(*queued.key, queued.market_name, queued.reason, queued.occurrence_count)


def dead_of(record: RawRecord) -> Dead:
    return Dead(DeadLetter.from_headers(record.headers), (record.value or b"")[:60])


def show(
    events: Sequence[ResolvedJson],
    misses: Sequence[DemoMiss],
    dead: Sequence[Dead],
    *,
    seconds: float,
    to: Console,
) -> None:
    markets = sum(
        len(event["markets"]) + len(event["misses"]) + len(event["rejected"]) for event in events
    )
    to.print()
    to.print(
        f"[bold]{len(events)} observations, {markets} markets in {seconds:.1f} s[/] (start included)"
    )
    for picture in (coverage(events), top_misses(misses), side_by_side(events), dead_letters(dead)):
        to.print()
        to.print(picture)


def coverage(events: Iterable[ResolvedJson]) -> Table:
    """The share of each book's markets that became canonical ones."""
    counted: dict[str, Counter[str]] = {book: Counter() for book in BOOKS}
    for event in events:
        counted[event["platform"]].update(
            {part: len(event[part]) for part in ("markets", "misses", "rejected")}
        )
    table = Table(title="Coverage", title_justify="left", box=None)
    for heading in ("book", "", "coverage", "resolved", "missed", "rejected"):
        table.add_column(heading, justify="left" if heading in {"book", ""} else "right")
    for book, counts in counted.items():
        share = counts["markets"] / max(1, counts.total())
        figures = (str(counts[part]) for part in ("markets", "misses", "rejected"))
        table.add_row(book, _bar(share), f"{share:.1%}", *figures)
    return table


def _bar(share: float) -> Text:
    full = round(share * _BAR)
    return Text("█" * full, style="green") + Text("░" * (_BAR - full), style="dim")


def top_misses(misses: Sequence[DemoMiss]) -> Table:
    """What an editor would map first: one occurrence is one observation that had the market."""
    total = sum(miss.occurrences for miss in misses)
    title = f"Top misses ({len(misses)} markets, {total} occurrences)"
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("platform", "market", "name", "why", "count"):
        table.add_column(heading, justify="right" if heading == "count" else "left", no_wrap=True)
    for miss in misses[:_TOP]:
        name = miss.market_name or ""
        table.add_row(
            miss.source,
            miss.external_market_id,
            name[:40],
            miss.reason or "",
            str(miss.occurrences),
        )
    return table


def side_by_side(events: Iterable[ResolvedJson]) -> Table:
    """The match with the most markets that all three books sell; the best price of each outcome is marked."""
    matches: dict[str, list[ResolvedJson]] = {}
    for event in events:
        matches.setdefault(event["event"]["sportradar_id"] or "", []).append(event)
    everywhere = [
        match
        for key, match in matches.items()
        if key and len({e["platform"] for e in match}) == len(BOOKS)
    ]
    if not everywhere:
        return Table(title="No match is on all three books", title_justify="left", box=None)
    match = max(
        everywhere, key=lambda events: sum(len(p) == len(BOOKS) for p in _prices(events).values())
    )
    teams = match[0]["event"]
    table = Table("market", "line", "outcome", title_justify="left", box=None)
    table.title = f"{teams['home']} - {teams['away']}, three bookmakers (best price marked *)"
    for book in BOOKS:
        table.add_column(book, justify="right")
    for (market, line, outcome), odds in _prices(match).items():
        if (market, line) in _SHOWN_MARKETS:
            table.add_row(market, line or "", outcome, *(_price(odds, book) for book in BOOKS))
    return table


def _prices(match: Iterable[ResolvedJson]) -> PricesByBook:
    prices: PricesByBook = {}
    for event in match:
        for market in event["markets"]:
            for price in market["outcomes"]:
                if price["active"]:
                    place = (market["canonical_id"], market["line"], price["outcome"])
                    prices.setdefault(place, {})[event["platform"]] = price["odds"]
    return prices


def _price(odds: dict[str, float], book: str) -> Text:
    if book not in odds:
        return Text("-", style="dim")
    best = odds[book] == max(odds.values()) and len(odds) > 1
    return Text(f"{odds[book]:.2f}{'*' if best else ' '}", style="bold green" if best else "")


def dead_letters(dead: Sequence[Dead]) -> Table:
    title = f"Dead letters ({len(dead)})"
    table = Table(
        "reason", "where", "detail", "first bytes", title=title, title_justify="left", box=None
    )
    for letter, value in dead[:_TOP]:
        where = f"{letter.topic.rpartition('.')[2]}/{letter.partition}/{letter.offset}"
        table.add_row(letter.reason, where, (letter.detail or "")[:40], repr(value)[2:30])
    return table


def mapped(done: Mapped, published: MappingChanged, loaded: dict[str, Any], *, to: Console) -> None:
    """One change of a mapping on its way: audit row, change event, the worker's index."""
    source, market_id = done.miss.key
    to.print()
    to.print(
        f"[bold]An editor maps {source} {market_id}[/] ({done.miss.market_name or 'no name'}), "
        f"number {done.place} of {done.queue} in the queue."
    )
    to.print(f"Chosen because {WHY}. The audit log:")
    print_page(history_list(done.history, title=done.change.canonical_id), to=to)
    to.print(
        f"On mappings.changes: {published.action} {published.canonical_id}, version "
        f"{published.mapping_version}, by {published.created_by}."
    )
    for book, missed_id in done.change.covered:
        to.print(f"In the queue, {book} {missed_id} is MAPPED.")
    delay_s = loaded.get("delay_s")
    took = "" if delay_s is None else f", {delay_s * 1000:.0f} ms after the change"
    to.print(f"The worker resolves with version {loaded['version']}{took}.")


def no_second_act(*, to: Console) -> None:
    market = " ".join(MARKET)
    to.print()
    to.print(
        f"[bold red]No second act: {market}, the market to map, is not in the queue of misses.[/]"
    )


def second_scrape(
    done: Mapped, after: Sequence[ResolvedJson], before: Sequence[ResolvedJson], *, to: Console
) -> None:
    """The next scrape of the same events, held against the first one."""
    source, market_id = done.miss.key
    table = Table(title="The next scrape of the same events", title_justify="left", box=None)
    for heading in ("scrape", f"{market_id} resolved", "missed", f"{source} resolved"):
        table.add_column(heading, justify="left" if heading == "scrape" else "right")
    for name, events in (("before", before), ("after", after)):
        own = [event for event in events if event["platform"] == source]
        markets, misses = (_holding(own, part, market_id) for part in ("markets", "misses"))
        table.add_row(
            name, f"{markets} of {len(own)}", f"{misses} of {len(own)}", f"{_share(own):.1%}"
        )
    to.print()
    to.print(table)


def no_third_act(why: str, *, to: Console) -> None:
    to.print()
    to.print(f"No third act: {why}.", markup=False)


def nothing_suggested(*, to: Console) -> None:
    to.print()
    to.print(f"[bold red]No suggestion: the odds do not say what {' '.join(LEFT_OUT)} is.[/]")


def suggested(
    found: SuggestedMarket, change: AppliedChange, misses: Iterable[DemoMiss], *, to: Console
) -> None:
    """What a missed market is by its odds, the evidence for it, and that it was accepted."""
    source, market_id = LEFT_OUT
    one = found.suggestion
    count = sum(m.occurrences for m in misses if (m.source, m.external_market_id) == LEFT_OUT)
    to.print()
    to.print(
        f"[bold]By its odds {source} {market_id} is {one.canonical_id}[/], confidence "
        f"{one.confidence:.2f}. It was missed {count} times: its id was taken out of the catalogue "
        "before the first scrape."
    )
    to.print(evidence(found))
    to.print(f"The evidence, distances in logits: {one.reason}.", markup=False)
    to.print(f"The suggestion is accepted: {one.canonical_id} is at version {change.version}.")


def evidence(found: SuggestedMarket) -> Table:
    """The prices of the missed market on some events, each next to those that others ask for the bet."""
    one = found.suggestion
    outcomes = one.outcomes if isinstance(one.outcomes, dict) else {}
    others = [book for book in BOOKS if book != one.source]
    table = Table("event", "label", "outcome", box=None)
    for book in (one.source, *others):
        table.add_column(book, justify="right")
    for sample in found.samples[:_EXAMPLES]:
        asked = {
            (price["platform"], price["outcome"]): price["odds"]
            for price in sample.others
            if price["canonical_id"] == one.canonical_id
        }
        teams = f"{sample.home} - {sample.away}"
        for price in sample.prices:
            outcome = outcomes.get(price["label"])
            prices = (price["odds"], *(asked.get((book, outcome)) for book in others))
            table.add_row(
                Text(teams), Text(price["label"]), outcome or "", *map(_odds_or_dash, prices)
            )
            teams = ""
    return table


def _odds_or_dash(odds: float | None) -> str:
    return "-" if odds is None else f"{odds:.2f}"


def third_scrape(events: Iterable[ResolvedJson], *, to: Console) -> None:
    source, market_id = LEFT_OUT
    own = [event for event in events if event["platform"] == source]
    markets, misses = (_holding(own, part, market_id) for part in ("markets", "misses"))
    to.print(
        f"The next scrape has {market_id} resolved {markets} times and missed {misses} times, "
        f"in {len(own)} observations."
    )


def alarmed(found: Alarmed | None, *, to: Console) -> None:
    """A swapped mapping, the alarm that names it, and that the swap was undone."""
    canonical_id, platform = SWAPPED
    to.print()
    if found is None:
        to.print(
            f"[bold red]Yes and no of {canonical_id} at {platform} were swapped, and no alarm came.[/] "
            "The swap is undone."
        )
        return
    to.print(
        f"[bold]Somebody swaps yes and no of {canonical_id} at {platform}[/], version "
        f"{found.swap.version}. {found.seconds:.0f} s later the odds have raised the alarm:"
    )
    print_page(alarms_list(found.alarms), to=to)
    to.print(
        f"Version {found.swap.version_before} is restored, as version {found.undone.version}. "
        "No scrape came in between, so no price was published with swapped labels."
    )


def _holding(events: Iterable[ResolvedJson], part: str, market_id: str) -> int:
    return sum(
        any(one["external_market_id"] == market_id for one in event[part]) for event in events
    )


def _share(events: Iterable[ResolvedJson]) -> float:
    """The share of the markets that resolved."""
    counts = Counter[str]()
    for event in events:
        counts.update({part: len(event[part]) for part in ("markets", "misses", "rejected")})
    return counts["markets"] / max(1, counts.total())


def verdict(truth: Sequence[Generated], differences: Sequence[Discrepancy], *, to: Console) -> None:
    """Whether everything is as the generator knows it to be."""
    prices = sum(len(market.outcomes) for seen in truth for market in seen.expected.markets)
    prices += sum(len(market.outcomes) for seen in truth for market in seen.expected.players)
    wrong = wrong_labels(differences)
    to.print()
    if not differences:
        to.print(
            f"[bold green]Checked against the generator's own answers: {prices} prices, 0 wrong labels; "
            "every count exact; nothing lost.[/]"
        )
        return
    to.print(f"[bold red]{len(wrong)} wrong labels, {len(differences)} differences in all:[/]")
    for difference in differences[:_TOP]:
        to.print(
            f"  {difference.kind} {difference.where}: {abbreviate(difference.expected)}, "
            f"got {abbreviate(difference.got)}"
        )


def what_next(kept: Settings | None, *, to: Console) -> None:
    """Print what to type next; it works in the shell that the demo was started from."""
    to.print()
    exports = dict(_path_export())
    if kept is not None:
        to.print("Kafka and Postgres are left running, with the demo's data; no worker is.")
        for name in ("database_url", "topic_prefix", "group_id"):
            exports[f"MARKETMAP_{name.upper()}"] = shlex.quote(str(getattr(kept, name)))
    if exports:
        to.print("First paste this into your shell:")
    for name, value in exports.items():
        to.print(f"  export {name}={value}", soft_wrap=True, markup=False)
    to.print("Try next:")
    for command, what in _AFTER_KEEPING if kept else _AFTER_ALL:
        to.print(f"  {command:<31} {what}", soft_wrap=True, markup=False)


def left_to_decide(markets: int, whose: str, *, all_suggested: bool, to: Console) -> None:
    """Print that some markets are missed on purpose."""
    say = (
        "Their odds suggest what they are."
        if all_suggested
        else "Not all of them have a suggestion yet."
    )
    to.print(f"{markets} more markets{whose} are missed now, for you to decide about. {say}")


def console(kept: KeptConsole | None, reviewing: KeptConsole | None, *, to: Console) -> None:
    """Print where to decide about what was missed, and where a second person reviews what is proposed."""
    to.print()
    if kept is None:
        to.print(
            "To decide about what was missed in a browser: marketmap run console", markup=False
        )
        return
    to.print("Decide about what was missed in a browser; you are signed in:")
    to.print(f"  {kept.address}", soft_wrap=True, markup=False)
    if reviewing is None:
        to.print(f"It is left running, until: kill {kept.pid}", markup=False)
        return
    to.print("What you propose there, a second person reviews, who is signed in here:")
    to.print(f"  {reviewing.address}", soft_wrap=True, markup=False)
    to.print(f"Both are left running, until: kill {kept.pid} {reviewing.pid}", markup=False)


def _path_export() -> Iterator[tuple[str, str]]:
    """What brings `marketmap` onto PATH; nothing when the command there is the one that runs now."""
    folder = Path(sys.executable).parent
    found = shutil.which("marketmap")
    if found is None or Path(found).parent != folder:
        yield "PATH", f'{shlex.quote(str(folder))}:"$PATH"'
