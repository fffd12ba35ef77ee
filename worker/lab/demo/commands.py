"""`marketmap demo`: the main job once, on real Kafka and Postgres, over a generated scrape."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
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
from worker.cli.options import require_one_of
from worker.cli.shipped import shipped_mappings
from worker.domain.mapping import Mapping
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import client_connection
from worker.kafka.producer import COMPRESSION
from worker.kafka.topic_specs import ensure_topics, largest_output
from worker.lab.demo import hidden, kept, odds, pictures
from worker.lab.demo import mapping as demo_mapping
from worker.lab.demo.console import REVIEWER, start_console
from worker.lab.demo.hidden import LeftOutId
from worker.lab.demo.mapping import Mapped
from worker.lab.demo.odds import ThirdAct
from worker.lab.demo.verdict import DEFAULT_EVENTS, Seen, exit_code, judge, judge_odds
from worker.lab.demo.worker import DemoWorker, progress, running_insight, running_worker
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import EXTRAS, Extra, extras_of
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
_SCRAPES: Final = 3
_INTERVAL_S: Final = 300.0
_MOST_MISSES: Final = 100_000


class Feed(NamedTuple):
    """What makes scrapes of the same events. ``hidden`` is taken out of the catalogue first."""

    seed: int
    started_at: datetime
    extras: frozenset[Extra]
    hidden: Sequence[LeftOutId] = ()

    def scrape(self, number: int, events: int) -> Iterator[Generated]:
        """One scrape with its true answers, while the hidden ids are not mapped."""
        keys = [one.key for one in self.hidden]
        generated = generate_scrape(
            seed=self.seed,
            events=events,
            started_at=self.started_at,
            scrape=number,
            interval_s=_INTERVAL_S,
            extras=self.extras,
        )
        return (odds.as_left_out(seen, keys) for seen in generated)


def demo(
    *,
    events: Annotated[
        int, typer.Option(min=1, max=2000, help="Football events in the scrape.")
    ] = DEFAULT_EVENTS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same scrape.")] = 1,
    extras: Annotated[
        list[str] | None,
        typer.Option("--with", help=f"Also generate: {', '.join(EXTRAS)}, or all. Repeatable."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the services and the data running.")
    ] = False,
    hide: Annotated[
        int,
        typer.Option(min=0, help="Take this number of ids out of the catalogue, for you to map."),
    ] = 0,
    hidden_to: Annotated[
        typer.FileBinaryWrite | None,
        typer.Option("--hidden-to", help="Write to this file what the hidden ids are.", lazy=False),
    ] = None,
) -> None:
    """Publish a generated scrape of three bookmakers, resolve it, map two misses, and find a swapped mapping.

    The odds say what one of the two is, and find the swap: for that the demo needs the extra `insight` and 14
    events.

    Starts Kafka and Postgres unless MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL name
    running ones. Uses a database and topics of its own. Exit code 1 when a label, price or count differs from
    what the generator knows to be true, or when 60 events lack a market to map or the alarm on the swap.

    With --hide some markets are missed whose prices are real and whose answers are known: ids chosen by the
    seed, of which another bookmaker sells the same. Nothing printed says what they are.

    Example: marketmap demo --events 20 --with players --keep
    """
    if hidden_to is not None and not hide:
        fail("--hidden-to needs --hide.")
    for name in extras or ():
        require_one_of("--with", name, (*EXTRAS, "all"))
    feed = Feed(seed, _begun(events, _SCRAPES + keep), extras_of(extras or ()))
    if hide:
        feed = feed._replace(hidden=_hidden(feed, events, hide))
    if hidden_to is not None:
        hidden_to.write(hidden.answers(feed.hidden))
        hidden_to.flush()
    with _services(keep=keep):
        base = connected_settings()
        running = _run(base, feed, events=events, keep=keep)
        code = run_on_kafka(base, running)
    raise typer.Exit(code)


def _hidden(feed: Feed, events: int, count: int) -> list[LeftOutId]:
    """The ids to hide; ends the command if the scrape has fewer."""
    with err.status("Choosing the ids to hide"):
        try:
            return hidden.choose(_shipped(), feed.scrape(0, events), count=count, seed=feed.seed)
        except hidden.TooFewIdsError as error:
            fail(str(error))


def _shipped() -> list[Mapping]:
    return shipped_mappings()


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


async def _run(base: ConnectedSettings, feed: Feed, *, events: int, keep: bool) -> int:
    """The exit code."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of every new topic
    why_not = odds.why_not(events)
    as_first = odds.as_left_out if why_not is None else _as_is
    async with _own_place(base, keep=keep) as settings:
        await _prepare(settings, feed.hidden)
        if why_not is None:
            await odds.leave_out(settings)
        truth = [*map(as_first, await _publish(settings, feed, events=events))]
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
                truth = [*truth, *(as_first(demo_mapping.as_mapped(one)) for one in again)]
                pictures.second_scrape(
                    mapped, _events_of(again, seen), _matching(again, seen), to=out
                )
            third = ThirdAct(None, None)
            if why_not is not None:
                pictures.no_third_act(why_not, to=out)
            else:
                act = _Act(settings, worker, feed, events, mapped)
                third, truth = await _show_odds(act, seen, truth)
                seen = await _collect(settings, seen.seconds)
        differences = [
            *judge(truth, seen, mapped, events=events),
            *judge_odds(third, why_not, events=events),
        ]
        pictures.verdict(truth, differences, to=out)
        if keep and why_not is None:
            await _leave_to_decide(settings, feed, events, len(truth) + 1)
        pictures.what_next(settings if keep else None, to=out)
        if keep:
            yours = await start_console(settings)
            pictures.console(yours, await start_console(settings, REVIEWER), to=out)
    return exit_code(differences)


def _begun(events: int, scrapes: int) -> datetime:
    """When the first scrape began, for the last one to end about now."""
    return datetime.now(UTC) - timedelta(seconds=events * 0.4 + (scrapes - 1) * _INTERVAL_S)


def _as_is(seen: Generated) -> Generated:
    """The true answer as the generator gives it."""
    return seen


class _Act(NamedTuple):
    """What the third act is played with."""

    settings: ConnectedSettings
    worker: DemoWorker
    feed: Feed
    events: int
    mapped: Mapped | None


async def _show_odds(
    act: _Act, seen: Seen, truth: list[Generated]
) -> tuple[ThirdAct, list[Generated]]:
    """Accept what the odds suggest, find a swap by them; return also the truth of all scrapes."""
    settings = act.settings
    async with running_insight(settings) as insight:
        with err.status("Comparing the odds of the bookmakers"):
            suggested = await odds.suggested(settings, insight)
        if suggested is None:
            pictures.nothing_suggested(to=out)
        else:
            change = await odds.accept(settings, suggested.suggestion)
            await act.worker.has_version(change.version or 0)
            pictures.suggested(suggested, change, seen.misses, to=out)
            again = await _publish(
                settings, act.feed, events=min(act.events, _SECOND_EVENTS), scrape=2
            )
            await act.worker.has_committed(len(truth) + 1 + len(again))
            as_now = _as_is if act.mapped is None else demo_mapping.as_mapped
            truth = [*truth, *map(as_now, again)]
            resolved = _events_of(again, await _collect(settings, seen.seconds))
            pictures.third_scrape(resolved, to=out)
        with err.status("Looking for a swapped mapping"):
            alarmed = await odds.find_swap(settings, insight)
        pictures.alarmed(alarmed, to=out)
    return ThirdAct(suggested, alarmed), truth


async def _leave_to_decide(
    settings: ConnectedSettings, feed: Feed, events: int, records: int
) -> None:
    """Have some markets missed whose odds say what they are; ``records`` were read before."""
    missed = [one.key for one in feed.hidden] or await kept.leave_out(settings)
    async with running_worker(settings) as worker, running_insight(settings) as insight:
        again = await _publish(settings, feed, events=min(events, _SECOND_EVENTS), scrape=_SCRAPES)
        await worker.has_committed(records + len(again))
        with err.status("Comparing the odds of what is left to decide"):
            found = await kept.has_suggestions(settings, insight, missed)
    whose = "" if feed.hidden else " of bet9ja"
    pictures.left_to_decide(len(missed), whose, all_suggested=found, to=out)


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
    changed["insight_group_id"] = f"{name}-insight"
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


async def _prepare(settings: ConnectedSettings, hidden_ids: Sequence[LeftOutId]) -> None:
    with err.status("Preparing the database and the topics"):
        await upgrade(settings.database_url)
        async with opened(settings.database_url) as engine, engine.begin() as connection:
            catalogue = hidden.without_hidden(_shipped(), hidden_ids)
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
            for seen in feed.scrape(scrape, events):
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
