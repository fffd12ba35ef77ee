"""The dashboard of deploy/grafana over some minutes of a real run, as docs/pictures/dashboard.svg.

    python -m tests.bench.dashboard --minutes 6

Two workers, a relay, an insight process and a console on a Kafka and a Postgres of their own, watched by a
real Prometheus (the command `prometheus`; Debian has a package of that name). Scrapes come in waves, mappings
are edited, a person decides in the console, some records cannot be read, a table is locked for a while, and a
third worker comes and goes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson
import yaml

from tests.bench.dashboard_picture import Range, drawn
from tests.support.editing.edits import insert
from tests.support.services.console import ConsoleClient, running_console
from tests.support.services.insights import start_insight
from tests.support.services.installation import (
    DEFAULT_NAMES,
    Installation,
    Published,
    fill,
    installed,
    temporary_database,
)
from tests.support.services.relays import start_relay
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.owned import owned_services
from worker.local.ports import accepts, pick_free

ROOT: Final = Path(__file__).parents[2]
DASHBOARD: Final = ROOT / "deploy" / "grafana" / "dashboard.json"
PICTURE: Final = ROOT / "docs" / "pictures" / "dashboard.svg"
_SCRAPED_EVERY_S: Final = 5
_RATE_INTERVAL: Final = f"{4 * _SCRAPED_EVERY_S}s"  # Grafana takes four scrapes
_WAVE_S: Final = 10
_EDIT_S: Final = 20
_EVENTS: Final = 10
_LOCKED_S: Final = 20
_LOOK_S: Final = 3
END_THE_WAITING: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def watch(installation: Installation, url: str, minutes: float, picture: Path) -> None:
    relay = start_relay(installation)
    insight = start_insight(installation, MARKETMAP_INSIGHT_CPU_SHARE="0.2")
    ports = pick_free(1)
    try:
        with running_console(url, actor="ada", http_port=str(ports[0])) as console:
            targets = {
                "relay": (await relay.logged("listening"))["address"],
                "insight": (await insight.logged("listening"))["address"],
                "console": f"http://127.0.0.1:{ports[0]}",
            }
            svg = await seen_of(targets, console.client(), installation, url, minutes)
    finally:
        relay.kill()
        insight.kill()
    await asyncio.to_thread(picture.write_text, svg, encoding="utf-8")


async def seen_of(
    others: Mapping[str, str],
    console: ConsoleClient,
    installation: Installation,
    url: str,
    minutes: float,
) -> str:
    for number in (0, 1):
        installation.start_worker()
        await installation.ready(number)
    ports = pick_free(2)
    targets = {
        f"worker-{n + 1}": (await installation.logged("listening", n))["address"] for n in (0, 1)
    }
    targets |= others
    targets["worker-3"] = f"http://127.0.0.1:{ports[1]}"
    with prometheus(targets, installation.folder, ports[0]) as address:
        begun = time.time()
        await run(installation, console, url, minutes, ports[1])
        over = Range(begun, time.time(), _SCRAPED_EVERY_S)
        dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
        return await asyncio.to_thread(drawn, dashboard, partial(ask, address, over), over)


async def run(
    installation: Installation, console: ConsoleClient, url: str, minutes: float, third_port: int
) -> None:
    """What happens in the time, each by itself."""
    seconds = minutes * 60
    await asyncio.gather(
        waves(installation, round(seconds / _WAVE_S)),
        edits(url, round(seconds / _EDIT_S)),
        decisions(console, round(seconds / _LOOK_S)),
        visit(installation, seconds / 3, third_port),
        lock(url, seconds * 3 / 4),
    )


async def waves(installation: Installation, times: int) -> None:
    started_at = datetime.now(UTC)
    for number in range(times):
        await asyncio.gather(
            installation.publish([*wave(number, started_at), *unreadable(number)]),
            asyncio.sleep(_WAVE_S),
        )


def wave(number: int, started_at: datetime) -> list[Published]:
    generated = generate_scrape(
        seed=1,
        events=_EVENTS,
        scrape=number,
        started_at=started_at,
        interval_s=_WAVE_S,
        size="slim",
    )
    return [
        (f"observations.{seen.platform}", seen.key.encode(), orjson.dumps(seen.observation), [])
        for seen in generated
    ]


def unreadable(number: int) -> list[Published]:
    """One record a wave, of one book and then the next, broken off in the middle."""
    book = ("betpawa", "sportybet", "bet9ja")[number % 3]
    return [(f"observations.{book}", b"1", b'{"platform": "', [])]


async def edits(url: str, times: int) -> None:
    for number in range(times):
        await asyncio.sleep(_EDIT_S)
        await insert(url, f"edited_{number}", f"edited {number}")


async def decisions(console: ConsoleClient, times: int) -> None:
    """Somebody looks at the queue, opens a case, and takes each third market; now and then one is gone."""
    for number in range(times):
        await asyncio.sleep(_LOOK_S)
        await asyncio.to_thread(look, console, number)


def look(console: ConsoleClient, number: int) -> None:
    page = console.get("/queue")
    markets = re.findall(r'name="market" value="([^"]+)"', page.text)
    if number % 5 == 0 or not markets:
        console.get("/case?source=betpawa&market=none")
        return
    market = unescape(markets[number % len(markets)])
    source, _, market_id = market.partition("|")
    console.get(f"/case?{urllib.parse.urlencode({'source': source, 'market': market_id})}")
    if number % 3 == 0:
        form = {"csrf": page.token, "market": market, "decision": "take"}
        console.post("/queue/decide", form, Origin=console.address)


async def visit(installation: Installation, third_s: float, port: int) -> None:
    """A third worker, for the middle third of the time."""
    await asyncio.sleep(third_s)
    installation.start_worker(MARKETMAP_HTTP_PORT=str(port))
    await asyncio.sleep(third_s)
    await installation.stop_worker(2)


async def lock(url: str, after_s: float) -> None:
    """Somebody locks the table of the misses, and ends whoever waits for it."""
    await asyncio.sleep(after_s)
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("LOCK TABLE unmapped_market_log")
        for _ in range(_LOCKED_S):
            await connection.execute(END_THE_WAITING)
            await asyncio.sleep(1)
    await connection.close()


@contextmanager
def prometheus(targets: Mapping[str, str], folder: Path, port: int) -> Iterator[str]:
    """The address of a Prometheus that scrapes the targets, named as their instances."""
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("there is no prometheus on this machine (Debian's package of that name)")
    configuration = folder / "prometheus.yaml"
    configuration.write_text(yaml.safe_dump(_configuration(targets)), encoding="utf-8")
    own = [f"--storage.tsdb.path={folder / 'prometheus'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        command = [program, f"--config.file={configuration}", *own]
        with subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                while not accepts(port):
                    time.sleep(0.1)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def _configuration(targets: Mapping[str, str]) -> dict[str, Any]:
    static = [
        {"targets": [address.removeprefix("http://")], "labels": {"instance": name}}
        for name, address in targets.items()
    ]
    scraped = {
        "job_name": "marketmap",
        "scrape_interval": f"{_SCRAPED_EVERY_S}s",
        "static_configs": static,
    }
    return {"scrape_configs": [scraped]}


def ask(address: str, over: Range, expression: str) -> Sequence[Mapping[str, Any]]:
    """Prometheus's answer to a query of the dashboard over the range."""
    asked = {
        "query": expression.replace("$__rate_interval", _RATE_INTERVAL),
        "start": over.start,
        "end": over.end,
        "step": over.step,
    }
    url = f"{address}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310  our own Prometheus
        result: Sequence[Mapping[str, Any]] = json.load(response)["data"]["result"]
    return result


async def measure(kafka: str, postgres: str, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with temporary_database(postgres) as url:
            await fill(url)
            async with installed(kafka, url, Path(folder), **DEFAULT_NAMES) as installation:
                await watch(installation, url, arguments.minutes, arguments.picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with owned_services() as services:
        asyncio.run(measure(services.kafka, services.postgres, arguments))


if __name__ == "__main__":
    main()
