"""A time that Python has not costs nobody anything, whoever wrote it and wherever it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.editing.changes import audited, parsed, published
from tests.support.editing.edits import fetch, insert, run
from tests.support.hostile.times import UNUSABLE_TIMES
from tests.support.people.commands import command_in_process
from tests.support.services.installation import Installation, until
from tests.support.services.relays import start_relay
from worker.domain.catalogue import load_catalogue
from worker.storage.engine import transaction
from worker.storage.misses import get_miss

pytestmark = pytest.mark.services

INSERT = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping, created_at, updated_at)
VALUES ($1, $1, $1, '[{"canonical_id": "yes", "sportybet_desc": "Yes"}]', $2::text::timestamptz, now())
"""
SET_CREATED = (
    "UPDATE user_market_mappings SET created_at = $2::text::timestamptz WHERE canonical_id = $1"
)
IGNORED = """
INSERT INTO unmapped_market_log (source, external_market_id, sample_outcomes, reason, mapping_version, status,
    ignored_until)
VALUES ('sportybet', $1, '[{"label": "Yes", "odds": 2, "qualifier": null}]', 'UNKNOWN_MARKET', 0, 'IGNORED',
    $2::text::timestamptz)
"""
SNOOZED = """
INSERT INTO miss_case (source, external_market_id, owner, snoozed_until)
VALUES ('sportybet', $1, 'ada', $2::text::timestamptz)
"""
REPLAY = """
INSERT INTO replay_run (id, consumer_group, ranges, filters, mapping_version, actor, reason, state,
    created_at)
VALUES (md5($1), 'g', '[1]', '{}', 0, 'ada', 'r', 'RUNNING', $2::text::timestamptz)
"""
SEEN = """
INSERT INTO unmapped_market_log (source, external_market_id, reason, mapping_version, first_seen_at,
    last_seen_at)
VALUES ('sportybet', $1, 'UNKNOWN_MARKET', 0, $2::text::timestamptz, $2::text::timestamptz)
"""
AUDITED = """
INSERT INTO mapping_audit_log (canonical_id, action, new_value, created_at)
VALUES ('untimely', 'UPDATE', '{}', $1::text::timestamptz)
"""


@pytest.fixture
def url(installation: Installation) -> str:
    return installation.settings.database_url or ""


async def test_a_mapping_made_at_such_a_time_is_published_and_listed(
    installation: Installation, url: str
) -> None:
    names = [f"made {written}" for written in UNUSABLE_TIMES]
    for name, written in zip(names, UNUSABLE_TIMES, strict=True):
        await run(url, INSERT, name, written)
    await run(url, SET_CREATED, "btts_ft", "20000-01-01")
    relay = start_relay(installation)
    installation.start_worker(MARKETMAP_RELAY_IN_WORKER="true")
    await published(installation)
    await insert(url, "later", "x1")
    await published(installation)
    assert await installation.stop_worker() == 0
    assert await relay.stop() == 0

    changes = parsed(await installation.consume("mappings.changes"))
    assert [(one.mapping_version, one.canonical_id, one.action) for one in changes] == (
        await audited(url)
    )
    for change in changes:
        if change.canonical_id in names:
            assert change.new is not None
            assert change.new.created_at is None
            assert change.new.sportybet_id == change.canonical_id
    for arguments in (
        ("mappings", "list"),
        ("mappings", "list", "--json"),
        ("mappings", "show", "btts_ft"),
        *(("mappings", "show", name, "--json") for name in names),
        ("mappings", "history", names[0], "--json"),
    ):
        done = await command_in_process(installation, *arguments)
        assert done.code == 0, (arguments, done)
    exported = await command_in_process(installation, "mappings", "export")
    assert exported.code == 0, exported
    assert {row.canonical_id for row in load_catalogue(exported.stdout)} >= {*names, "btts_ft"}


async def test_a_market_ignored_until_such_a_time_is_listed_and_its_next_mapping_published(
    installation: Installation, url: str
) -> None:
    for written in UNUSABLE_TIMES:
        await run(url, IGNORED, written, written)
        await run(url, SNOOZED, written, written)
        await run(url, REPLAY, written, written)
    relay = start_relay(installation)
    for written in UNUSABLE_TIMES:
        await insert(url, f"of {written}", written)
    await published(installation)
    assert await relay.stop() == 0
    async with transaction(installation.engine) as connection:
        missed = [await get_miss(connection, ("sportybet", one)) for one in UNUSABLE_TIMES]
    assert {one.status for one in missed} == {"IGNORED"}
    for arguments in (
        ("unmapped", "list", "--status", "IGNORED", "--snoozed"),
        ("unmapped", "list", "--status", "IGNORED", "--snoozed", "--json"),
        *(("unmapped", "show", "--json", "--", "sportybet", one) for one in UNUSABLE_TIMES),
        ("unmapped", "show", "sportybet", UNUSABLE_TIMES[0]),
        ("unmapped", "cases", "--snoozed", "--json"),
        ("unmapped", "cases"),
        ("replay", "list"),
        ("replay", "list", "--json"),
    ):
        done = await command_in_process(installation, *arguments)
        assert done.code == 0, (arguments, done)


@pytest.mark.parametrize("written", UNUSABLE_TIMES)
async def test_an_index_that_is_told_of_a_change_at_such_a_time_follows(
    follow: Callable[..., Any], migrated: str, engine: AsyncEngine, written: str
) -> None:
    async with follow(poll_s=0.05) as follower:
        await follower.at(await run(migrated, AUDITED, written))
        assert follower.swaps[-1].delay_s is None
        await follower.at(await insert(migrated, "btts", "29"))
        assert follower.swaps[-1].delay_s is not None


async def test_relays_and_workers_go_on_after_changes_at_such_times(
    installation: Installation, url: str
) -> None:
    for written in UNUSABLE_TIMES:
        await run(url, AUDITED, written)
    installation.start_worker(MARKETMAP_RELAY_IN_WORKER="true")
    await installation.logged("index_loaded")
    await published(installation)
    for written in UNUSABLE_TIMES:
        await run(url, AUDITED, written)
        await published(installation)
    _, metrics = await installation.ask("/metrics")
    ages = [line for line in metrics.splitlines() if line.startswith("marketmap_relay_age_seconds")]
    assert all(float(line.split()[-1]) >= 0 for line in ages)
    skipped = [line for line in installation.log_of(0) if line["event"] == "change_not_published"]
    assert len(skipped) == 2 * len(UNUSABLE_TIMES)
    status, _ = await installation.ask("/status")
    assert status == 200
    assert await installation.stop_worker() == 0
    history = await command_in_process(installation, "mappings", "history", "untimely", "--json")
    assert len(json.loads(history.stdout)) == 2 * len(UNUSABLE_TIMES)
    doctor = await command_in_process(installation, "doctor", "--json")
    assert json.loads(doctor.stdout), doctor
    assert await fetch(url, "SELECT FROM mapping_audit_log WHERE created_at = 'infinity'")


async def test_a_market_first_seen_at_such_a_time_is_not_announced_and_stops_nobody(
    installation: Installation, url: str
) -> None:
    for written in UNUSABLE_TIMES:
        await run(url, SEEN, written, written)
    installation.start_worker()

    async def are_refused() -> bool:
        refused = [one for one in installation.log_of(0) if one["event"] == "market_not_announced"]
        return len(refused) == len(UNUSABLE_TIMES)

    await until(are_refused)
    assert await installation.stop_worker() == 0
    assert await installation.consume(installation.settings.topic_unmapped) == []
