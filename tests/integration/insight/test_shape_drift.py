"""A bookmaker that sends another form: the alarm comes, goes on, and closes when the form is as before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tests.support.people.commands import command_in_process
from tests.support.services.insights import PATIENCE_S, keep_usual, scraped, start_insight
from tests.support.services.installation import Installation, Published, until

pytestmark = pytest.mark.services

# It looks at each bookmaker in every fifth turn.
OFTEN = {"MARKETMAP_INSIGHT_INTERVAL_S": "1"}
# The hour may end while the test runs. Then the first of the hours before it is looked at no more.
HOURS = """
SELECT platform, hour, version, observations, markets, recalled, unread
FROM shape_hour
WHERE hour > :since
ORDER BY platform, hour
"""
USES = """
SELECT canonical_id, hour, used.observations, records
FROM mapping_hour AS used
JOIN shape_hour USING (platform, hour)
WHERE hour > :since
ORDER BY canonical_id, hour
"""
ALARMS = "SELECT sign, status, first_hour, last_hour FROM alarm WHERE kind = 'drift' ORDER BY sign"


def of_sportybet(change: Callable[[dict[str, Any]], None] = lambda _: None) -> list[Published]:
    return sent_by("sportybet", change)


def sent_by(platform: str, change: Callable[[dict[str, Any]], None]) -> list[Published]:
    found: list[Published] = []
    for topic, key, value, headers in scraped(events=6):
        if topic == f"observations.{platform}":
            document = orjson.loads(value or b"")
            change(document)
            found.append((topic, key, orjson.dumps(document), headers))
    return found


def rename_specifier(document: dict[str, Any]) -> None:
    for market in document["markets"]:
        if "specifier" in market:
            market["spec"] = market.pop("specifier")


def with_unprintable_names(document: dict[str, Any]) -> None:
    """Fields of names that are ten times as long when they are escaped, on every level of a market."""
    names = {f"{number:02}" + "\U000e0001" * 60: 1 for number in range(20)}
    waiting: list[Any] = [document["markets"][0]]
    named = [document, document["event"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            named.append(value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    for one in named:
        one.update(names)


# What the database refuses, whatever there is in it: an hour of a bookmaker, and an event.
REFUSE_HOUR = """
ALTER TABLE shape_hour ADD CONSTRAINT ck_not_this_hour
CHECK (hour <> to_timestamp({at}) OR platform <> 'betpawa')
"""
REFUSE_EVENT = "ALTER TABLE watched_event ADD CONSTRAINT ck_not_this_event CHECK (event <> '{key}')"


async def test_names_without_end_are_stored_and_an_hour_that_is_refused_stops_nothing(
    installation: Installation,
) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    named, refused, after = (now - timedelta(hours=hours) for hours in (4, 3, 2))
    usual = sent_by("betpawa", lambda _: None)
    event = min((key or b"").decode() for _, key, _, _ in usual)
    await keep_usual(installation)
    await installation.publish(sent_by("betpawa", with_unprintable_names), at=named)
    await installation.publish(usual, at=refused)
    await installation.publish(usual, at=after)
    async with installation.engine.begin() as connection:
        await connection.execute(text(REFUSE_HOUR.format(at=int(refused.timestamp()))))
        await connection.execute(text(REFUSE_EVENT.format(key=event)))

    process = start_insight(installation, 0, **OFTEN)

    async def is_through() -> bool:
        rows = await installation.query(HOURS, since=named - timedelta(hours=1))
        return len({row.platform for row in rows if row.hour >= now}) == 3

    await until(is_through, PATIENCE_S)
    # Behind the canary comes everything else.
    await process.logged("insight_judged")
    rows = await installation.query(HOURS, since=named - timedelta(hours=1))
    stored = {row.hour: row for row in rows if row.platform == "betpawa"}
    assert refused not in stored
    assert stored[after].observations == len(usual)
    assert len(stored[named].unread) >= 100
    watched = await installation.query("SELECT event FROM watched_event")
    assert {row.event for row in watched} == {(key or b"").decode() for _, key, _, _ in usual} - {
        event
    }
    logged = [line for line in process.lines() if line.get("event") == "insight_not_stored"]
    assert {(one["what"], one.get("hour"), one.get("event_key")) for one in logged} == {
        ("hour", refused.isoformat(), None),
        ("event", None, event),
    }
    assert await process.stop() == 0


async def test_a_renamed_field_raises_alarms_that_close_when_it_has_its_name_again(
    installation: Installation,
) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    since = now - timedelta(hours=20)
    usual, renamed = of_sportybet(), of_sportybet(rename_specifier)
    await keep_usual(installation)
    await installation.publish(usual, at=now - timedelta(hours=4))
    await installation.publish(renamed, at=now - timedelta(hours=3))

    process = start_insight(installation, 0, **OFTEN)
    await process.logged("insight_drift")

    async def signs(status: str) -> set[str]:
        rows = await installation.query(ALARMS)
        return {row.sign for row in rows if row.status == status}

    async def is_raised() -> bool:
        return {"fields", "resolved"} <= await signs("OPEN")

    await until(is_raised, PATIENCE_S)
    listed = (await command_in_process(installation, "alarms", "list", "fields", "--json")).json
    assert [(one["platform"], one["kind"], one["canonical_id"]) for one in listed] == [
        ("sportybet", "drift", None)
    ]
    assert "spec (market)" in listed[0]["reason"]

    async def is_through() -> bool:
        rows = await installation.query(HOURS, since=since)
        return len({row.platform for row in rows if row.hour >= now}) == 3

    await until(is_through, PATIENCE_S)
    rows = await installation.query(ALARMS)
    assert {row.first_hour for row in rows} == {now - timedelta(hours=3)}
    hours = await installation.query(HOURS, since=since)
    uses = await installation.query(USES, since=since)
    # The markets with a line are not resolved any more where its field has another name.
    used = {(row.canonical_id, row.hour): (row.observations, row.records) for row in uses}
    assert used["1x2_ft", now - timedelta(hours=4)] == (len(usual), len(usual))
    assert used["over_under_ft", now - timedelta(hours=4)] == (len(usual), len(usual))
    assert ("over_under_ft", now - timedelta(hours=3)) not in used
    process.kill()
    await installation.query("DELETE FROM shape_hour RETURNING hour")
    await installation.query("UPDATE mapping_hour SET observations = 99 RETURNING hour")
    process = start_insight(installation, 1, **OFTEN)
    await until(is_through, PATIENCE_S)
    assert {tuple(map(str, row)) for row in hours} <= {
        tuple(map(str, row)) for row in await installation.query(HOURS, since=since)
    }
    assert set(uses) <= set(await installation.query(USES, since=since))
    assert await installation.query(ALARMS) == rows

    await installation.publish(usual)

    async def is_closed() -> bool:
        return not await signs("OPEN")

    await until(is_closed, PATIENCE_S)
    assert await process.stop() == 0
