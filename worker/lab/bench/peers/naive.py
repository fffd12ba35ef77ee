"""The same job as one would write it first: a FastStream handler, one message and market at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from schemas import ID_HEADER
from worker.kafka.connections import broker_connection
from worker.lab.bench.peers.kafka import publishing, say
from worker.settings.connected import ConnectedSettings, load_connected
from worker.storage.engine import driver_url

_COLUMNS: Final = {"betpawa": "betpawa_id", "sportybet": "sportybet_id", "bet9ja": "bet9ja_key"}
_FIND: Final = {
    platform: f"SELECT canonical_id FROM user_market_mappings WHERE is_active AND {column} = $1"  # noqa: S608  # our own words
    for platform, column in _COLUMNS.items()
}
_COUNT: Final = """
INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count) VALUES ($1, $2, 1)
ON CONFLICT (source, external_market_id)
DO UPDATE SET occurrence_count = unmapped_market_log.occurrence_count + 1, last_seen_at = now()
"""

NaiveJson = dict[str, Any]


async def resolve(observation: NaiveJson, database: asyncpg.Connection) -> NaiveJson:
    """Which markets are known, and under which canonical id."""
    platform = observation["platform"]
    known, missed = [], []
    for market_id, prices in _markets(platform, observation["markets"]):
        canonical_id = await database.fetchval(_FIND[platform], market_id)
        if canonical_id is None:
            await database.execute(_COUNT, platform, market_id)
            missed.append(market_id)
        else:
            known.append({"canonical_id": canonical_id, "prices": prices})
    return {"event": observation["event"], "markets": known, "misses": missed}


def _markets(platform: str, markets: Any) -> Iterator[tuple[str, Any]]:
    """Every market with the book's id of it."""
    match platform:
        case "sportybet":
            yield from ((market["id"], market["outcomes"]) for market in markets)
        case "betpawa":
            yield from ((market["marketType"]["id"], market["row"]) for market in markets)
        case _:
            groups: dict[str, NaiveJson] = {}
            for key, odds in markets.items():
                groups.setdefault(key.rpartition("_")[0], {})[key] = odds
            yield from ((name.partition("@")[0], prices) for name, prices in groups.items())


def application(settings: ConnectedSettings, database: asyncpg.Connection) -> FastStream:
    broker = KafkaBroker(
        settings.kafka_bootstrap_servers,
        **broker_connection(settings),
        **publishing(settings),
        logger=None,
    )
    subscriber = broker.subscriber(
        *settings.topics.observations.values(),
        group_id=settings.group_id,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        fetch_max_bytes=settings.batch_max_bytes,
        max_partition_fetch_bytes=settings.max_message_bytes,
    )

    @subscriber
    async def handle(observation: NaiveJson, message: KafkaMessage) -> None:
        resolved = await resolve(observation, database)
        record = message.raw_message
        assert not isinstance(record, tuple)  # noqa: S101  # one at a time
        source_id = f"{record.topic}/{record.partition}/{record.offset}"
        await broker.publish(
            resolved,
            settings.topics.resolved,
            key=record.key,
            headers={ID_HEADER: source_id},
        )

    return FastStream(broker, logger=None)


async def main() -> None:
    settings = load_connected()
    database = await asyncpg.connect(driver_url(settings.database_url))
    app = application(settings, database)
    await app.start()
    say("begun")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
