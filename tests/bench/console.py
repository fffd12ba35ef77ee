"""How long each page of the console takes on a large database, and which plans its statements have.

    python -m tests.bench.console [--rounds 20] [--pages search] [--small] [--text]

A Postgres and two consoles are started on the same machine. The first console is timed: each round asks for
every page twice, one page after the other, so other load of the machine meets all pages alike. The first time
a decision was the last thing, so nothing is kept; the second time totals and orders of the queue are.

The second console is asked under ``auto_explain``: its plans say how many rows of which table a page has
read. The second time a page must not read 10,000 rows of one table, by whatever plan. The first time it may
read one of those from end to end of which the console keeps totals and orders for some seconds: missed
markets, mappings and suggestions. Else the command fails and names the statement (``--text`` prints it). It
also fails if the 95th percentile of a page is 200 ms or more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import asyncpg

from tests.bench.console_rows import LARGE, SMALL, Sizes, fill
from tests.support.services.console import ConsoleClient, running_console
from tests.support.services.installation import temporary_database
from worker.console.pages.events import FILTERS as EVENT_FILTERS
from worker.console.pages.queue import KINDS, ORDER_WORDS, PRESETS
from worker.domain.books.platforms import PLATFORMS
from worker.local.owned import owned_services
from worker.storage.changes.sets import STATES as CHANGE_STATES
from worker.storage.insight.alarms import STATUSES as ALARM_STATUSES
from worker.storage.migrate import upgrade
from worker.storage.misses import STATUSES

PAGES: Final = {
    "home": "/",
    "queue": "/queue",
    "queue, page 100": "/queue?place=5000",
    "queue, last page": "/queue?place=9950",
    **{f"queue, {one}": f"/queue?platform={one}" for one in PLATFORMS},
    **{f"queue, {one}": f"/queue?status={one}" for one in STATUSES},
    **{f"queue, kind {words}": f"/queue?why={one}" for one, words in KINDS.items()},
    **{
        f"queue, {ORDER_WORDS[one]}": f"/queue?order={one}"
        for one in ORDER_WORDS
        if one != "priority"
    },
    "queue, ignored and seen last": "/queue?status=IGNORED&order=last_seen",
    **{
        f"queue, preset {name}": f"/queue?{urlencode(one)}"
        for name, one in PRESETS.items()
        if name not in {"All open", "Unknown labels"}
    },
    "queue, of another": "/queue?owner=editor+7",
    "queue, of somebody without any": "/queue?owner=nobody+at+all",
    "queue, snoozed among the others": "/queue?snoozed=with",
    "queue, groups by labels": "/queue?group=labels",
    "queue, search": "/queue?q=group+42",
    "queue, search of one letter": "/queue?q=g",
    "queue, search without a match": "/queue?q=no+such+market",
    "queue, search and missed most": "/queue?q=group+42&order=occurrences",
    "queue, search and groups": "/queue?q=group+42&group=name",
    "queue, search and kind and bookmaker": (
        "/queue?q=group+42&why=NO_MATCHING_OUTCOMES&platform=bet9ja"
    ),
    "case": "/case?source=betpawa&market=unknown+21",
    "case, of a search": "/case?source=betpawa&market=unknown+42&q=group+42",
    "case, of a group": "/case?source=betpawa&market=unknown+21&group=name",
    "case, by the surest suggestion": "/case?source=betpawa&market=unknown+21&order=confidence",
    "case, mapped": "/case?source=betpawa&market=unknown+3",
    "case, next": "/case/next?place=40",
    "case, next of a search": "/case/next?q=group+42&place=3",
    "case, next of a bookmaker": "/case/next?platform=betpawa&place=4",
    "case, next of an order": "/case/next?order=occurrences&place=40",
    "editor, empty": "/edit",
    "editor, of a miss": "/edit?source=betpawa&market=unknown+21",
    "editor, of a miss into a mapping": "/edit?source=betpawa&market=unknown+21&into=market_77",
    "editor, of a mapping": "/edit?id=market_77",
    "editor, of a draft": "/edit?draft={draft}",
    "bulk": "/bulk",
    "bulk, one bookmaker": "/bulk?platform=bet9ja",
    "bulk, search": "/bulk?q=group+42",
    "bulk, search without a match": "/bulk?q=no+such+market",
    "mappings": "/mappings",
    "mappings, one bookmaker": "/mappings?platform=bet9ja",
    "mappings, active": "/mappings?state=active",
    "mappings, off": "/mappings?state=off",
    "mappings, holes": "/mappings?lacks=bet9ja&lacks=betpawa",
    "mappings, search": "/mappings?q=number+77",
    "mappings, search of one letter": "/mappings?q=m",
    "mappings, search without a match": "/mappings?q=no+such+mapping",
    "mappings, id of a bookmaker": "/mappings?q=s778",
    "mappings, label": "/mappings?label=over",
    "mappings, label without a match": "/mappings?label=no+such+label",
    "mapping": "/mapping?id=market_77",
    "mapping, two versions": "/mapping?id=market_77&from={older}&to={newer}",
    "review": "/review",
    "change set, proposed": "/change-set?id={waiting}",
    "change set, approved": "/change-set?id=500",
    "replays": "/replays",
    "history": "/history",
    "history, older": "/history?before=250000",
    "history, of a person": "/history?by=editor+7",
    "history, of a reviewer": "/history?by=approver+3",
    "history, of nobody": "/history?by=nobody+at+all",
    "history, of a mapping": "/history?mapping=market_77",
    "history, of no mapping": "/history?mapping=no_such_mapping",
    "history, search": "/history?q=number+4242",
    "history, search of a frequent text": "/history?q=odds",
    "history, search of three letters": "/history?q=not",
    "history, search without a match": "/history?q=no+such+reason",
    "history, search of a person": "/history?q=number+4242&by=editor+7",
    **{f"history, {one}": f"/history?state={one}" for one in CHANGE_STATES},
    "alarms": "/alarms",
    **{f"alarms, {one}": f"/alarms?status={one}" for one in ALARM_STATUSES},
    "alarms, one bookmaker": "/alarms?platform=sportybet",
    "alarms, search": "/alarms?q=market_7",
    "alarm": "/alarm?id=40",
    "events": "/events",
    "events, search": "/events?q=home+17",
    "events, search without a match": "/events?q=no+such+team",
    **{f"event, {one}": f"/event?id=event+7&show={one}" for one in EVENT_FILTERS},
    "event, search": "/event?id=event+7&q=number+7",
    "explain": "/explain",
}
# A table with this many rows is large, and a page that reads this many of one has read too many.
_MANY_ROWS: Final = 10_000
# The console keeps totals and orders of these for some seconds.
_KEPT: Final = frozenset({"unmapped_market_log", "user_market_mappings", "suggestion"})
_GOAL_MS: Final = 200
_NUMBERS: Final = """
SELECT
    (SELECT max(id) FROM change_set WHERE state = 'PROPOSED') AS waiting,
    (SELECT max(id) FROM change_draft) AS draft,
    (SELECT min(id) FROM mapping_audit_log WHERE canonical_id = 'market_77') AS older,
    (SELECT max(id) FROM mapping_audit_log WHERE canonical_id = 'market_77') AS newer
"""
_PLAN: Final = re.compile(r"^\S+ \S+ UTC \[\d+\] .*LOG:  duration: [\d.]+ ms  plan:$")
_EXPLAINED: Final = {
    "session_preload_libraries": "'auto_explain'",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "'json'",
    "auto_explain.log_nested_statements": "on",
}


class ReadRows(NamedTuple):
    """One part of a plan that reads a table: how, and how many rows of it."""

    table: str
    how: str
    rows: int
    statement: str


class Taken(NamedTuple):
    """Milliseconds of a page in each round: right after a decision, and once more."""

    first: list[float]
    again: list[float]


class PageReads(NamedTuple):
    """What a page reads of large tables, the most first: right after a decision, and once more."""

    first: Sequence[ReadRows]
    again: Sequence[ReadRows]


class Decisions:
    """A market that is taken and released in turn, so that a console keeps nothing."""

    def __init__(self, client: ConsoleClient) -> None:
        self._client = client
        self._token = client.get("/queue").token
        self._next = "take"

    def make(self) -> None:
        form = {"csrf": self._token, "market": "betpawa|unknown 21", "decision": self._next}
        answer = self._client.post("/queue/decide", form, Origin=self._client.address)
        if answer.status != 303:
            raise SystemExit(f"a decision was refused: {answer.status}: {answer.seen[:300]}")
        self._next = "reopen" if self._next == "take" else "take"


def ask_all(client: ConsoleClient, pages: Mapping[str, str], rounds: int) -> dict[str, Taken]:
    """Ask for each page in each round; one round before them is not counted."""
    taken = {name: Taken([], []) for name in pages}
    decisions = Decisions(client)
    for number in range(rounds + 1):
        for name, path in pages.items():
            decisions.make()
            for times in taken[name]:
                began = time.perf_counter()
                answer = client.get(path)
                if answer.status not in {200, 303}:
                    raise SystemExit(f"{path}: {answer.status}: {answer.seen[:300]}")
                if number:
                    times.append(1000 * (time.perf_counter() - began))
    return taken


def share(values: Sequence[float], wanted: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[math.ceil(wanted * len(values)) - 1]


def plans(log: str) -> Iterator[dict[str, Any]]:
    """Each plan in a part of the server's log. A continued line begins with a tab."""
    lines = iter(log.splitlines())
    line = next(lines, None)
    while line is not None:
        if not _PLAN.match(line):
            line = next(lines, None)
            continue
        body = []
        while (line := next(lines, None)) is not None and line.startswith("\t"):
            body.append(line[1:])
        yield json.loads("\n".join(body))


def reads(plan: Mapping[str, Any], statement: str) -> Iterator[ReadRows]:
    """Each part of a plan that reads a table, with the rows that it read and left out again."""
    if "Relation Name" in plan:
        loops = plan["Actual Loops"]
        dropped = plan.get("Rows Removed by Filter", 0) + plan.get(
            "Rows Removed by Index Recheck", 0
        )
        rows = round(loops * (plan["Actual Rows"] + dropped))
        yield ReadRows(plan["Relation Name"], plan["Node Type"], rows, statement)
    for part in plan.get("Plans", ()):
        yield from reads(part, statement)


def explained(
    client: ConsoleClient, pages: Mapping[str, str], log: Path, large: frozenset[str]
) -> dict[str, PageReads]:
    """Ask for each page twice; return what it read of large tables."""
    found = {}
    decisions = Decisions(client)
    for name, path in pages.items():
        decisions.make()
        found[name] = PageReads(*(_read_by(client, path, log, large) for _ in range(2)))
    return found


def _read_by(
    client: ConsoleClient, path: str, log: Path, large: frozenset[str]
) -> Sequence[ReadRows]:
    begin = log.stat().st_size
    client.get(path)
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace")
    read = [one for plan in plans(text) for one in reads(plan["Plan"], plan.get("Query Text", ""))]
    return sorted((one for one in read if one.table in large), key=lambda one: -one.rows)


async def prepare(url: str, sizes: Sizes) -> dict[str, int]:
    """Fill the database; return numbers that addresses of pages name."""
    await upgrade(url)
    await fill(url, sizes)
    connection = await asyncpg.connect(url)
    try:
        return dict(await connection.fetchrow(_NUMBERS))
    finally:
        await connection.close()


async def large_tables(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT relname, reltuples::bigint AS rows FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples >= $1"
            " ORDER BY reltuples DESC",
            float(_MANY_ROWS),
        )
    finally:
        await connection.close()
    return {row["relname"]: row["rows"] for row in rows}


async def explain_from_now_on(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        for setting, value in _EXPLAINED.items():
            await connection.execute(f"ALTER DATABASE {name} SET {setting} = {value}")
    finally:
        await connection.close()


async def measure(server: str, log: Path, arguments: argparse.Namespace) -> bool:
    """Print the times and the plans; return whether every page is quick and reads few rows."""
    async with temporary_database(server) as url:
        began = time.perf_counter()
        numbers = await prepare(url, SMALL if arguments.small else LARGE)
        tables = await large_tables(url)
        pages = {
            name: path.format(**numbers) for name, path in PAGES.items() if arguments.pages in name
        }
        print(", ".join(f"{rows:,} {name}" for name, rows in tables.items()))  # noqa: T201  # what it is for
        print(f"filled in {time.perf_counter() - began:.0f} s")  # noqa: T201  # as above
        with running_console(url, actor="ada") as run:
            taken = await asyncio.to_thread(ask_all, run.client(), pages, arguments.rounds)
        await explain_from_now_on(url)
        with running_console(url, actor="ada") as run:
            read = await asyncio.to_thread(explained, run.client(), pages, log, frozenset(tables))
    print_times(taken, read)
    are_quick = print_slow(taken)
    return print_faults(read, with_text=arguments.text) and are_quick


def print_times(taken: Mapping[str, Taken], read: Mapping[str, PageReads]) -> None:
    print(f"{'':<38} {'after a decision':>16} {'once more':>16}")  # noqa: T201  # as above
    columns = f"{'p50 ms':>8} {'p95 ms':>7}"
    print(f"{'page':<38} {columns} {columns}  reads most rows of")  # noqa: T201  # as above
    for name, times in taken.items():
        figures = " ".join(f"{share(one, 0.5):>8.0f} {share(one, 0.95):>7.0f}" for one in times)
        most = [f"{one.table}: {one.rows:,}" for each in read[name] for one in each[:1]]
        print(f"{name:<38} {figures}  {'; then '.join(dict.fromkeys(most))}")  # noqa: T201  # as above


def print_slow(taken: Mapping[str, Taken]) -> bool:
    """Name each page that is too slow; return whether there is none."""
    slow = {
        name: max(share(one, 0.95) for one in times)
        for name, times in taken.items()
        if max(share(one, 0.95) for one in times) >= _GOAL_MS
    }
    for name, milliseconds in slow.items():
        print(f"SLOW {name}: {milliseconds:.0f} ms")  # noqa: T201  # as above
    return not slow


def print_faults(read: Mapping[str, PageReads], *, with_text: bool) -> bool:
    """Name each page that reads too many rows of a large table; return whether there is none."""
    faults = [
        (name, one)
        for name, (first, again) in read.items()
        for one in [*(one for one in first if one.table not in _KEPT), *again]
        if one.rows >= _MANY_ROWS
    ]
    for name, one in faults:
        print(f"FAULT {name}: {one.rows:,} rows of {one.table} by {one.how}")  # noqa: T201  # as above
        if with_text:
            print(one.statement)  # noqa: T201  # as above
    return not faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--pages", default="", help="Only those with this text in their name.")
    parser.add_argument("--small", action="store_true", help="A twentieth of the rows.")
    parser.add_argument("--text", action="store_true", help="Print the statements of faults.")
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")  # noqa: T201  # as above
    with owned_services(["postgres"]) as services:
        log = services.postgres_service.log
        is_good = asyncio.run(measure(services.postgres, log, arguments))
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
