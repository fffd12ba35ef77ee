"""The demo as a user runs it: a process of its own on real Kafka and Postgres."""

import asyncio
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.people.documents import ROOT, is_shown, steps

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

_TIMEOUT_S = 400
README = ROOT / "README.md"


@pytest.fixture(scope="module")
def databases_before(services: "Services") -> set[str]:
    return demo_databases(services)


@pytest.fixture(scope="module")
def outcome(
    services: "Services", databases_before: set[str], tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess[str]:
    """One run for all tests of this module, in a terminal wide enough for its tables."""
    del databases_before  # read before the run
    addresses = {
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": services.kafka,
        "MARKETMAP_DATABASE_URL": services.postgres,
        "MARKETMAP_LOCAL_DIR": str(tmp_path_factory.mktemp("demo")),
    }
    return subprocess.run(
        [sys.executable, "-m", "worker.cli", "demo", "--events", "14"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env=os.environ | addresses | {"COLUMNS": "250"},
        timeout=_TIMEOUT_S,
    )


@pytest.fixture(scope="module")
def shown(outcome: subprocess.CompletedProcess[str]) -> str:
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


@pytest.mark.parametrize("book", ["betpawa", "sportybet", "bet9ja"])
def test_the_coverage_of_each_book_is_shown(shown: str, book: str) -> None:
    share = re.search(
        rf"^ *{book} +[█░]+ +([\d.]+)%(?: +\d+){{3}} *$", part(shown, "Coverage"), re.MULTILINE
    )
    assert share is not None
    assert float(share[1]) > 50


def test_the_misses_are_shown_with_the_most_frequent_first(shown: str) -> None:
    counts = [
        int(count)
        for count in re.findall(r"UNKNOWN\w* +(\d+) *$", part(shown, "Top misses"), re.MULTILINE)
    ]
    assert len(counts) > 1
    assert counts == sorted(counts, reverse=True)


def test_the_prices_of_three_books_are_shown_side_by_side_with_the_best_marked(shown: str) -> None:
    rows = re.findall(r"^ *1x2_ft +(home|draw|away) +(.+)$", shown, re.MULTILINE)
    assert [outcome for outcome, _ in rows] == ["home", "draw", "away"]
    for _, prices in rows:
        found = re.findall(r"(\d+\.\d\d)(\*?)", prices)
        assert len(found) == 3
        best = max(float(price) for price, _ in found)
        assert [float(price) for price, mark in found if mark] == [
            float(price) for price, _ in found if float(price) == best
        ]


def test_the_dead_letter_is_shown_with_reason_and_place(shown: str) -> None:
    assert re.search(
        r"^ *INVALID_JSON +sportybet/\d+/\d+ ", part(shown, "Dead letters (1)"), re.MULTILINE
    )


def test_an_editor_maps_a_miss_and_the_demo_says_why_this_one(shown: str) -> None:
    assert re.search(r"An editor maps bet9ja Z_OUA .*number \d+ of \d+ in the queue", shown)
    assert "Chosen because" in shown


def test_the_change_is_followed_from_the_audit_log_through_its_event_to_the_worker(
    shown: str,
) -> None:
    audited = re.search(
        r"^ *(\d+) .* demo \(login \w+\) +CREATE +missed \d+ times", shown, re.MULTILINE
    )
    assert audited is not None
    version = audited[1]
    assert f"The worker resolves with version {version}" in shown
    published = re.search(r"mappings\.changes.*version (\d+), by demo", shown)
    assert published is not None
    assert published[1] == version
    assert "In the queue, bet9ja Z_OUA is MAPPED." in shown


def test_the_next_scrape_resolves_what_the_first_one_missed(shown: str) -> None:
    rows = re.findall(
        r"^ *(before|after) +(\d+) of (\d+) +(\d+) of (\d+) +[\d.]+% *$",
        part(shown, "The next scrape of the same events"),
        re.MULTILINE,
    )
    (_, *before), (_, *after) = rows
    assert before[0] == "0"
    assert int(before[2]) > 0
    assert int(after[0]) > 0
    assert after[2] == "0"


def test_what_odds_suggest_for_a_missed_market_is_shown_with_its_evidence_and_accepted(
    shown: str,
) -> None:
    suggested = re.search(
        r"By its odds bet9ja S_DC1T is double_chance_1h, confidence ([\d.]+)\. It was missed (\d+) times",
        shown,
    )
    assert suggested is not None
    assert float(suggested[1]) > 0.9
    assert int(suggested[2]) > 14  # in two scrapes
    rows = re.findall(
        r"(12|1X|X2) +(home_away|home_draw|draw_away) +([\d.]+|-) +([\d.]+|-) +([\d.]+|-) *$",
        part(shown, "By its odds"),
        re.MULTILINE,
    )
    names = {"12": "home_away", "1X": "home_draw", "X2": "draw_away"}
    assert {label: outcome for label, outcome, *_ in rows} == names
    assert len(rows) > len(names)  # of several events; a price may be suspended
    assert re.search(r"The suggestion is accepted: double_chance_1h is at version \d+\.", shown)
    found = re.search(r"S_DC1T resolved (\d+) times and missed 0 times, in (\d+) observ", shown)
    assert found is not None
    assert 0 < int(found[1]) <= int(found[2])


def test_a_swapped_mapping_is_found_by_an_alarm_and_the_swap_is_undone(shown: str) -> None:
    alarms = part(shown, "Somebody swaps yes and no of btts_ft at sportybet")
    (row,) = re.findall(r"^\d+ +sportybet +btts_ft +(.+)$", alarms, re.MULTILINE)
    costs = re.match(r"([\d.]+) from the odds of (\d+) events, and ([\d.]+) with its labels", row)
    assert costs is not None
    assert float(costs[3]) < float(costs[1]) / 2
    assert int(costs[2]) >= 10
    assert re.search(r"Version \d+ is restored, as version \d+\. No scrape came in between", alarms)


def test_the_verdict_is_that_no_label_is_wrong_and_nothing_is_lost(shown: str) -> None:
    prices = re.search(r"(\d+) prices, 0 wrong labels; every count exact; nothing lost\.", shown)
    assert prices is not None
    assert int(prices[1]) > 1000


def test_the_readme_shows_what_the_demo_shows(shown: str) -> None:
    """But for figures and bars: the README's are of a larger scrape."""
    (step,) = [step for step in steps(README) if step.command == "make demo"]
    assert is_shown(without_figures(shown), without_figures(step.shown))


def test_its_database_is_dropped_afterwards(
    outcome: subprocess.CompletedProcess[str], services: "Services", databases_before: set[str]
) -> None:
    assert outcome.returncode == 0
    assert demo_databases(services) == databases_before


def part(shown: str, title: str) -> str:
    """What is below a title, up to the next blank line."""
    assert title in shown
    return shown.partition(title)[2].partition("\n\n")[0]


def without_figures(shown: str) -> str:
    """Every figure as 0, every bar as one block, every gap as one blank."""
    figures = re.sub(r"\d+(\.\d+(?!\.))?", "0", shown)
    bars = re.sub(r"[█░]+", "█", figures)
    return re.sub(r" +", " ", bars)


def demo_databases(services: "Services") -> set[str]:
    async def read() -> set[str]:
        connection = await asyncpg.connect(services.postgres)
        try:
            rows = await connection.fetch(
                "SELECT datname FROM pg_database WHERE starts_with(datname, 'demo_')"
            )
        finally:
            await connection.close()
        return {row["datname"] for row in rows}

    # In a thread of its own: the tests' event loops stay untouched.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, read()).result()
