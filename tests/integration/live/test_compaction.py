"""What the broker's own compaction leaves of the change topic is still the whole table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Services
from tests.support.editing.changes import audited, parsed, published, table
from tests.support.editing.edits import insert, run
from tests.support.editing.table_view import fold
from tests.support.services.installation import (
    Installation,
    fill,
    installed,
    temporary_database,
    until,
)
from worker.kafka.topic_specs import topic_specs
from worker.runtime.process import background
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.relay.publishing import Relay

pytestmark = pytest.mark.services

# Segments end at once and are cleaned as soon as anything in them is out of date.
EAGER = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100"}
KEYS = 10
REPEATED_TIMES = 50  # each of them
REPEATED = """
DO $$
BEGIN
    FOR round IN 1..50 LOOP
        UPDATE user_market_mappings SET priority = round WHERE canonical_id LIKE 'often %';
    END LOOP;
    DELETE FROM user_market_mappings WHERE canonical_id IN ('often 1', 'often 2');
END
$$
"""


@pytest.fixture
async def compacting(services: Services, tmp_path: Path) -> AsyncIterator[Installation]:
    async with temporary_database(services.postgres) as url:
        await fill(url)
        async with installed(services.kafka, url, tmp_path, topics=False) as installation:
            changes = installation.settings.topics.changes
            (spec,) = [spec for spec in topic_specs(installation.settings) if spec.name == changes]
            await installation.admin.topics.create([spec._replace(config=spec.config | EAGER)])
            yield installation


async def test_what_compaction_leaves_of_the_topic_gives_the_table(
    compacting: Installation,
) -> None:
    url = compacting.settings.database_url
    for number in range(KEYS):
        await insert(url, f"often {number}", f"o{number}")
    await run(url, REPEATED)
    before = await audited(url)

    async def is_compacted() -> bool:
        # A segment ends, and can be cleaned, only when a later record arrives.
        await run(
            url,
            "UPDATE user_market_mappings SET priority = priority + 1 WHERE canonical_id = 'often 3'",
        )
        await published(compacting)
        left = len(await compacting.consume("mappings.changes"))
        return left < len(before) - KEYS * REPEATED_TIMES // 2

    relay = Relay(compacting.settings, RelayMetrics(), retry_delay=lambda _: 0.05)
    async with background(relay.run, lambda error: pytest.fail(str(error))):
        await until(is_compacted)
    left = parsed(await compacting.consume("mappings.changes"))
    newest = {name: version for version, name, _ in await audited(url)}
    assert set(newest.values()) <= {change.mapping_version for change in left}
    assert fold(left) == await table(url)
