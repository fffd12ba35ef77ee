"""Records that no sender should write, mixed with good ones on all three topics."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from schemas import DeadLetter, ResolvedEvent, record_id
from tests.integration.worker.test_bounds import peak_memory
from tests.support.hostile.fields import GOOD_MARKETS, spoilt_markets
from tests.support.hostile.records import LARGEST, Headers, Hostile, body, hostile_records
from tests.support.markets import observation, sportybet
from tests.support.services.installation import PATIENCE_S, Installation
from worker.domain.books.platforms import Platform
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.record import RawRecord
from worker.kafka.topic_specs import topic_specs
from worker.runtime.telemetry.log_events import EVENTS

pytestmark = pytest.mark.services

HOSTILE = {hostile.name: hostile for hostile in hostile_records()}
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
STOLEN = "stolen"
ONE_BAD_ENTRY = "one bad entry"
# What a few hundred kB, or a few kB, of a packed batch unpack to.
BLOWN_UP: int = 24 * 1024 * 1024
BOMBS = {f"blown up by {codec}": codec for codec in ("gzip", "snappy", "lz4", "zstd")}
SPOILT_MARKETS = list(spoilt_markets())
LONG_TEXT = "x" * (2 * 1024 * 1024)
LONG_TEXTS: dict[str, Any] = {
    "a label of 2 MB": sportybet("1", prices={LONG_TEXT: "2"}),
    "a market's id of 2 MB": sportybet(LONG_TEXT, prices={"Yes": "2"}),
    "a market's name of 2 MB": sportybet("900001", name=LONG_TEXT, prices={"Yes": "2"}),
    "a specifier of 2 MB": sportybet("18", f"total={LONG_TEXT}", prices={"Over 2.5": "2"}),
    "odds of 2 MB": sportybet("18", "total=2.5", prices={"Over 2.5": LONG_TEXT}),
}
MARKETS: dict[Platform, Any] = GOOD_MARKETS
RIGHT = [("1x2_ft", None, [("home", 2.1), ("draw", 3.2), ("away", 3.6)])]


@dataclass
class Sent:
    """Where records were written: name of a hostile record, or id of a good event, to its source id."""

    hostile: dict[str, str]
    good: dict[str, str]


@dataclass
class Seen:
    """What was sent, and everything that came of it."""

    sent: Sent
    dead: dict[str, list[RawRecord]]
    resolved: dict[str, list[Any]]
    stolen: list[RawRecord]
    topics: dict[str, int]
    peak: int
    exit_code: int
    metrics: str
    log: str


class Sender:
    """Writes through librdkafka, which also writes what aiokafka refuses to; notes the source ids."""

    def __init__(self, installation: Installation, topic_ids: dict[str, str], codec: str) -> None:
        self._topics = installation.settings.topics.observations
        self._ids = topic_ids
        self._producer = Producer(
            {
                "bootstrap.servers": installation.settings.kafka_bootstrap_servers,
                "compression.type": codec,
                "message.max.bytes": 64 * LARGEST,
                "linger.ms": 50,
            }
        )
        self.written: dict[str, str] = {}

    def send(
        self, name: str, platform: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        def note(error: Any, message: Any) -> None:
            assert error is None, f"{name}: {error}"
            self.written[name] = record_id(
                self._ids[message.topic()], message.partition(), message.offset()
            )

        self._producer.produce(
            self._topics[platform], value, key, headers=list(headers), on_delivery=note
        )

    async def flush(self) -> None:
        assert await asyncio.to_thread(self._producer.flush, PATIENCE_S) == 0


def good(event_id: str, platform: Platform, markets: Any = None) -> bytes:
    return observation(platform, MARKETS[platform] if markets is None else markets, id=event_id)


def platform_of(number: int) -> Platform:
    return (*MARKETS,)[number % 3]


async def send_all(installation: Installation) -> Sent:
    ids = await installation.admin.topics.ids(installation.settings.topics.observations.values())
    plain, packed = (Sender(installation, ids, codec) for codec in ("none", "zstd"))
    for number, hostile in enumerate(HOSTILE.values()):
        # The large ones pass the broker's limit because they are small until they are unpacked.
        sender = packed if len(hostile.value or b"") > LARGEST else plain
        sender.send(*hostile[:4], hostile.headers)
        neighbour = f"beside {hostile.name}"[:100]
        plain.send(
            neighbour, hostile.platform, hostile.key, good(neighbour, platform_of(number)), []
        )
    for spoilt in SPOILT_MARKETS:
        plain.send(spoilt.name, spoilt.platform, b"k", spoilt.value, [])
    for name, market in LONG_TEXTS.items():
        plain.send(
            name, "sportybet", b"k", good(name, "sportybet", [*MARKETS["sportybet"], market]), []
        )
    await plain.flush()
    for name, codec in BOMBS.items():
        bomb = Sender(installation, ids, codec)
        bomb.send(name, "bet9ja", name.encode(), b"[" + b" " * BLOWN_UP, [])
        await bomb.flush()
        packed.written |= bomb.written
    packed.send("heavy headers", "bet9ja", b"k" * LARGEST, b"{", [("heavy", b"h" * 2 * LARGEST)])
    await packed.flush()
    strange: Headers = [
        ("null", None),
        ("", b"\xff"),
        ("reply_to", f"{installation.settings.topic_prefix}{STOLEN}".encode()),
    ]
    for codec in CODECS:
        sender = Sender(installation, ids, codec)
        sender.send(
            codec,
            "sportybet",
            b"k",
            good(codec, "sportybet"),
            [*strange, ("content-type", b"image/png")],
        )
        await sender.flush()
        plain.written |= sender.written
    entries = [
        *MARKETS["sportybet"],
        None,
        7,
        {"id": 5.5},
        {"id": "18", "specifier": "total=x"},
        {"id": "1e9"},
    ]
    plain.send(ONE_BAD_ENTRY, "sportybet", b"k", good(ONE_BAD_ENTRY, "sportybet", entries), strange)
    await plain.flush()
    written = plain.written | packed.written
    names = {*HOSTILE, *BOMBS, "heavy headers"}
    return Sent(
        {name: at for name, at in written.items() if name in names},
        {name: at for name, at in written.items() if name not in names},
    )


async def send_in_a_transaction(installation: Installation) -> None:
    """Two transactions, so that a marker stands between the records and another behind them."""
    producer = AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers,
        transactional_id=f"{installation.settings.topic_prefix}tx",
    )
    await producer.start()
    try:
        for number in range(2):
            async with producer.transaction():
                name = f"transaction {number}"
                topic = installation.settings.topics.observations["sportybet"]
                await producer.send(topic, good(name, "sportybet"), b"k", partition=0)
    finally:
        await producer.stop()


async def scenario(installation: Installation) -> Seen:
    specs = topic_specs(installation.settings)
    stolen = installation.settings.topic_prefix + STOLEN
    await installation.admin.topics.create([TopicSpec(stolen, 1, {})])
    assert stolen not in {spec.name for spec in specs}
    worker = installation.start_worker()
    await installation.ready()
    sent = await send_all(installation)
    await installation.caught_up()
    _, metrics = await installation.ask("/metrics")
    await send_in_a_transaction(installation)
    await installation.resolved_from(len(sent.good) + 2)
    peak = peak_memory(worker.pid)
    exit_code = await installation.stop_worker()
    dead: dict[str, list[RawRecord]] = {}
    for letter in await installation.consume("observations.dead"):
        dead.setdefault(DeadLetter.from_headers(letter.headers).id, []).append(letter)
    resolved: dict[str, list[Any]] = {}
    for record in await installation.consume("odds.resolved"):
        told = orjson.loads(record.value or b"")
        resolved.setdefault(told["event"]["id"], []).append((told, dict(record.headers)))
    stolen_records = await installation.consume(STOLEN)
    ends, log = await topic_ends(installation), (installation.folder / "worker-0.log").read_text()
    return Seen(sent, dead, resolved, stolen_records, ends, peak, exit_code, metrics, log)


async def topic_ends(installation: Installation) -> dict[str, int]:
    """Every topic of the installation, its prefix taken off, and how many offsets it has."""

    def ask() -> list[str]:
        servers: Any = installation.settings.kafka_bootstrap_servers
        client = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        return list(client.list_topics(timeout=PATIENCE_S).topics)

    prefix = installation.settings.topic_prefix
    names = [name for name in await asyncio.to_thread(ask) if name.startswith(prefix)]
    backlogs = {name: await installation.admin.backlog("nobody", [name]) for name in names}
    return {name.removeprefix(prefix): backlog.total for name, backlog in backlogs.items()}


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(
        scenario, max_message_bytes=LARGEST, batch_max_bytes=2 * LARGEST
    )
    return outcome


def letter_of(seen: Seen, name: str) -> RawRecord:
    """The only dead letter that a record gave."""
    (letter,) = seen.dead[seen.sent.hostile[name]]
    return letter


def sent_headers(letter: RawRecord) -> Headers:
    """The headers before ours."""
    ours = DeadLetter.from_headers(letter.headers).to_headers()
    assert list(letter.headers[-len(ours) :]) == ours
    return list(letter.headers[: -len(ours)])


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
def test_a_hostile_record_gives_one_dead_letter_with_its_reason(
    seen: Seen, hostile: Hostile
) -> None:
    letter = DeadLetter.from_headers(letter_of(seen, hostile.name).headers)
    assert letter.reason == hostile.reason
    assert letter.detail


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
def test_a_dead_letter_keeps_the_bytes_key_and_headers_of_its_record(
    seen: Seen, hostile: Hostile
) -> None:
    letter = letter_of(seen, hostile.name)
    nothing_at_all = hostile.key is None and hostile.value is None
    assert letter.value == (b"" if nothing_at_all else hostile.value)
    assert letter.key == hostile.key
    assert sent_headers(letter) == hostile.headers


def test_a_dead_letter_says_where_its_record_was(seen: Seen) -> None:
    for name, source_id in seen.sent.hostile.items():
        letter = DeadLetter.from_headers(letter_of(seen, name).headers)
        assert source_id.split("/")[1:] == [str(letter.partition), str(letter.offset)]
        platform = HOSTILE[name].platform if name in HOSTILE else "bet9ja"
        assert letter.topic.endswith(f".observations.{platform}")
        assert letter.timestamp is not None


def test_there_is_no_dead_letter_but_those_of_the_hostile_records(seen: Seen) -> None:
    assert seen.dead.keys() == set(seen.sent.hostile.values())


def test_every_good_record_beside_a_hostile_one_is_resolved_right_and_once(seen: Seen) -> None:
    strange = {spoilt.name for spoilt in SPOILT_MARKETS} | LONG_TEXTS.keys()
    for event_id in seen.sent.good.keys() - strange:
        source_id = seen.sent.good[event_id]
        ((told, headers),) = seen.resolved[event_id]
        assert headers["marketmap-id"] == source_id.encode()
        answers = [
            (m["canonical_id"], m["line"], [(o["outcome"], o["odds"]) for o in m["outcomes"]])
            for m in told["markets"]
        ]
        assert answers == RIGHT, event_id
    assert seen.resolved.keys() == seen.sent.good.keys() | {"transaction 0", "transaction 1"}


SPOILT_OR_LONG = [*(spoilt.name for spoilt in SPOILT_MARKETS), *LONG_TEXTS]


@pytest.mark.parametrize("name", SPOILT_OR_LONG)
def test_a_market_with_a_field_of_the_wrong_type_or_size_costs_no_other_market(
    seen: Seen, name: str
) -> None:
    ((told, headers),) = seen.resolved[name]
    assert headers["marketmap-id"] == seen.sent.good[name].encode()
    event = ResolvedEvent.model_validate_json(orjson.dumps(told))
    prices = {
        (market.canonical_id, one.outcome): one.odds
        for market in event.markets
        for one in market.outcomes
    }
    assert {key: odds for key, odds in prices.items() if key[0] == "1x2_ft"} == {
        ("1x2_ft", outcome): odds for outcome, odds in RIGHT[0][2]
    }
    # The other entry is an over at 1.98, or nothing.
    assert {key: odds or 1.98 for key, odds in prices.items() if key[0] != "1x2_ft"} in (
        {},
        {("over_under_ft", "over"): 1.98},
    )
    assert len(orjson.dumps(told)) < 4096


def test_one_bad_market_entry_costs_only_itself(seen: Seen) -> None:
    ((told, _),) = seen.resolved[ONE_BAD_ENTRY]
    ResolvedEvent.model_validate_json(orjson.dumps(told))
    codes = Counter(entry["code"] for entry in told["rejected"])
    assert codes == {"INVALID_KEY_FORMAT": 3, "INVALID_SPECIFIER": 1}
    assert [miss["external_market_id"] for miss in told["misses"]] == ["1e9"]


@pytest.mark.parametrize("codec", CODECS)
def test_a_record_is_read_whatever_codec_packs_it_and_headers_adorn_it(
    seen: Seen, codec: str
) -> None:
    assert len(seen.resolved[codec]) == 1


def test_nothing_is_published_where_a_sender_asks_for_it(seen: Seen) -> None:
    assert seen.stolen == []


def test_nothing_is_published_anywhere_but_where_it_belongs(seen: Seen) -> None:
    observed = sum(
        offsets for name, offsets in seen.topics.items() if name.startswith("observations.")
    )
    markers = 2
    hostile, good_ones = len(seen.sent.hostile), len(seen.sent.good)
    assert observed - seen.topics["observations.dead"] == hostile + good_ones + 2 + markers
    written = {
        name: n for name, n in seen.topics.items() if not name.startswith("observations.") and n
    }
    assert written.keys() == {"odds.resolved", "unmapped.markets"}
    assert (seen.topics["observations.dead"], written["odds.resolved"]) == (hostile, good_ones + 2)
    assert written["unmapped.markets"] < 100


def test_memory_is_bounded_by_what_the_batches_unpack_to(seen: Seen) -> None:
    idle, parsed = 150 * 1024 * 1024, 10 * LARGEST
    # A batch is unpacked whole, and the record in it is a copy.
    assert seen.peak < idle + parsed + 4 * LARGEST + 2 * len(BOMBS) * BLOWN_UP


def test_records_of_transactions_are_read_though_markers_stand_between_them(seen: Seen) -> None:
    assert [len(seen.resolved[f"transaction {number}"]) for number in range(2)] == [1, 1]


@pytest.mark.parametrize("name", BOMBS)
def test_of_a_value_that_unpacks_to_more_than_the_topic_takes_the_head_is_kept(
    seen: Seen, name: str
) -> None:
    letter = letter_of(seen, name)
    told = DeadLetter.from_headers(letter.headers)
    assert (told.reason, told.truncated_from) == ("TOO_LARGE", BLOWN_UP + 1)
    assert letter.value is not None
    assert letter.value == b"[" + b" " * (len(letter.value) - 1)
    assert len(letter.value) == 2 * LARGEST - len(name)


def test_a_key_and_headers_that_unpack_to_more_than_the_topic_takes_are_left_out(
    seen: Seen,
) -> None:
    letter = letter_of(seen, "heavy headers")
    told = DeadLetter.from_headers(letter.headers)
    assert (letter.key, letter.value, sent_headers(letter)) == (None, b"{", [])
    assert told.reason == "INVALID_JSON"
    assert "key and headers" in (told.detail or "")


def test_the_metrics_count_dead_letters_by_reason(seen: Seen) -> None:
    reasons = Counter(hostile.reason for hostile in HOSTILE.values()) + Counter(
        {"TOO_LARGE": len(BOMBS), "INVALID_JSON": 1}
    )
    for reason, times in reasons.items():
        assert f'marketmap_dead_letters_total{{reason="{reason}"}} {times}.0' in seen.metrics


def test_the_worker_outlives_it_all_and_stops_in_good_order(seen: Seen) -> None:
    assert seen.exit_code == 0


def test_body_is_a_good_observation_before_it_is_spoilt() -> None:
    assert orjson.loads(body())["platform"] == "sportybet"


def test_the_log_has_one_event_of_the_list_on_each_line_and_nothing_of_what_was_sent(
    seen: Seen,
) -> None:
    assert {orjson.loads(line)["event"] for line in seen.log.splitlines()} <= EVENTS.keys()
    told = seen.log.lower()
    assert not [
        text for text in ("wuhan", "qingdao", "hostile", "nonsense", "x" * 100) if text in told
    ]
