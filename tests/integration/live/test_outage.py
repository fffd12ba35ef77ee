"""Workers and a relay while Postgres is killed and comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from tests.support.editing.changes import audited, first_occurrences, parsed, published
from tests.support.editing.edits import insert
from tests.support.services.installation import (
    Installation,
    fill,
    installed,
    temporary_database,
    until,
)
from tests.support.services.relays import start_relay
from tests.support.stream import resolved, stream
from worker.local.services import LocalServices

pytestmark = pytest.mark.services


@pytest.fixture
async def breakable(
    breakable_services: LocalServices, tmp_path: Path
) -> AsyncIterator[Installation]:
    async with temporary_database(breakable_services.postgres) as url:
        await fill(url)
        async with installed(
            breakable_services.kafka, url, tmp_path, index_poll_s=0.1
        ) as installation:
            yield installation


async def notes(installation: Installation) -> list[str]:
    _, body = await installation.ask("/readyz")
    return list(orjson.loads(body)["notes"])


async def test_a_worker_goes_on_with_its_index_says_how_old_it_is_and_catches_up(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    url = breakable.settings.database_url
    breakable.start_worker()
    relay = start_relay(breakable)
    await relay.logged("relay_leads")
    await breakable.ready()
    *_, (before, _, _) = await audited(url)
    breakable_services.postgres_service.kill()

    async def is_old() -> bool:
        return bool(await notes(breakable))

    await until(is_old)
    await breakable.publish(stream(10))
    await breakable.resolved_from(10)
    breakable_services.postgres_service.start()
    version = await insert(url, "while away", "900001")

    async def is_new() -> bool:
        newest = [line for line in breakable.log_of(0) if line["event"] == "index_loaded"][-1]
        return bool(newest["version"] == version) and not await notes(breakable)

    await until(is_new)
    await published(breakable)
    assert await relay.stop() == 0
    assert await breakable.stop_worker() == 0
    versions = {
        orjson.loads(record.value or b"")["mapping_version"] for record in await resolved(breakable)
    }
    assert versions == {before}, (
        "what was resolved while Postgres was away names what it was resolved with"
    )
    changes = parsed(await breakable.consume("mappings.changes"))
    assert first_occurrences(changes) == await audited(url)
