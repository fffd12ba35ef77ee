"""Fixtures for tests of live mappings: a table that an index or a relay follows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.editing.following import Follower, following
from tests.support.services.installation import Installation, fill, installed, temporary_database

if TYPE_CHECKING:
    from tests.conftest import Services


@pytest.fixture
async def installation(services: Services, tmp_path: Path) -> AsyncIterator[Installation]:
    async with temporary_database(services.postgres) as url:
        await fill(url)
        async with installed(services.kafka, url, tmp_path) as installation:
            yield installation


@pytest.fixture
def follow(
    migrated: str, engine: AsyncEngine
) -> Callable[..., AbstractAsyncContextManager[Follower]]:
    """`async with follow(poll_s=...) as follower`: an index that follows the empty table of `migrated`."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Follower]:
        async with following(engine, migrated, **options) as follower:
            yield follower

    return start
