"""`marketmap demo`: the main job once, on real Kafka and Postgres, over a generated scrape."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
import typer
from aiokafka import AIOKafkaProducer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.app.kafka import admin_of, client_connection
from worker.app.settings import Settings
from worker.app.topic_reader import read_topic
from worker.app.topics import ensure_topics, largest_output, topic_specs
from worker.cli import demo_pictures as pictures
from worker.cli.connection import connected_settings
from worker.cli.console import err, fail, out
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.errors import TransientError
from worker.local.addresses import default_folder
from worker.local.errors import LocalServicesError
from worker.local.services import LocalServices
from worker.storage.engine import create_engine
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade
from worker.synthetic.expected import Generated, expected_miss_counts
from worker.synthetic.oracle import Difference, Kind, check
from worker.synthetic.scrape import generate_scrape

UNREADABLE: Final = b'{"platform": "sportybet", "event": {"id": "sr:match:1"}, "markets": [NaN'
_PATIENCE_S: Final = 300.0


class Seen(NamedTuple):
    """What a demo run found on the topics and in the database."""

    events: list[pictures.Event]
    dead: list[pictures.Dead]
    misses: list[pictures.Miss]
    seconds: float


def demo(
    *,
    events: Annotated[int, typer.Option(min=1, max=2000, help="Football events in the scrape.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scrape.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the services and the data in place.")] = False,
) -> None:
    """Publish a generated scrape of three books, resolve it, and show what came out.

    Starts Kafka and Postgres unless MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL name
    running ones. Works in a database and on topics of its own. Exit code 1 when one label, price or count is
    not the one that the generator knows to be true.
    """
    with _services(keep=keep):
        base = connected_settings(kafka=True, database=True)
        wrong = asyncio.run(_run(base, events=events, seed=seed, keep=keep))
    if wrong:
        raise typer.Exit(1)


@contextmanager
def _services(*, keep: bool) -> Iterator[None]:
    """Local services, stopped afterwards if they were started for the demo."""
    if os.environ.get("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS") and os.environ.get("MARKETMAP_DATABASE_URL"):
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


async def _run(base: Settings, *, events: int, seed: int, keep: bool) -> bool:
    """Whether anything was wrong."""
    async with _own_place(base, keep=keep) as settings:
        await _prepare(settings)
        truth = await _publish(settings, events=events, seed=seed)
        seen = await _work(settings, records=len(truth) + 1)
        differences = _compare(truth, seen)
        pictures.show(seen.events, seen.misses, seen.dead, seconds=seen.seconds, to=out)
        pictures.verdict(truth, differences, to=out)
        pictures.what_next(settings if keep else None, to=out)
    return bool(differences)


@asynccontextmanager
async def _own_place(base: Settings, *, keep: bool) -> AsyncIterator[Settings]:
    """A database and a topic prefix that nothing else uses; the database is dropped unless it is kept."""
    name = f"demo_{uuid.uuid4().hex[:8]}"
    await _administer(base, f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(base.database_url or "")._replace(path=f"/{name}"))
    changed = {"database_url": url, "topic_prefix": f"{name}.", "group_id": name, "http_port": 0}
    try:
        yield base.model_copy(update=changed)
    finally:
        if not keep:
            await _administer(base, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(base: Settings, statement: str) -> None:
    connection = await asyncpg.connect((base.database_url or "").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _prepare(settings: Settings) -> None:
    with err.status("Preparing the database and the topics"):
        await upgrade(settings.database_url or "")
        engine = create_engine(settings.database_url or "")
        async with engine.begin() as connection:
            catalogue = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
            imported = await import_mappings(connection, catalogue, actor="demo", reason="shipped catalogue")
        await engine.dispose()
        await ensure_topics(admin_of(settings), topic_specs(settings))
    err.print(f"Imported {len(imported.added)} mappings.")


async def _publish(settings: Settings, *, events: int, seed: int) -> list[Generated]:
    started_at = datetime.now(UTC) - timedelta(seconds=events * 0.4)
    producer = AIOKafkaProducer(
        **client_connection(settings), max_request_size=largest_output(settings), compression_type="lz4"
    )
    await producer.start()
    truth: list[Generated] = []
    try:
        with _progress() as progress:
            bar = progress.add_task("Publishing", total=None)
            for seen in generate_scrape(seed=seed, events=events, started_at=started_at):
                topic = settings.observation_topics[seen.platform]
                await producer.send(topic, orjson.dumps(seen.observation), seen.key.encode())
                truth.append(seen)
                progress.advance(bar)
            progress.update(bar, total=len(truth))
            await producer.send(settings.observation_topics["sportybet"], UNREADABLE, b"unreadable")
            await producer.flush()
    finally:
        await producer.stop()
    return truth


async def _work(settings: Settings, *, records: int) -> Seen:
    log = Path(default_folder()) / "demo-worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = asyncio.get_running_loop().time()
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "worker.cli", "run", "worker"]
        worker = subprocess.Popen(command, env=_environment(settings), stdout=stream, stderr=stream)  # noqa: ASYNC220, S603  # starts at once; our own command
    try:
        await _watch(settings, worker, records, log)
        seconds = asyncio.get_running_loop().time() - started
    finally:
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(worker.wait)
    if code:
        fail(f"The worker ended with exit code {code}; its log is {log}.")
    return await _collect(settings, seconds)


async def _watch(settings: Settings, worker: subprocess.Popen[bytes], records: int, log: Path) -> None:
    """Show the worker's progress until it has committed every record."""
    admin = admin_of(settings)
    with _progress() as progress:
        bar = progress.add_task("Resolving", total=records)
        async with asyncio.timeout(_PATIENCE_S):
            while not progress.finished:
                if worker.poll() is not None:
                    fail(f"The worker ended by itself; its log is {log}.")
                try:
                    backlog = await admin.backlog(settings.group_id, settings.observation_topics.values())
                except TransientError:  # the group is just being formed
                    backlog = None
                progress.update(bar, completed=backlog.done if backlog else 0)
                await asyncio.sleep(0.1)


async def _collect(settings: Settings, seconds: float) -> Seen:
    resolved = await read_topic(settings, settings.prefixed(settings.topic_resolved))
    dead = await read_topic(settings, settings.prefixed(settings.topic_dead))
    engine = create_engine(settings.database_url or "")
    async with engine.connect() as connection:
        misses = await pictures.read_misses(connection)
    await engine.dispose()
    return Seen(
        [orjson.loads(record.value or b"") for record in resolved],
        [pictures.dead_of(record) for record in dead],
        misses,
        seconds,
    )


def _compare(truth: list[Generated], seen: Seen) -> list[Difference]:
    """Every difference between what the generator knows and what came out."""
    by_event = {_identity(event): event for event in seen.events}
    differences = []
    for generated in truth:
        event = by_event.get(_identity(generated.observation))
        if event is None:
            differences.append(Difference("MISSING_MARKET", generated.key, "an event", "nothing"))
        else:
            differences += check(generated.expected, event)
    counted = Counter({(miss.source, miss.external_market_id): miss.occurrences for miss in seen.misses})
    expected = expected_miss_counts(truth)
    for key in counted.keys() | expected.keys():
        if counted[key] != expected[key]:
            kind: Kind = "MISSING_MISS" if counted[key] < expected[key] else "EXTRA_MISS"
            differences.append(Difference(kind, " ".join(key), str(expected[key]), str(counted[key])))
    if len(seen.events) != len(truth) or len(seen.dead) != 1:
        found = f"{len(seen.events)} events, {len(seen.dead)} dead letters"
        differences.append(Difference("REPEATED", "topics", f"{len(truth)} events, 1 dead letter", found))
    return differences


def _identity(observation: pictures.Event) -> tuple[str, str]:
    return observation["platform"], observation["event"]["id"]


def _environment(settings: Settings) -> dict[str, str]:
    ours = settings.model_dump(exclude_none=True, exclude_defaults=True)
    return os.environ | {f"MARKETMAP_{name.upper()}": str(value) for name, value in ours.items()}


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
    )
