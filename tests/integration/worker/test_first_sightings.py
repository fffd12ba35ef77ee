"""What the table and the topic of first sightings say of markets that were missed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas import ID_HEADER, UnmappedMarket
from tests.support.markets import observation, sportybet
from tests.support.services.installation import Installation, Published, until
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Minutes after noon in the order of sending: the newest is neither the first nor the last to come.
SEEN_AT = (7, 3, 9, 1, 5)
MISSES = {("sportybet", "900001"): 5, ("sportybet", "8?goalnr=77"): 5, ("bet9ja", "S_UNHEARDOF"): 3}


def seen_at(minute: int) -> str:
    return NOON.replace(minute=minute).isoformat()


def of_sportybet(minute: int) -> Published:
    """Two lines of a market nobody knows are one occurrence; its name and odds tell when it was seen."""
    unknown: dict[str, Any] = {"name": f"Seen {minute}", "prices": {"Yes": f"1.{minute}5"}}
    markets = [
        sportybet("900001", "total=1.5", **unknown),
        sportybet("900001", "total=2.5", **unknown),
        sportybet("8", "goalnr=77", prices={"Home": "2.0"}),
        sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"}),
    ]
    document = {**json.loads(observation("sportybet", markets)), "observed_at": seen_at(minute)}
    # Keys differ, and so do partitions: what counts is when a market was seen, not when it came.
    return "observations.sportybet", b"key %d" % minute, json.dumps(document).encode(), []


def of_bet9ja(number: int) -> Published:
    value = observation("bet9ja", {"S_UNHEARDOF_1": "1.5", "S_UNHEARDOF_2": "2.5"})
    return "observations.bet9ja", b"key %d" % number, value, []


@dataclass
class Seen:
    rows: dict[tuple[str, str], Any]
    announced: list[RawRecord]
    announced_again: list[RawRecord]
    strangers: list[Any]
    logs: list[dict[str, Any]]


async def announced(installation: Installation, times: int) -> list[RawRecord]:
    """The messages once there are so many and no row waits."""
    found: list[RawRecord] = []

    async def all_are() -> bool:
        installation.check_alive()
        found[:] = await installation.consume("unmapped.markets")
        waiting = await installation.query(
            "SELECT 1 FROM unmapped_market_log WHERE announced_at IS NULL"
        )
        return len(found) >= times and not waiting

    await until(all_are)
    return list(found)


async def scenario(installation: Installation) -> Seen:
    installation.start_worker()
    await installation.ready()
    # One by one, so that they are counted in batches of their own.
    for minute in SEEN_AT:
        await installation.publish([of_sportybet(minute)])
        await installation.caught_up()
        await announced(installation, 2)
    await installation.publish([of_bet9ja(number) for number in range(3)])
    await installation.caught_up()
    first = await announced(installation, len(MISSES))
    rows = await installation.query("SELECT * FROM unmapped_market_log")
    installation.workers[0].kill()

    # As a process leaves it that was killed between counting and telling; and a row of another program's.
    await installation.query(
        "UPDATE unmapped_market_log SET announced_at = NULL WHERE source = 'bet9ja' RETURNING id"
    )
    await installation.query(
        "INSERT INTO unmapped_market_log (source, external_market_id, first_seen_at, last_seen_at) "
        "VALUES ('elsewhere', '1', now(), now()) RETURNING id"
    )
    installation.start_worker()
    again = await announced(installation, len(MISSES) + 1)
    await installation.stop_worker(1)
    return Seen(
        {(row.source, row.external_market_id): row for row in rows},
        first,
        again[len(first) :],
        list(
            await installation.query("SELECT * FROM unmapped_market_log WHERE source = 'elsewhere'")
        ),
        installation.log_of(1),
    )


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario)
    return outcome


def test_every_observation_that_misses_a_market_counts_once_however_many_lines_it_had(
    seen: Seen,
) -> None:
    assert {key: row.occurrence_count for key, row in seen.rows.items()} == MISSES


def test_first_seen_is_the_earliest_and_last_seen_the_latest_whatever_the_order_of_coming(
    seen: Seen,
) -> None:
    row = seen.rows["sportybet", "900001"]
    assert row.first_seen_at == NOON.replace(minute=min(SEEN_AT))
    assert row.last_seen_at == NOON.replace(minute=max(SEEN_AT))


def test_the_newest_sighting_gives_name_and_sample_though_older_ones_come_later(seen: Seen) -> None:
    row = seen.rows["sportybet", "900001"]
    newest = max(SEEN_AT)
    assert row.market_name == f"Seen {newest}"
    assert row.sample_outcomes == [
        {"label": "Yes", "odds": float(f"1.{newest}5"), "qualifier": line}
        for line in ("total=1.5", "total=2.5")
    ]


def test_a_miss_says_why_and_under_which_version(seen: Seen) -> None:
    assert {key: row.reason for key, row in seen.rows.items()} == {
        ("sportybet", "900001"): "UNKNOWN_MARKET",
        ("sportybet", "8?goalnr=77"): "UNKNOWN_PARAM_MARKET",
        ("bet9ja", "S_UNHEARDOF"): "UNKNOWN_MARKET",
    }
    assert all(row.mapping_version is not None for row in seen.rows.values())
    assert {row.status for row in seen.rows.values()} == {"NEW"}


def told(record: RawRecord) -> UnmappedMarket:
    return UnmappedMarket.model_validate_json(record.value or b"")


def test_each_market_is_announced_once_however_often_it_is_missed(seen: Seen) -> None:
    markets = Counter(
        (message.source, message.external_market_id) for message in map(told, seen.announced)
    )
    assert markets == dict.fromkeys(MISSES, 1)


def test_an_announcement_is_keyed_and_identified_by_its_market(seen: Seen) -> None:
    for record in seen.announced:
        message = told(record)
        name = f"{message.source}:{message.external_market_id}".encode()
        assert record.key == name
        assert dict(record.headers)[ID_HEADER] == name


def test_an_announcement_tells_of_the_first_sighting(seen: Seen) -> None:
    (message,) = [m for m in map(told, seen.announced) if m.external_market_id == "900001"]
    assert message.first_seen_at == NOON.replace(minute=SEEN_AT[0])
    assert message.market_name == f"Seen {SEEN_AT[0]}"
    assert [sample.label for sample in message.sample_outcomes] == ["Yes", "Yes"]


def test_what_a_killed_worker_did_not_announce_the_next_one_does(seen: Seen) -> None:
    (record,) = seen.announced_again
    (before,) = [one for one in seen.announced if one.key == record.key]
    assert record.key == b"bet9ja:S_UNHEARDOF"
    assert (record.value, record.headers) == (before.value, before.headers)


def test_a_row_of_another_program_that_makes_no_message_stops_nobody(seen: Seen) -> None:
    assert len(seen.strangers) == 1
    assert [line["event"] for line in seen.logs].count("market_not_announced") == 1
