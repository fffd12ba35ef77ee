"""The insight process on real Kafka and Postgres: what it finds, killed, taken over, read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tests.support.people.commands import command_in_process
from tests.support.services.insights import (
    HIDE,
    PATIENCE_S,
    SHOW,
    SWAP,
    evidence_of,
    judged,
    keep_usual,
    on_two_books,
    read_through,
    scraped,
    start_insight,
)
from tests.support.services.installation import Installation, until
from worker.insight.watching.stored import MOST_BOARD_ROWS
from worker.operations.doctor.examination import examine
from worker.operations.doctor.findings import Finding

pytestmark = pytest.mark.services

EVENTS = 12
MISSED = """
INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count)
VALUES ('bet9ja', 'S_1X2', 42) RETURNING id
"""
# The database refuses an event, as it does where the boards of one are too large.
REFUSE = "ALTER TABLE watched_event ADD CONSTRAINT ck_of_test CHECK (event <> '{}')"
ACCEPT = "ALTER TABLE watched_event DROP CONSTRAINT ck_of_test"


async def test_a_missed_market_is_suggested_and_a_swapped_mapping_raises_the_alarm(
    installation: Installation,
) -> None:
    records = scraped(events=EVENTS)
    await keep_usual(installation)
    await installation.query(HIDE)
    await installation.query(MISSED)
    await installation.publish(records)
    process = start_insight(installation)
    await judged(installation, process, on_two_books(records))
    (taken,) = await installation.query("SELECT occurrences FROM miss_day")
    assert taken.occurrences == 42

    async def suggested() -> list[str]:
        rows = await installation.query(
            "SELECT canonical_id FROM suggestion"
            " WHERE source = 'bet9ja' AND external_market_id = 'S_1X2' AND is_confident"
        )
        return [row.canonical_id for row in rows]

    async def is_suggested() -> bool:
        return await suggested() == ["1x2_ft"]

    await until(is_suggested, PATIENCE_S)
    samples: list[Any] = []

    async def are_shown() -> bool:
        samples[:] = await installation.query(
            "SELECT prices, others FROM evidence_sample WHERE subject = 'miss' AND market = 'S_1X2'"
        )
        return len(samples) == 5

    await until(are_shown, PATIENCE_S)
    assert {one["label"] for row in samples for one in row.prices} == {"1", "X", "2"}
    assert "1x2_ft" in {one["canonical_id"] for row in samples for one in row.others}

    await installation.query(SHOW)
    await installation.query(SWAP)

    async def alarms() -> list[tuple[str, str, str]]:
        rows = await installation.query("SELECT canonical_id, platform, status FROM alarm")
        return [tuple(row) for row in rows]

    async def is_raised() -> bool:
        return await alarms() == [("btts_ft", "sportybet", "OPEN")]

    await until(is_raised, PATIENCE_S)
    assert await suggested() == []
    assert (await process.logged("insight_alarm"))["canonical_id"] == "btts_ft"

    await installation.query(SWAP)

    async def is_closed() -> bool:
        return await alarms() == [("btts_ft", "sportybet", "CLOSED")]

    await until(is_closed, PATIENCE_S)
    assert await process.stop() == 0


async def test_what_its_own_prices_prove_raises_an_alarm_with_few_events(
    installation: Installation,
) -> None:
    records = scraped(events=4)
    await keep_usual(installation)
    await installation.query(SWAP)
    await installation.publish(records)
    process = start_insight(installation)

    async def alarms() -> list[tuple[str, str, str, str]]:
        rows = await installation.query("SELECT canonical_id, platform, kind, status FROM alarm")
        return [tuple(row) for row in rows]

    async def is_raised() -> bool:
        return await alarms() == [("btts_ft", "sportybet", "proof", "OPEN")]

    await until(is_raised, PATIENCE_S)
    (line, *_) = await installation.query("SELECT reason, events FROM alarm")
    assert "contradicted by the bookmaker's own prices on " in line.reason
    samples = await installation.query(
        "SELECT event FROM evidence_sample WHERE subject = 'alarm' AND market = 'btts_ft'"
    )
    assert len(samples) == line.events > 1
    assert (await process.logged("insight_alarm"))["canonical_id"] == "btts_ft"

    await installation.query(SWAP)

    async def is_closed() -> bool:
        return await alarms() == [("btts_ft", "sportybet", "proof", "CLOSED")]

    await until(is_closed, PATIENCE_S)
    assert await process.stop() == 0


async def test_killed_anywhere_it_comes_to_the_evidence_of_one_that_was_not(
    installation: Installation,
) -> None:
    records = scraped(events=5)
    await keep_usual(installation)
    half = len(records) // 2
    await installation.publish(records[:half])
    process = start_insight(installation)
    await process.logged("insight_judged")
    await installation.publish(records[half:])
    await judged(installation, process, on_two_books(records))
    expected = await evidence_of(installation)
    assert len(expected) > 30
    assert await process.stop() == 0

    await installation.query("DELETE FROM watched_event RETURNING event")
    await installation.query("DELETE FROM mapping_evidence RETURNING canonical_id")
    group = f"{installation.settings.insight_group_id}-2"
    another_group = {"MARKETMAP_INSIGHT_GROUP_ID": group}
    for number, event in enumerate(("insight_leads", "insight_judged"), start=1):
        process = start_insight(installation, number, **another_group)
        await process.logged(event)
        process.kill()
    process = start_insight(installation, 3, **another_group)
    await installation.publish(records)  # all of it once more
    await read_through(installation, group)
    await judged(installation, process, on_two_books(records))
    assert await evidence_of(installation) == expected


async def test_an_event_that_the_database_refuses_and_one_that_is_too_large_stop_no_other(
    installation: Installation,
) -> None:
    records = scraped(events=4)
    refused, *others = sorted(on_two_books(records))
    await keep_usual(installation)
    async with installation.engine.begin() as connection:
        await connection.execute(text(REFUSE.format(refused)))
    topic, key, value, headers = next(one for one in records if one[0] == "observations.sportybet")
    document = orjson.loads(value or b"")
    document["markets"] = [
        {
            "id": str(number),
            "name": "Goals",
            "specifier": f"total={number}",
            "outcomes": [{"desc": "Over", "odds": "1.80", "isActive": 1}],
        }
        for number in range(MOST_BOARD_ROWS + 1)
    ]
    document["observed_at"] = f"{datetime.now(UTC) - timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"
    large = orjson.dumps(document)
    await installation.publish([*records, (topic, key, large, headers)])
    process = start_insight(installation)
    assert (await process.logged("insight_not_stored"))["event_key"] == refused
    await read_through(installation, installation.settings.insight_group_id)
    await judged(installation, process, others)
    left_out = "marketmap_insight_left_out_total"
    metrics = await process.ask("/metrics")
    assert f'{left_out}{{reason="large"}} 1.0' in metrics
    assert 'marketmap_insight_refused_total{what="event"} 0.0' not in metrics
    assert not [
        line
        for line in process.lines()
        if "ck_of_test" in line.get("error", "") and line.get("event") == "insight_waits"
    ]
    assert await process.stop() == 0
    async with installation.engine.begin() as connection:
        await connection.execute(text(ACCEPT))


async def test_of_two_processes_one_leads_and_the_other_takes_over(
    installation: Installation,
) -> None:
    records = scraped(events=4)
    await keep_usual(installation)
    one = start_insight(installation)
    await one.logged("insight_leads")
    two = start_insight(installation, 1)
    await two.logged("listening")
    await installation.publish(records)
    await judged(installation, one, on_two_books(records))
    assert not [line for line in two.lines() if line.get("event") == "insight_leads"]
    one.kill()
    line = await two.logged("insight_leads")
    assert line["events"] == len(on_two_books(records))
    await judged(installation, two, on_two_books(records))


async def test_doctor_and_lag_say_who_leads_and_how_far_it_is(installation: Installation) -> None:
    settings = installation.settings

    async def found() -> dict[str, list[Finding]]:
        by_subject: dict[str, list[Finding]] = {}
        for one in await examine(settings, timeout_s=30, part_name="insight"):
            by_subject.setdefault(one.subject, []).append(one)
        return by_subject

    before = await found()
    levels = {one.level for findings in before.values() for one in findings}
    assert "FAILURE" not in levels
    assert [one.message for one in before["evidence"]] == [
        "no insight process leads",
        "no event is watched: nothing is known from odds",
    ]

    records = scraped(events=3)
    await keep_usual(installation)
    await installation.publish(records)
    process = start_insight(installation)
    await judged(installation, process, on_two_books(records))
    await read_through(installation, settings.insight_group_id)
    after = await found()
    leader, evidence = after["evidence"]
    assert leader.level == evidence.level == "OK"
    assert leader.message.startswith("one insight process leads: pid ")
    assert evidence.message.startswith(f"{len(on_two_books(records))} events watched, ")
    assert [one.message for one in after["offsets"]] == ["0 records behind"]
    report = (await command_in_process(installation, "lag", "--insight", "--json")).json
    assert (report["group"], report["state"]) == (settings.insight_group_id, "Empty")
    assert (report["records"], report["members"]) == (0, 0)
    assert {each["committed"] is None for each in report["partitions"]} == {False}
    assert await process.stop() == 0
