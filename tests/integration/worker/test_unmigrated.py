"""New code before the migration was run says what is missing; docs/deploying.md promises no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.services.installation import Installation, installed, temporary_database
from tests.support.services.relays import start_relay
from worker.storage.migrate import upgrade

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services


@pytest.fixture
async def unmigrated(services: Services, tmp_path: Path) -> AsyncIterator[Installation]:
    async with (
        temporary_database(services.postgres) as url,
        installed(services.kafka, url, tmp_path) as installation,
    ):
        yield installation


async def test_a_worker_that_does_not_find_its_tables_ends_and_names_one(
    unmigrated: Installation,
) -> None:
    unmigrated.start_worker()
    assert await unmigrated.ended() == 1
    (told,) = [line["error"] for line in unmigrated.logs() if line["event"] == "fatal"]
    assert told == 'relation "user_market_mappings" does not exist'


async def test_a_relay_names_one_and_waits_for_the_migration(unmigrated: Installation) -> None:
    relay = start_relay(unmigrated)
    try:
        told = await relay.logged("relay_gave_up_the_lead")
        assert told["error"] == 'relation "relay_cursor" does not exist'
        await upgrade(unmigrated.settings.database_url)
        await relay.logged("relay_leads")
    finally:
        relay.kill()
