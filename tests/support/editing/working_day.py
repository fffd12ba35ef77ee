"""What workers, a relay and editors say to Postgres in a day, everything once, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.mapping import Mapping, parse_mapping
from worker.storage import audit, mappings, misses, relay, replays
from worker.storage.editing import editing
from worker.storage.engine import transaction
from worker.storage.lead import PENDING
from worker.storage.ledger import Ledger, MissRow
from worker.storage.misses_sql import ORDERS
from worker.storage.watermarks import WatermarkKey, WatermarkMove

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PARTITIONS = [WatermarkKey("c29tZS10b3BpYy1pZF8tMQ", "observations", number) for number in (0, 1)]
BOOKED = ("sportybet", "800")
BTTS = ("sportybet", "29")


async def working_day(engine: AsyncEngine) -> None:
    """On a database that is migrated and empty."""
    await catalogue_is_imported(engine)
    await batches_are_counted(engine)
    await sightings_are_announced(engine)
    await watermarks_are_changed(engine)
    await mappings_are_edited(engine)
    await queue_is_worked_through(engine)
    await changes_are_published(engine)
    await range_is_replayed(engine)


async def catalogue_is_imported(engine: AsyncEngine) -> None:
    two = [mapping("btts", sportybet_id="30"), mapping("1x2", sportybet_id="1")]
    async with transaction(engine) as connection:
        await mappings.import_mappings(connection, two, actor="ada", reason="first import")
        await mappings.load_index_rows(connection)


async def batches_are_counted(engine: AsyncEngine) -> None:
    ledger = Ledger(engine, "workers", most_new=100)
    await ledger.open_partitions(PARTITIONS)
    await ledger.commit([move(0, 0, 4)], [missed(*BTTS, 2), missed(*BOOKED, 1)])
    await ledger.commit(
        [move(1, 0, 6)], [missed(*BTTS, 1), missed(*BOOKED, 2), missed("bet9ja", "S_NEW", 2)]
    )
    await ledger.commit([move(1, 6, 8)], [missed(*BTTS, 1)])
    await ledger.known(["observations"])


async def sightings_are_announced(engine: AsyncEngine) -> None:
    async with Ledger(engine, "workers").unannounced(10):
        pass


async def watermarks_are_changed(engine: AsyncEngine) -> None:
    ledger = Ledger(engine, "workers")
    await ledger.set_back(PARTITIONS[1], 8, 6, actor="ada", reason="count again")
    await ledger.skip_to(PARTITIONS[1], 6, 8, actor="ada", reason="lost")


async def mappings_are_edited(engine: AsyncEngine) -> None:
    async with editing(engine, actor="ada", reason="because") as edit:
        made = await edit.create(mapping("new", bet9ja_key="S_OTHER"))
        made = await edit.update("new", mapping("new", bet9ja_key="S_ANOTHER"), made.version)
        made = await edit.set_active("new", made.version, is_active=False)
        await edit.delete("new", made.version)
    async with editing(engine, actor="ada", reason="tried", dry_run=True):
        pass
    async with transaction(engine) as connection:
        await mappings.list_mappings(
            connection, is_active=True, platform="sportybet", market_id="1"
        )
        await mappings.list_mappings(connection, containing="x", limit=5)
        await mappings.ids_of(connection, label="x")
        await mappings.selling(connection, [("sportybet", "1")])
        await mappings.canonical_ids(connection)
        await mappings.get_all(connection, ["btts"])
        version = await audit.last_version(connection)
        await audit.last_changes(connection, "new", 5)
        await audit.change_until(connection, "new", version)
        await audit.newest(connection, 10)
        await audit.recent_reasons(connection)
        for canonical_id in (None, "x"):
            await audit.count(connection, canonical_id)
            async for _ in audit.stream(connection, canonical_id, 5):
                pass
        await audit.table_as_of(connection, version)


async def queue_is_worked_through(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        for order in ORDERS:
            await misses.list_misses(connection, order=order)  # type: ignore[arg-type]  # its keys
            await misses.rank_misses(connection, order=order)  # type: ignore[arg-type]  # as above
        await misses.count_misses(connection)
        await misses.sum_misses(connection)
        await misses.sum_by_source(connection)
        await misses.sum_share(connection)
        await misses.market_ids(connection, "sportybet", "8", 10)
        await misses.get_miss(connection, BOOKED)
        await misses.get_unlocked(connection, BOOKED)
        await misses.misses_of(connection, [BTTS])
        await misses.by_id(connection, await misses.ids_of(connection, [BTTS]))
        await misses.acknowledge(connection, [BOOKED], actor="ada", notes="asking")
        await misses.reopen(connection, [BOOKED], actor="ada")
        limit = NOON + timedelta(days=100)
        await misses.ignore(
            connection, [BOOKED], actor="ada", until_count=9, until_rate=1.5, until=limit
        )
        await misses.settle(connection, await audit.last_version(connection), [BTTS], ())


async def changes_are_published(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await relay.try_to_lead(connection, "relay")
        cursor = await relay.read_cursor(connection, "relay")
        await connection.execute(PENDING, {"version": cursor})
        changes = await audit.read_after(connection, cursor, 100)
        await relay.move_cursor(connection, "relay", expected=cursor, version=changes[-1].id)


async def range_is_replayed(engine: AsyncEngine) -> None:
    asked = replays.Replay(
        "r1", "workers", [{"partition": 0}], {"markets": []}, 6, 2.5, "ada", "because"
    )
    async with replays.start(engine, asked) as running:
        await running.add(published=3, passed_over=1)
        await running.finish("FAILED", "away")
    async with replays.resume(engine, "r1") as running:
        await running.finish("DONE")
    async with transaction(engine) as connection:
        await replays.newest(connection, 5)
        await replays.count(connection)


def mapping(canonical_id: str, **ids: str) -> Mapping:
    outcomes = [{"canonical_id": "yes", "sportybet_desc": "Yes", "bet9ja_suffix": "Y"}]
    return parse_mapping(
        {"canonical_id": canonical_id, "name": "Name", "outcome_mapping": outcomes, **ids}
    )


def move(partition: int, expected: int, next_offset: int) -> WatermarkMove:
    return WatermarkMove(*PARTITIONS[partition], expected, next_offset)


def missed(source: str, market_id: str, count: int) -> MissRow:
    return MissRow(
        source,
        market_id,
        "Player To Be Booked",
        '[{"label": "Yes"}]',
        "UNKNOWN_MARKET",
        2,
        NOON,
        NOON,
        count,
        [5, 7],
    )
