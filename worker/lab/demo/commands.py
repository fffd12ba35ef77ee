"""`marketmap demo`: the main job once, on real Kafka and Postgres, over a generated scrape."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
import typer
from aiokafka import AIOKafkaProducer

from worker.cli.cluster import run_on_kafka
from worker.cli.connection import connected_settings
from worker.cli.console import err, fail, out
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import client_connection
from worker.kafka.producer import COMPRESSION
from worker.kafka.topic_specs import ensure_topics, largest_output
from worker.lab.demo import mapping as demo_mapping
from worker.lab.demo import pictures
from worker.lab.demo.mapping import Mapped
from worker.lab.demo.verdict import DEFAULT_EVENTS, Seen, exit_code, judge
from worker.lab.demo.worker import DemoWorker, progress, running_worker
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.addresses import default_folder
from worker.local.errors import LocalServicesError
from worker.local.services import LocalServices
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import opened
from worker.storage.errors import driver_errors_translated
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade
from worker.storage.misses import STATUSES, list_misses

UNREADABLE: Final = b'{"platform": "sportybet", "event": {"id": "sr:match:1"}, "markets": [NaN'
_SECOND_EVENTS: Final = 20
_MOST_MISSES: Final = 100_000


class Feed(NamedTuple):
    """What makes scrapes of the same events."""

    seed: int
    started_at: datetime


def demo(
    *,
    events: Annotated[
        int, typer.Option(min=1, max=2000, help="Football events in the scrape.")
    ] = DEFAULT_EVENTS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scrape.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the services and the data running.")
    ] = False,
) -> None:
    """Publish a generated scrape of three bookmakers, resolve it, map a miss, and show the next scrape.

    Starts Kafka and Postgres unless MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL name
    running ones. Uses a database and topics of its own. Exit code 1 when a label, price or count differs from
    what the generator knows to be true, or when 60 events lack the market to map.

    Example: marketmap demo --events 20 --keep
    """
    with _services(keep=keep):
        base = connected_settings()
        code = run_on_kafka(base, _run(base, events=events, seed=seed, keep=keep))
    raise typer.Exit(code)


@contextmanager
def _services(*, keep: bool) -> Iterator[None]:
    """Local services, stopped afterwards if they were started for the demo."""
    if os.environ.get("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS") and os.environ.get(
        "MARKETMAP_DATABASE_URL"
    ):
        yield
        return
    services = LocalServices(default_folder())
    already_running = all(status.address for status in services.status())
    try:
        with err.status("Starting Kafka and Postgres (the first time, Kafka is downloaded)"):
            services.start()
    except LocalServicesError as error:
        fail(str(error))
    try:
        yield
    finally:
        if not keep and not already_running:
            with err.status("Stopping Kafka and Postgres"):
                services.stop()


async def _run(base: ConnectedSettings, *, events: int, seed: int, keep: bool) -> int:
    """The exit code."""
    async with _own_place(base, keep=keep) as settings:
        await _prepare(settings)
        feed = Feed(seed, datetime.now(UTC) - timedelta(seconds=events * 0.4))
        truth = await _publish(settings, feed, events=events)
        started = asyncio.get_running_loop().time()
        async with running_worker(settings) as worker:
            await worker.has_committed(len(truth) + 1)
            seen = await _collect(settings, asyncio.get_running_loop().time() - started)
            pictures.show(seen.events, seen.misses, seen.dead, seconds=seen.seconds, to=out)
            mapped = await demo_mapping.map_missed(settings)
            if mapped is None:
                pictures.no_second_act(to=out)
            else:
                await _show_mapped(settings, worker, mapped)
                again = await _publish(settings, feed, events=min(events, _SECOND_EVENTS), scrape=1)
                await worker.has_committed(len(truth) + 1 + len(again))
                seen = await _collect(settings, seen.seconds)
                truth = [*truth, *map(demo_mapping.as_mapped, again)]
                pictures.second_scrape(
                    mapped, _events_of(again, seen), _matching(again, seen), to=out
                )
        differences = judge(truth, seen, mapped, events=events)
        pictures.verdict(truth, differences, to=out)
        pictures.what_next(settings if keep else None, to=out)
    return exit_code(differences)


async def _show_mapped(settings: ConnectedSettings, worker: DemoWorker, mapped: Mapped) -> None:
    loaded = await worker.has_version(mapped.version)
    published = await demo_mapping.published_change(settings, mapped.version)
    pictures.mapped(mapped, published, loaded, to=out)


def _events_of(scrape: list[Generated], seen: Seen) -> list[pictures.ResolvedJson]:
    """What came out of one scrape."""
    ids = {generated.observation["scrape_id"] for generated in scrape}
    return [event for event in seen.events if event["scrape_id"] in ids]


def _matching(scrape: list[Generated], seen: Seen) -> list[pictures.ResolvedJson]:
    """What came out of the same events in other scrapes: to compare like with like."""
    ids = {generated.observation["scrape_id"] for generated in scrape}
    places = {(generated.platform, generated.observation["event"]["id"]) for generated in scrape}
    return [
        event
        for event in seen.events
        if event["scrape_id"] not in ids and (event["platform"], event["event"]["id"]) in places
    ]


@asynccontextmanager
async def _own_place(base: ConnectedSettings, *, keep: bool) -> AsyncIterator[ConnectedSettings]:
    """A database and a topic prefix that nothing else uses; the database is dropped unless it is kept."""
    name = f"demo_{uuid.uuid4().hex[:8]}"
    await _administer(base, f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(base.database_url)._replace(path=f"/{name}"))
    changed = {"database_url": url, "topic_prefix": f"{name}.", "group_id": name, "http_port": 0}
    try:
        yield base.model_copy(update=changed)
    finally:
        if not keep:
            await _administer(base, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(base: ConnectedSettings, statement: str) -> None:
    with driver_errors_translated():
        connection = await asyncpg.connect(base.database_url.replace("+asyncpg", ""))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def _prepare(settings: ConnectedSettings) -> None:
    with err.status("Preparing the database and the topics"):
        await upgrade(settings.database_url)
        async with opened(settings.database_url) as engine, engine.begin() as connection:
            catalogue = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
            imported = await import_mappings(
                connection, catalogue, actor="demo", reason="shipped catalogue"
            )
        await ensure_topics(settings)
    err.print(f"Imported {len(imported.added)} mappings.")


async def _publish(
    settings: ConnectedSettings, feed: Feed, *, events: int, scrape: int = 0
) -> list[Generated]:
    """Publish one scrape; with the first one goes a record that nobody can read."""
    producer = AIOKafkaProducer(
        **client_connection(settings),
        max_request_size=largest_output(settings),
        compression_type=COMPRESSION,
    )
    await producer.start()
    truth: list[Generated] = []
    try:
        with progress() as shown:
            bar = shown.add_task("Publishing", total=None)
            for seen in generate_scrape(
                seed=feed.seed, events=events, started_at=feed.started_at, scrape=scrape
            ):
                topic = settings.topics.observations[seen.platform]
                await producer.send(topic, orjson.dumps(seen.observation), seen.key.encode())
                truth.append(seen)
                shown.advance(bar)
            shown.update(bar, total=len(truth))
            if scrape == 0:
                await producer.send(
                    settings.topics.observations["sportybet"], UNREADABLE, b"unreadable"
                )
            await producer.flush()
    finally:
        await producer.stop()
    return truth


async def _collect(settings: ConnectedSettings, seconds: float) -> Seen:
    resolved = await read_topic(settings, settings.topics.resolved)
    dead = await read_topic(settings, settings.topics.dead)
    async with opened(settings.database_url) as engine, engine.connect() as connection:
        queue = await list_misses(
            connection, statuses=STATUSES, order="occurrences", limit=_MOST_MISSES
        )
    return Seen(
        [orjson.loads(record.value or b"") for record in resolved],
        [pictures.dead_of(record) for record in dead],
        list(map(pictures.miss_of, queue)),
        seconds,
    )
