"""An index that follows the table: told of commits, and finding out when it was not told."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from tests.support.editing.edits import INSERT, OUTCOMES, claims, fetch, insert, run
from tests.support.editing.following import NEVER_S
from tests.support.services.installation import until
from worker.runtime.index.following import MOST_CHANGES
from worker.runtime.index.live import build_index
from worker.storage.audit import table_as_of

pytestmark = pytest.mark.services

LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'marketmap-listener' AND datname = $1"
# Returns once the sessions have ended.
KILL_LISTENERS = LISTENERS.replace("pid", "pg_terminate_backend(pid, 60000)", 1)
ROLLED_BACK = """
DO $$
BEGIN
    INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
    VALUES ('x', 'x', '29', '[{"canonical_id": "yes", "sportybet_desc": "Yes"}]');
    RAISE EXCEPTION 'no';
END
$$
"""
MANY = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
SELECT 'many ' || n, 'many', 'm' || n, $1 FROM generate_series(1, $2::int) AS n
"""


async def listening(url: str) -> None:
    """Wait until a listener is connected, and has told so."""

    async def is_there() -> bool:
        return bool(await fetch(url, LISTENERS, database_name(url)))

    await until(is_there)


def database_name(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


async def check_is_the_table(follower: Any, engine: AsyncEngine) -> None:
    """The index is what the audit log says of its version."""
    async with engine.connect() as connection:
        rows = await table_as_of(connection, follower.index.current.version)
    assert claims(follower.index.current) == claims(build_index(0, rows))
    assert follower.index.current.size == len(rows) - len(follower.index.unusable)


async def test_a_committed_change_is_in_use_without_a_poll(follow: Any, migrated: str) -> None:
    async with follow(poll_s=NEVER_S) as follower:
        await listening(migrated)
        version = await insert(migrated, "btts", "29")
        await follower.at(version)
        (claim,) = follower.index.current.claims("sportybet", "29")
        assert (claim.canonical_id, follower.swaps[-1].kind) == ("btts", "changes")


async def test_a_change_that_is_rolled_back_is_never_in_use(follow: Any, migrated: str) -> None:
    async with follow() as follower:
        await listening(migrated)
        with pytest.raises(asyncpg.RaiseError):
            await run(migrated, ROLLED_BACK)
        await follower.at(await insert(migrated, "btts", "29"))
        assert follower.index.current.size == 1


@pytest.mark.parametrize(
    ("statement", "claimed"),
    [
        ("UPDATE user_market_mappings SET is_active = false", []),
        ("DELETE FROM user_market_mappings", []),
        ("UPDATE user_market_mappings SET sportybet_id = '30'", []),
        ("UPDATE user_market_mappings SET canonical_id = 'other'", ["other"]),
        ("UPDATE user_market_mappings SET name = 'other'", ["btts"]),
    ],
)
async def test_every_kind_of_change_is_followed(
    follow: Any, migrated: str, engine: AsyncEngine, statement: str, claimed: list[str]
) -> None:
    async with follow() as follower:
        await follower.at(await insert(migrated, "btts", "29"))
        await follower.at(await run(migrated, statement))
        assert [
            claim.canonical_id for claim in follower.index.current.claims("sportybet", "29")
        ] == claimed
        await check_is_the_table(follower, engine)


async def test_a_mapping_that_is_switched_on_again_is_back(follow: Any, migrated: str) -> None:
    async with follow() as follower:
        await insert(migrated, "btts", "29")
        await run(migrated, "UPDATE user_market_mappings SET is_active = false")
        await follower.at(await run(migrated, "UPDATE user_market_mappings SET is_active = true"))
        assert follower.index.current.size == 1


async def test_the_changes_of_one_transaction_are_one_swap(
    follow: Any, migrated: str, engine: AsyncEngine
) -> None:
    async with follow() as follower:
        await listening(migrated)
        await follower.at(await run(migrated, MANY, json.dumps(OUTCOMES), MOST_CHANGES))
        assert [swap.kind for swap in follower.swaps] == ["table", "changes"]
        await check_is_the_table(follower, engine)


async def test_more_changes_than_are_read_at_once_are_a_reload(
    follow: Any, migrated: str, engine: AsyncEngine
) -> None:
    async with follow() as follower:
        await listening(migrated)
        await follower.at(await run(migrated, MANY, json.dumps(OUTCOMES), MOST_CHANGES + 1))
        assert [swap.kind for swap in follower.swaps] == ["table", "table"]
        await check_is_the_table(follower, engine)


async def test_a_change_that_nobody_told_of_is_found_by_polling(follow: Any, migrated: str) -> None:
    async with follow(poll_s=0.05, retry_delay=lambda _: NEVER_S) as follower:
        await listening(migrated)
        await fetch(migrated, KILL_LISTENERS, database_name(migrated))
        version = await insert(migrated, "btts", "29")
        await follower.at(version)
        assert not await fetch(migrated, LISTENERS, database_name(migrated))


async def test_a_listener_that_was_cut_off_comes_back_and_reads_the_whole_table(
    follow: Any, migrated: str
) -> None:
    async with follow(poll_s=NEVER_S) as follower:
        await listening(migrated)
        seen = len(follower.swaps)
        await fetch(migrated, KILL_LISTENERS, database_name(migrated))
        await follower.swapped(seen)
        assert follower.swaps[-1].kind == "table"
        await follower.at(await insert(migrated, "btts", "29"))
        assert follower.swaps[-1].kind == "changes"


async def test_a_row_that_cannot_be_used_is_reported_and_costs_no_other(
    follow: Any, migrated: str, engine: AsyncEngine
) -> None:
    async with follow() as follower:
        await listening(migrated)
        with capture_logs() as logs:
            await insert(migrated, "broken", "1", outcomes=[{"no": "outcome"}])
            await follower.at(await insert(migrated, "btts", "29"))
        assert [line["canonical_id"] for line in logs if line["event"] == "mapping_not_usable"] == [
            "broken"
        ]
        assert list(follower.index.unusable) == ["broken"]
        assert follower.index.current.size == 1


async def test_a_row_that_is_broken_leaves_the_index_and_comes_back_when_it_is_mended(
    follow: Any, migrated: str
) -> None:
    async with follow() as follower:
        await insert(migrated, "btts", "29")
        await follower.at(
            await run(migrated, "UPDATE user_market_mappings SET outcome_mapping = '[7]'::jsonb")
        )
        assert (follower.index.current.size, list(follower.index.unusable)) == (0, ["btts"])
        mended = json.dumps(OUTCOMES)
        await follower.at(
            await run(migrated, "UPDATE user_market_mappings SET outcome_mapping = $1", mended)
        )
        assert (follower.index.current.size, follower.index.unusable) == (1, {})


async def test_a_notification_that_is_no_version_does_no_harm(follow: Any, migrated: str) -> None:
    async with follow() as follower:
        await listening(migrated)
        for payload in ("", "x", "-1", "²", "9" * 40, "99999999"):
            await fetch(migrated, "SELECT pg_notify('marketmap_mappings', $1)", payload)
        await follower.at(await insert(migrated, "btts", "29"))
        assert follower.index.current.size == 1


async def test_an_old_index_stays_in_use_and_its_age_is_told(follow: Any, migrated: str) -> None:
    async with follow(poll_s=0.02) as follower:
        await fetch(migrated, "ALTER TABLE mapping_audit_log RENAME TO gone")
        try:

            async def is_old() -> bool:
                return bool(follower.mappings.notes())

            await until(is_old)
            assert follower.index.current.size == 0
        finally:
            await fetch(migrated, "ALTER TABLE gone RENAME TO mapping_audit_log")
        await follower.at(await run(migrated, INSERT, "btts", "29", json.dumps(OUTCOMES)))
        assert follower.mappings.notes() == []
