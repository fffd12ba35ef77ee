"""Views of the queue: each person keeps their own, in the console and on the command line."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.changes import views
from worker.storage.changes.views import MOST_VIEWS, TooManyViews
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused


async def test_each_person_keeps_views_of_their_own(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await views.save_view(connection, "mine", "owner=me", actor="ann")
        await views.save_view(connection, "mine", "owner=nobody", actor="bob")
        await views.save_view(connection, "mine", "owner=me&order=confidence", actor="ann")
        (kept,) = await views.list_views(connection, "ann")
        assert (kept.name, kept.query) == ("mine", "owner=me&order=confidence")
        assert await views.delete_view(connection, "mine", actor="ann")
        assert not await views.delete_view(connection, "mine", actor="ann")
        assert [one.query for one in await views.list_views(connection, "bob")] == ["owner=nobody"]


@pytest.mark.parametrize(("name", "query"), [(" ", ""), ("n" * 101, ""), ("n", "q" * 2001)])
async def test_names_and_queries_are_bounded(engine: AsyncEngine, name: str, query: str) -> None:
    with pytest.raises(StorageRefused):
        async with transaction(engine) as connection:
            await views.save_view(connection, name, query, actor="ann")


async def test_a_person_keeps_no_more_views_than_can_be_shown(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        for number in range(MOST_VIEWS):
            await views.save_view(connection, f"view {number}", "", actor="ann")
        await views.save_view(connection, "view 0", "owner=me", actor="ann")
        with pytest.raises(TooManyViews, match="remove one first"):
            await views.save_view(connection, "one more", "", actor="ann")
