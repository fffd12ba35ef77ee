"""The misses as a work queue: what editors decide, and when a decision no longer holds."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import misses
from worker.storage.changes import cases
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.ledger import Ledger, MissRow
from worker.storage.migrate import upgrade
from worker.storage.misses import QueuedMiss, QueueKey, UnknownMiss
from worker.storage.watermarks import WatermarkMove

Rows = Callable[..., Any]
See = Callable[..., Any]

KEY = ("sportybet", "800117")
HOUR = timedelta(hours=1)


@pytest.fixture
def see(ledger: Ledger, move: Callable[..., list[WatermarkMove]], miss: MissRow) -> See:
    """`await see(**changes)`: the market is missed once more."""
    offset = 0

    async def see(**changes: Any) -> None:
        nonlocal offset
        if "last_seen_at" in changes:
            changes.setdefault("first_seen_at", changes["last_seen_at"])
        await ledger.commit(move(offset, offset + 1), [miss._replace(**changes)])
        offset += 1

    return see


async def change(
    engine: AsyncEngine, name: str, *arguments: Any, **options: Any
) -> Sequence[QueueKey]:
    async with transaction(engine) as connection:
        changed: Sequence[QueueKey] = await getattr(misses, name)(connection, *arguments, **options)
        return changed


async def cover(
    engine: AsyncEngine, version: int, keys: Sequence[QueueKey], **options: Any
) -> Sequence[QueueKey]:
    async with transaction(engine) as connection:
        return (await misses.settle(connection, version, keys, (), **options)).covered


async def get(engine: AsyncEngine, key: QueueKey = KEY) -> QueuedMiss:
    async with engine.connect() as connection:
        return await misses.get_miss(connection, key)


async def test_a_decision_names_who_took_it_and_when(engine: AsyncEngine, see: See) -> None:
    await see()
    assert await change(engine, "acknowledge", [KEY], actor="ann", notes="props") == [KEY]
    found = await get(engine)
    assert (found.status, found.status_actor, found.notes) == ("ACKNOWLEDGED", "ann", "props")
    assert found.status_changed_at is not None
    assert await change(engine, "acknowledge", [KEY], actor="bob") == []
    assert (await get(engine)).status_actor == "ann"
    await change(engine, "reopen", [KEY], actor="bob")
    found = await get(engine)
    assert (found.status, found.status_actor, found.notes) == ("NEW", "bob", "props")


async def test_a_decision_about_many_is_one(engine: AsyncEngine, see: See) -> None:
    for market_id in ("b", "a", "c"):
        await see(external_market_id=market_id)
    keys = [("sportybet", market_id) for market_id in "ba"]
    assert await change(engine, "ignore", keys, actor="ann") == sorted(keys)
    assert (await get(engine, ("sportybet", "c"))).status == "NEW"


async def test_a_market_that_was_never_missed_is_named_and_nothing_changes(
    engine: AsyncEngine, see: See
) -> None:
    await see()
    with pytest.raises(UnknownMiss, match="never missed: bet9ja S_X"):
        await change(engine, "acknowledge", [KEY, ("bet9ja", "S_X")], actor="ann")
    assert (await get(engine)).status == "NEW"


LEGAL = {
    "NEW": {"ACKNOWLEDGED", "IGNORED", "MAPPED"},
    "ACKNOWLEDGED": {"NEW", "IGNORED", "MAPPED"},
    "IGNORED": {"NEW", "ACKNOWLEDGED", "MAPPED"},
    "MAPPED": {"NEW"},
}


@pytest.mark.parametrize("old", LEGAL)
@pytest.mark.parametrize("new", LEGAL)
async def test_only_legal_changes_are_made_also_by_plain_sql(
    see: See, rows: Rows, old: str, new: str
) -> None:
    await see()
    set_status = "UPDATE unmapped_market_log SET status = :status"
    await rows(set_status, status=old)
    if new in LEGAL[old] | {old}:
        await rows(set_status, status=new)
    else:
        with pytest.raises(Exception, match=f"800117 is MAPPED and cannot become {new}"):
            await rows(set_status, status=new)


@pytest.mark.parametrize(
    "impossible",
    [
        "INSERT INTO unmapped_market_log (source, external_market_id, status) VALUES ('a', 'b', 'MAPPED')",
        "UPDATE unmapped_market_log SET mapped_version = 3",
        "UPDATE unmapped_market_log SET ignored_until_count = 3",
    ],
)
async def test_a_version_or_a_limit_belongs_to_its_status(
    see: See, rows: Rows, impossible: str
) -> None:
    await see()
    with pytest.raises(IntegrityError, match=r"ck_unmapped_market_log_(mapped_version|ignored)"):
        await rows(impossible)


async def test_what_was_mapped_before_versions_were_kept_is_so_as_of_the_last_one(
    database: str,
) -> None:
    await upgrade(database, "0006")
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO unmapped_market_log (source, external_market_id, status) VALUES ('a', 'b', 'MAPPED');"
        "INSERT INTO mapping_audit_log (id, canonical_id, action) VALUES (41, 'gone', 'DELETE')"
    )
    await upgrade(database)
    version = await connection.fetchval("SELECT mapped_version FROM unmapped_market_log")
    await connection.close()
    assert version == 41


async def test_an_illegal_change_of_one_changes_none(engine: AsyncEngine, see: See) -> None:
    await see()
    await see(external_market_id="other")
    await cover(engine, 8, [KEY])
    with pytest.raises(StorageRefused, match="reopen it first"):
        await change(engine, "ignore", [("sportybet", "other"), KEY], actor="ann")
    assert (await get(engine, ("sportybet", "other"))).status == "NEW"


async def test_what_a_mapping_covers_becomes_mapped_with_its_version(
    engine: AsyncEngine, see: See
) -> None:
    await see(mapping_version=7)
    assert await cover(engine, 8, [KEY, ("bet9ja", "never missed")]) == [KEY]
    found = await get(engine)
    assert (found.status, found.mapped_version) == ("MAPPED", 8)


async def test_what_was_missed_under_the_version_is_not_covered_by_it(
    engine: AsyncEngine, see: See
) -> None:
    await see(mapping_version=8)
    assert await cover(engine, 8, [KEY]) == []
    assert (await get(engine)).status == "NEW"


@pytest.mark.parametrize(("version", "status"), [(7, "MAPPED"), (8, "NEW"), (9, "NEW")])
async def test_what_is_mapped_comes_back_only_when_missed_under_that_version_or_later(
    engine: AsyncEngine, see: See, version: int, status: str
) -> None:
    await see(mapping_version=7)
    await cover(engine, 8, [KEY])
    await see(mapping_version=version, reason="NO_MATCHING_OUTCOMES")
    found = await get(engine)
    assert (found.status, found.occurrence_count, found.reason) == (
        status,
        2,
        "NO_MATCHING_OUTCOMES",
    )
    assert (found.mapped_version is None) == (status == "NEW")


async def test_a_later_mapping_covers_the_late_records_of_versions_between(
    engine: AsyncEngine, see: See
) -> None:
    await see(mapping_version=1)
    await cover(engine, 5, [KEY])
    await cover(engine, 9, [KEY])
    await see(mapping_version=6)
    assert (await get(engine)).status == "MAPPED"


NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
FAR = datetime.fromisoformat("2126-11-22T12:00:00+00:00")


@pytest.mark.parametrize(
    ("limits", "seen", "status"),
    [
        ({}, {"occurrence_count": 1000}, "IGNORED"),
        ({"until_count": 3}, {"occurrence_count": 1}, "IGNORED"),
        ({"until_count": 3}, {"occurrence_count": 2}, "NEW"),
        ({"until": NOON + HOUR}, {"last_seen_at": NOON + HOUR / 2}, "IGNORED"),
        ({"until": NOON + HOUR}, {"last_seen_at": NOON + HOUR}, "NEW"),
        ({"until_rate": 10.0}, {"occurrence_count": 100}, "IGNORED"),
        ({"until_rate": 10.0}, {"occurrence_count": 400}, "NEW"),
        ({"until_rate": 10.0, "until_count": 50}, {"occurrence_count": 100}, "NEW"),
    ],
)
async def test_what_is_ignored_stays_so_until_a_limit_is_reached(
    engine: AsyncEngine, see: See, limits: dict[str, Any], seen: dict[str, Any], status: str
) -> None:
    await see()
    await change(engine, "ignore", [KEY], actor="ann", **limits)
    await see(**seen)
    found = await get(engine)
    assert found.status == status
    limits_left = (found.ignored_until_count, found.ignored_until_rate, found.ignored_until)
    assert status == "IGNORED" or limits_left == (None, None, None)


async def test_ignoring_again_sets_the_limits_anew(engine: AsyncEngine, see: See) -> None:
    await see()
    await change(engine, "ignore", [KEY], actor="ann", until_count=2)
    await change(engine, "ignore", [KEY], actor="ann", until=NOON + HOUR)
    found = await get(engine)
    assert (found.ignored_until_count, found.ignored_until) == (None, NOON + HOUR)


@pytest.mark.parametrize(("options", "status"), [({}, "IGNORED"), ({"wanted": [KEY]}, "MAPPED")])
async def test_what_is_ignored_is_covered_only_on_request(
    engine: AsyncEngine, see: See, options: dict[str, list[QueueKey]], status: str
) -> None:
    await see()
    await change(engine, "ignore", [KEY], actor="ann", until_count=9)
    assert await cover(engine, 8, [KEY], **options) == ([KEY] if options else [])
    found = await get(engine)
    assert (found.status, found.ignored_until_count) == (status, None if options else 9)


async def test_misses_of_a_platform_market_include_its_specifiers(
    engine: AsyncEngine, see: See
) -> None:
    for market_id in ("8", "8?goalnr=2", "80", "9"):
        await see(external_market_id=market_id)
    async with engine.connect() as connection:
        found = await misses.misses_of(connection, [("sportybet", "8"), ("betpawa", "9")])
        ids = await misses.ids_of(connection, [("sportybet", "8"), ("betpawa", "9")])
        rows = await misses.by_id(connection, ids)
    assert [miss.external_market_id for miss in found] == ["8", "8?goalnr=2"]
    assert sorted(rows) == sorted(found)


async def test_of_many_markets_of_one_id_those_that_are_missed_most_are_read(
    engine: AsyncEngine, see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misses, "MOST_OF_MARKETS", 2)
    for market_id, times in (("8?a=1", 2), ("8?a=2", 1), ("8?a=3", 3)):
        for _ in range(times):
            await see(external_market_id=market_id)
    async with engine.connect() as connection:
        found = await misses.misses_of(connection, [("sportybet", "8")])
    assert [miss.external_market_id for miss in found] == ["8?a=1", "8?a=3"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["named", "old", "plain"]),
        ({"statuses": ["IGNORED"]}, ["ignored"]),
        ({"source": "betpawa"}, ["plain"]),
        ({"reason": "NO_MATCHING_OUTCOMES"}, ["named"]),
        ({"containing": "CORNERS"}, ["named"]),
        ({"order": "first_seen", "limit": 1}, ["old"]),
        ({"order": "occurrences", "limit": 1}, ["named"]),
    ],
)
async def test_misses_are_listed_by_what_they_are(
    engine: AsyncEngine, see: See, filters: dict[str, Any], expected: list[str]
) -> None:
    await see(external_market_id="plain", source="betpawa")
    await see(
        external_market_id="named",
        market_name="Corners",
        reason="NO_MATCHING_OUTCOMES",
        occurrence_count=9,
    )
    await see(external_market_id="old", last_seen_at=NOON - HOUR)
    await see(external_market_id="ignored")
    await change(engine, "ignore", [("sportybet", "ignored")], actor="ann")
    async with engine.connect() as connection:
        found = await misses.list_misses(connection, **filters)
    assert sorted(miss.external_market_id for miss in found) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["again", "free", "mine", "put off", "theirs"]),
        ({"owner": "ann"}, ["mine"]),
        ({"unowned": True}, ["again", "free", "put off"]),
        ({"snoozed": True}, ["put off"]),
        ({"snoozed": False}, ["again", "free", "mine", "theirs"]),
        ({"regressed": True}, ["again"]),
        ({"owner": "ann", "snoozed": True}, []),
    ],
)
async def test_misses_are_listed_by_who_works_on_them_and_until_when_they_are_put_off(
    engine: AsyncEngine, see: See, filters: dict[str, Any], expected: list[str]
) -> None:
    for name in ("again", "free", "mine", "put off", "theirs"):
        await see(external_market_id=name)
    async with transaction(engine) as connection:
        for name, owner in (("mine", "ann"), ("theirs", "ben")):
            await cases.take(connection, [("sportybet", name)], actor=owner, reason="mine")
        for name, until in (("put off", FAR), ("free", NOON)):  # one of them is over
            await cases.snooze(
                connection, [("sportybet", name)], until, actor="ann", reason="later"
            )
        await connection.execute(
            text("INSERT INTO miss_case VALUES ('sportybet', 'again', NULL, NULL, now(), 7)")
        )
        found = await misses.list_misses(connection, **filters)
        assert await misses.count_misses(connection, **filters) == len(expected)
        assert (await misses.sum_misses(connection, **filters))[0] == len(expected)
    assert sorted(miss.external_market_id for miss in found) == expected
