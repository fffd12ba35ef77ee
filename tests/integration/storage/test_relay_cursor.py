"""How far changes are published, and that one publishes at a time."""

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import relay


async def test_a_cursor_starts_at_zero_and_stays_where_it_was_moved(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await relay.read_cursor(connection, "changes") == 0
        assert await relay.move_cursor(connection, "changes", expected=0, version=7)
        assert await relay.read_cursor(connection, "changes") == 7
        assert await relay.read_cursor(connection, "others") == 0


async def test_a_cursor_that_stands_elsewhere_is_not_moved_nor_one_backwards(
    engine: AsyncEngine,
) -> None:
    async with engine.connect() as connection:
        await relay.read_cursor(connection, "changes")
        assert await relay.move_cursor(connection, "changes", expected=0, version=7)
        assert not await relay.move_cursor(connection, "changes", expected=0, version=9)
        assert not await relay.move_cursor(connection, "changes", expected=7, version=6)
        assert await relay.read_cursor(connection, "changes") == 7


async def test_one_leads_until_its_connection_ends(engine: AsyncEngine) -> None:
    first = await engine.connect()
    async with engine.connect() as second:
        assert await relay.try_to_lead(first, "changes")
        assert not await relay.try_to_lead(second, "changes")
        assert await relay.try_to_lead(second, "others")
        await first.invalidate()
        await first.close()
        assert await relay.try_to_lead(second, "changes")
        await second.invalidate()
