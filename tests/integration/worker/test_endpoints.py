"""What the worker's HTTP endpoints say, against what was sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import aiohttp
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.markets import observation, sportybet
from tests.support.people.browser import MISSING, Rendered, rendered
from tests.support.services.installation import Installation, Published, until
from tests.support.services.relays import start_relay
from worker.runtime.telemetry.metric_list import METRICS
from worker.storage.access.relay_sessions import count_relays
from worker.storage.engine import opened, transaction

pytestmark = pytest.mark.services

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

MISSED = "900001"
SCRIPT = "<script>document.title = 'stolen'</script>"
MARKETS = [
    sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"}),
    sportybet("18", "total=2.5", prices={"Over 2.5": "1.9", "Under 2.5": "1.9"}),
    sportybet(MISSED, name=SCRIPT, prices={"Yes": "2"}),
    sportybet("29", prices={"Yes": "nonsense", "No": "2"}),
]
GOOD = observation("sportybet", MARKETS)
FRAMED = b"\x00\x00\x00\x00\x0a" + GOOD  # as with a schema registry
RECORDS: list[Published] = [
    *[
        ("observations.sportybet", b"%d" % number, GOOD if number % 2 else FRAMED, [])
        for number in range(8)
    ],
    ("observations.bet9ja", b"k", b"no json", []),
    ("observations.betpawa", b"k", None, []),
]


@dataclass
class Seen:
    alive_at_first: tuple[int, str]
    started: list[tuple[int, str]]
    reasons_without_topics: list[str]
    samples: Samples
    mappings: int
    page_at_first: str
    page: str
    in_browser: Rendered | None


async def scenario(installation: Installation) -> Seen:
    """Starts with the topics missing, so that the worker cannot be ready at once."""
    installation.start_worker()
    alive = await installation.ask("/livez")
    await installation.logged("topics_not_found")
    _, page_at_first = await installation.ask("/status")
    reasons = await installation.reasons()
    started = [await installation.ask("/startupz")]
    await installation.make_topics()
    await installation.ready()
    started.append(await installation.ask("/startupz"))
    await installation.publish(RECORDS)
    await installation.caught_up()
    status, text = await installation.ask("/metrics")
    assert status == 200
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    page = await newest_page(installation)
    in_browser = await rendered((await installation.logged("listening"))["address"] + "/status")
    (count,) = await installation.query("SELECT count(*) FROM user_market_mappings WHERE is_active")
    assert await installation.stop_worker() == 0
    return Seen(alive, started, reasons, samples, count[0], page_at_first, page, in_browser)


async def newest_page(installation: Installation) -> str:
    """The status page once it has what was missed: it is kept for a moment, or lacks the database."""
    pages: list[str] = []

    async def has_what_was_missed() -> bool:
        status, page = await installation.ask("/status")
        assert status == 200
        pages.append(page)
        return MISSED in page

    await until(has_what_was_missed)
    return pages[-1]


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, topics=False)
    return outcome


def value(seen: Seen, name: str, **labels: str) -> float:
    return seen.samples[name, frozenset(labels.items())]


def of_every_partition(seen: Seen, name: str) -> list[float]:
    return [number for (metric, _), number in seen.samples.items() if metric == name]


def test_the_worker_is_alive_before_it_is_ready(seen: Seen) -> None:
    status, body = seen.alive_at_first
    assert (status, orjson.loads(body)) == (200, {"alive": True, "reasons": []})


def test_it_has_started_once_its_partitions_were_opened(seen: Seen) -> None:
    (before, told), (after, _) = seen.started
    assert (before, after) == (503, 200)
    assert "observations.betpawa" in told


async def test_a_relay_is_alive_and_started_once_it_leads(installation: Installation) -> None:
    relay = start_relay(installation)
    address = (await relay.logged("listening"))["address"]
    await relay.logged("relay_leads")
    statuses = {}
    async with aiohttp.ClientSession() as session:
        for path in ("/startupz", "/livez", "/readyz"):
            async with session.get(address + path) as answer:
                statuses[path] = answer.status
    async with (
        opened(installation.settings.database_url, pool_size=1) as engine,
        transaction(engine) as connection,
    ):
        shown = await count_relays(connection)
    assert await relay.stop() == 0
    assert (shown.connected, shown.leading, shown.host) == (1, 1, "127.0.0.1")
    assert shown.since is not None
    assert statuses == {"/startupz": 200, "/livez": 200, "/readyz": 200}


def test_it_is_not_ready_while_topics_are_missing_and_names_them(seen: Seen) -> None:
    told = " ".join(seen.reasons_without_topics)
    for topic in (
        "observations.betpawa",
        "observations.bet9ja",
        "odds.resolved",
        "unmapped.markets",
    ):
        assert topic in told


def test_every_metric_is_shown(seen: Seen) -> None:
    # Nothing was in its way: these have nothing to count.
    silent = {
        "marketmap_storage_retries_total",
        "marketmap_offset_gap_records_total",
        "marketmap_stopped_partition_info",
    }
    shown = {name.removesuffix("_count") for name, _ in seen.samples}
    assert set(METRICS) - silent <= shown


def test_records_and_bytes_are_those_that_were_sent(seen: Seen) -> None:
    assert value(seen, "marketmap_records_total") == len(RECORDS)
    assert value(seen, "marketmap_bytes_total") == sum(
        len(body or b"") for _, _, body, _ in RECORDS
    )


def test_markets_are_counted_by_platform_outcome_and_reason(seen: Seen) -> None:
    reasons = {"resolved": "", "missed": "UNKNOWN_MARKET", "rejected": "INVALID_ODDS"}
    counted = {
        outcome: value(
            seen, "marketmap_markets_total", platform="sportybet", outcome=outcome, reason=reason
        )
        for outcome, reason in reasons.items()
    }
    assert counted == {"resolved": 16, "missed": 8, "rejected": 8}
    assert value(seen, "marketmap_observations_total", platform="sportybet") == 8


def test_dead_letters_are_counted_by_reason(seen: Seen) -> None:
    assert value(seen, "marketmap_dead_letters_total", reason="INVALID_JSON") == 1
    assert value(seen, "marketmap_dead_letters_total", reason="TOMBSTONE") == 1


@pytest.mark.parametrize("step", ["plan", "publish", "count", "commit"])
def test_every_step_of_a_batch_is_timed(seen: Seen, step: str) -> None:
    assert value(seen, "marketmap_batch_seconds_count", step=step) >= 1
    assert value(seen, "marketmap_batch_seconds_sum", step=step) > 0


def test_there_is_no_lag_when_all_is_done(seen: Seen) -> None:
    assert of_every_partition(seen, "marketmap_lag_records") == [0] * 9
    assert of_every_partition(seen, "marketmap_lag_seconds") == [0] * 9


def test_the_watermarks_stand_where_the_records_end(seen: Seen) -> None:
    assert sum(of_every_partition(seen, "marketmap_watermark_offset")) == len(RECORDS)


def test_the_index_in_use_is_the_one_of_the_table(seen: Seen) -> None:
    assert value(seen, "marketmap_index_mappings") == seen.mappings


def test_the_partitions_were_opened_once(seen: Seen) -> None:
    assert value(seen, "marketmap_rebalances_total", kind="assigned") == 1
    assert value(seen, "marketmap_rebalances_total", kind="opened") == 1


def test_before_it_has_started_the_status_page_says_what_is_missing(seen: Seen) -> None:
    assert "Not ready" in seen.page_at_first
    assert "observations.betpawa" in seen.page_at_first


def test_the_status_page_has_what_was_resolved_missed_and_refused(seen: Seen) -> None:
    for told in (
        "Ready",
        "50.0 %",
        "INVALID_JSON",
        MISSED,
        f"with {seen.mappings} mappings",
        "observations.bet9ja",
    ):
        assert told in seen.page
    assert seen.page.count(">CREATE</td>") == 10, "the newest changes are those of the import"


def test_the_status_page_shows_the_whole_group(seen: Seen) -> None:
    assert "Stable, 1 member." in seen.page
    assert "127.0.0.1" in seen.page
    # What the worker said of itself when it joined, as the broker keeps it.
    assert f'data-l="version">{version("market-mapping-worker")}<' in seen.page
    assert "not known" not in seen.page
    assert re.search(r"observations\.bet9ja \d+(?:-\d+)?[;<]", seen.page)
    assert "No relay publishes changes of mappings" in seen.page


def test_what_a_sender_wrote_is_shown_on_the_status_page_and_does_nothing(seen: Seen) -> None:
    assert "&lt;script&gt;" in seen.page
    assert "<script" not in seen.page


def test_a_browser_shows_the_status_page_and_has_nothing_to_object(seen: Seen) -> None:
    if seen.in_browser is None:
        pytest.skip(MISSING)
    assert "<title>stolen" not in seen.in_browser.document
    assert "CONSOLE" not in seen.in_browser.log


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("Books", "50.0 %</td>"),
        ("Books", "records/s"),
        ("Group", "127.0.0.1</td>"),
        ("Group", "observations.sportybet</th>"),
        ("Lag of this worker", "observations.sportybet</th>"),
        ("Top misses", f"{MISSED}</th>"),
        ("Dead letters", "INVALID_JSON</th>"),
        ("Mappings", "Version "),
        ("Recent changes", "CREATE</td>"),
    ],
)
def test_a_browser_shows_it_all_under_its_heading(seen: Seen, heading: str, told: str) -> None:
    if seen.in_browser is None:
        pytest.skip(MISSING)
    sections = dict(part.split("</h2>") for part in seen.in_browser.document.split("<h2>")[1:])
    assert told in sections[heading]
