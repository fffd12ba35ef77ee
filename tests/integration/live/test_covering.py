"""Where a relay runs, a mapping that got in by plain SQL ends the misses that it covers."""

from tests.support.services.installation import Installation, execute, until
from tests.support.services.relays import start_relay
from worker.storage.engine import transaction
from worker.storage.misses import get_miss

MISS = """
INSERT INTO unmapped_market_log (source, external_market_id, sample_outcomes, reason, mapping_version)
VALUES ('sportybet', 'user1', '[{"label": "Yes", "odds": 2, "qualifier": null}]', 'UNKNOWN_MARKET', 0)
"""
MAPPING = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
VALUES ('by_hand', 'By hand', 'user1', '[{"canonical_id": "yes", "sportybet_desc": "Yes", "position": 0}]')
"""


async def test_a_relay_marks_what_a_mapping_made_by_sql_covers(installation: Installation) -> None:
    async def is_mapped() -> bool:
        async with transaction(installation.engine) as connection:
            return (await get_miss(connection, ("sportybet", "user1"))).status == "MAPPED"

    url = installation.settings.database_url
    await execute(url, MISS)
    relay = start_relay(installation)
    await execute(url, MAPPING)
    await until(is_mapped)
    assert await relay.stop() == 0
