"""A value in a JSON column that no program can use costs its own row, whoever wrote it and wherever it is."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.editing.changes import audited, parsed, published
from tests.support.editing.edits import fetch, insert, run
from tests.support.people.commands import command
from tests.support.services.installation import Installation, until
from tests.support.services.relays import start_relay
from tests.support.stream import expected_counts, stream
from worker.domain.catalogue import load_catalogue
from worker.storage.audit import table_as_of
from worker.storage.migrate import downgrade, upgrade

pytestmark = pytest.mark.services

WITHOUT_BOUNDS = "0013"
OUTCOMES = '[{{"canonical_id": "yes", "sportybet_desc": "Yes", "position": {position}}}]'
UNUSABLE = {
    "large": OUTCOMES.format(position=10**20),
    "digits": OUTCOMES.format(position="9" * 5_000),
    "deep": OUTCOMES.format(position="[" * 1_500 + "]" * 1_500),
    "long": OUTCOMES.format(position=f'"{"x" * 1_200_000}"'),
}
INSERT = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping) VALUES ($1, $1, $2, $3)
"""
NOT_VALIDATED = "SELECT conname FROM pg_constraint WHERE NOT convalidated ORDER BY conname"
REPLAY = """
INSERT INTO replay_run (id, consumer_group, ranges, filters, mapping_version, actor, reason, state)
VALUES ('spoilt', 'g', $1, '{}', 0, 'ada', 'r', 'RUNNING')
"""


@pytest.fixture
def url(installation: Installation) -> str:
    return installation.settings.database_url or ""


@pytest.fixture
async def spoilt(url: str) -> str:
    """A database in which such rows were there before the bounds: two are left, two only in the log."""
    # There were none of these; without their column their labels say nothing.
    await run(url, "DELETE FROM user_market_mappings WHERE participant IS NOT NULL")
    await downgrade(url, WITHOUT_BOUNDS)
    for name, outcomes in UNUSABLE.items():
        await run(url, INSERT, name, f"id {name}", outcomes)
    await run(url, "DELETE FROM user_market_mappings WHERE canonical_id IN ('large', 'deep')")
    await run(url, REPLAY, UNUSABLE["digits"])
    await upgrade(url)
    return url


async def test_rows_of_before_the_bounds_do_not_stop_the_migration_and_new_ones_are_refused(
    spoilt: str,
) -> None:
    left = [row["conname"] for row in await fetch(spoilt, NOT_VALIDATED)]
    assert left == ["ck_replay_run_ranges_bounds", "ck_user_market_mappings_outcome_mapping_bounds"]
    for name, outcomes in UNUSABLE.items():
        with pytest.raises(asyncpg.CheckViolationError):
            await run(spoilt, INSERT, f"{name} again", "x", outcomes)
    # Switching an old one off, and deleting it, go on; then the bound can be made to hold for all.
    await run(
        spoilt, "UPDATE user_market_mappings SET is_active = false WHERE canonical_id = 'digits'"
    )
    await run(spoilt, "DELETE FROM user_market_mappings WHERE canonical_id = 'long'")
    await run(spoilt, f"ALTER TABLE user_market_mappings VALIDATE CONSTRAINT {left[1]}")


async def test_every_process_starts_goes_on_and_says_which_rows_it_cannot_use(
    installation: Installation, spoilt: str
) -> None:
    total = 200
    await installation.publish(stream(total))
    relay = start_relay(installation)
    await published(installation)
    installation.start_worker()
    installation.start_worker(MARKETMAP_RELAY_IN_WORKER="true")
    await installation.caught_up()
    await insert(spoilt, "later", "x1")
    await published(installation)
    assert await installation.counts() == expected_counts(total)

    changes = parsed(await installation.consume("mappings.changes"))
    assert [(one.mapping_version, one.canonical_id, one.action) for one in changes] == (
        await audited(spoilt)
    )
    unread = [one.new for one in changes if one.canonical_id in UNUSABLE and one.action == "CREATE"]
    assert [new and new.outcome_mapping for new in unread] == [[]] * len(UNUSABLE)
    assert {
        line["canonical_id"] for line in relay.lines() if line["event"] == "change_not_whole"
    } == {*UNUSABLE}
    for number in (0, 1):
        await installation.logged("index_loaded", number)
        unusable = {
            line["canonical_id"]: line["error"]
            for line in installation.log_of(number)
            if line["event"] == "mapping_not_usable"
        }
        assert unusable.keys() == {"digits", "long"}
        assert "64 bits" in unusable["digits"]
    _, metrics = await installation.ask("/metrics")
    assert "marketmap_index_unusable_mappings 2.0" in metrics.splitlines()
    assert await relay.stop() == 0


async def test_a_running_worker_hears_of_such_a_row_and_of_its_end(
    installation: Installation, url: str
) -> None:
    installation.start_worker(MARKETMAP_RELAY_IN_WORKER="true")
    await installation.logged("index_loaded")
    await run(
        url,
        "ALTER TABLE user_market_mappings"
        " DROP CONSTRAINT ck_user_market_mappings_outcome_mapping_bounds",
    )
    await run(url, INSERT, "digits", "1 x", UNUSABLE["digits"])
    assert (await installation.logged("mapping_not_usable"))["canonical_id"] == "digits"
    await run(url, "DELETE FROM user_market_mappings WHERE canonical_id = 'digits'")
    await insert(url, "later", "x1")

    async def is_without_it() -> bool:
        _, metrics = await installation.ask("/metrics")
        version = await fetch(url, "SELECT max(id) FROM mapping_audit_log")
        lines = metrics.splitlines()
        return (
            f"marketmap_index_version {float(version[0][0])}" in lines
            and "marketmap_index_unusable_mappings 0.0" in lines
        )

    await until(is_without_it)
    await published(installation)
    assert await installation.stop_worker() == 0


async def test_a_row_of_which_no_message_can_be_made_is_skipped_logged_and_counted(
    installation: Installation, url: str
) -> None:
    await run(
        url,
        "INSERT INTO mapping_audit_log (canonical_id, action, new_value, created_at)"
        " VALUES ('btts', 'UPDATE', '7', 'infinity'), ('', 'CREATE', '[]', now())",
    )
    skipped = (await audited(url))[-2:]
    await insert(url, "later", "x1")
    relay = start_relay(installation)
    await published(installation)
    changes = parsed(await installation.consume("mappings.changes"))
    assert [(one.mapping_version, one.canonical_id, one.action) for one in changes] == [
        row for row in await audited(url) if row not in skipped
    ]
    errors = [line for line in relay.lines() if line["event"] == "change_not_published"]
    assert [(line["level"], line["version"]) for line in errors] == [
        ("error", version) for version, _, _ in skipped
    ]
    assert await relay.stop() == 0


async def test_every_command_that_reads_goes_on(installation: Installation, spoilt: str) -> None:
    async with installation.engine.connect() as connection:
        version = (await fetch(spoilt, "SELECT max(id) FROM mapping_audit_log"))[0][0]
        rows = await table_as_of(connection, version)
    assert {row["canonical_id"] for row in rows} >= {"digits", "long", "btts_ft"}
    for arguments in (
        ("mappings", "list"),
        ("mappings", "list", "--json"),
        ("mappings", "show", "digits"),
        ("mappings", "show", "digits", "--json"),
        ("mappings", "history", "large"),
        ("mappings", "history", "large", "--json"),
        ("mappings", "export", "btts_ft"),
        ("replay", "list"),
        ("replay", "list", "--json"),
        ("replay", "show", "spoilt"),
    ):
        done = await command(installation, *arguments)
        assert done.code == 0, (arguments, done)
    export = await command(installation, "mappings", "export")
    assert (export.code, "digits: outcome_mapping" in export.stderr) == (1, True)
    exported = load_catalogue(export.stdout)
    assert len(exported) == len(rows) - 2
    doctor = await command(installation, "doctor", "--json")
    said = doctor.stdout
    assert "digits cannot be used" in said
    assert "ck_user_market_mappings_outcome_mapping_bounds" in said
