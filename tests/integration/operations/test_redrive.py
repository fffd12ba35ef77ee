"""Dead letters sent back on a real broker by real processes: each exactly once, whatever is killed."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas import REDRIVEN_HEADER, REDRIVES_HEADER
from tests.support.people.commands import SIGNED, Running, command
from tests.support.records import TOPIC_ID, FakeRecord
from tests.support.services.installation import Installation, Published, execute, until
from tests.support.stream import expected_counts, stream
from worker.ingest.planning.encode import Encoder
from worker.kafka.bounded_reader import topic_reader
from worker.kafka.record import Headers, RawRecord

pytestmark = pytest.mark.services

SOURCE = "observations.sportybet"


async def dead(installation: Installation, *arguments: str, code: int = 0) -> str:
    """What a command on dead letters writes on stdout; it must end with the exit code."""
    finished = await command(installation, "dead", *arguments)
    assert finished.code == code, finished
    return finished.stdout


async def redrive(installation: Installation, *arguments: str, code: int = 0) -> Any:
    return json.loads(await dead(installation, "redrive", *arguments, *SIGNED, "--json", code=code))


async def committed(installation: Installation, topic: str) -> list[RawRecord]:
    """What a reader of committed records sees."""
    records: list[RawRecord] = []
    async with topic_reader(
        installation.settings, installation.settings.topic_prefix + topic
    ) as read:
        async for some in read.batches():
            records += some
    return records


async def marks(installation: Installation) -> int:
    records = await committed(installation, "observations.dead")
    return sum(REDRIVEN_HEADER in dict(record.headers) for record in records)


def letter(
    installation: Installation,
    offset: int,
    topic: str = SOURCE,
    headers: Headers | None = None,
    **fields: Any,
) -> Published:
    """A dead letter as a worker writes it."""
    encoder = Encoder(
        resolved_topic="r", dead_topic="d", group="g", max_bytes=2**20, max_dead_bytes=2**16
    )
    given: dict[str, Any] = {
        "key": b"k",
        "value": b"v%d" % offset,
        "partition": offset % 3,
    } | fields
    record = FakeRecord(
        topic=installation.settings.topic_prefix + topic,
        offset=offset,
        headers=headers or [],
        **given,
    )
    source_id = f"{TOPIC_ID}/{record.partition}/{offset}"
    made = encoder.dead(source_id, record, "DATABASE_REFUSED", "22003: out of range")
    return ("observations.dead", made.key, made.value, made.headers)


def seen(records: Sequence[RawRecord]) -> Counter[tuple[int, bytes | None, bytes | None]]:
    return Counter((record.partition, record.key, record.value) for record in records)


async def test_killed_again_and_again_it_sends_each_letter_back_exactly_once(
    installation: Installation,
) -> None:
    total = 2000
    small = {"MARKETMAP_MAX_MESSAGE_BYTES": "4096", "MARKETMAP_BATCH_MAX_BYTES": "4096"}
    await installation.publish(
        letter(installation, n, value=b"%d" % n + b" " * 500) for n in range(total)
    )
    went_back = [0]
    for _ in range(3):
        running = Running(installation, ("dead", "redrive", "--all", *SIGNED), small)

        async def is_under_way(before: int = went_back[-1], running: Running = running) -> bool:
            return await marks(installation) > before or running.has_ended

        await until(is_under_way)
        running.send(signal.SIGKILL)
        await running.finished()
        went_back.append(await marks(installation))
    assert 0 < went_back[1] < total, "it was done before it could be killed"

    assert (await redrive(installation, "--all"))["redriven"] > 0
    assert seen(await committed(installation, SOURCE)) == Counter(
        (n % 3, b"k", b"%d" % n + b" " * 500) for n in range(total)
    )
    assert await marks(installation) == total
    assert (await redrive(installation, "--all"))["redriven"] == 0


async def test_two_at_a_time_send_each_letter_back_exactly_once(installation: Installation) -> None:
    await installation.publish(letter(installation, n) for n in range(600))
    both = [Running(installation, ("dead", "redrive", "--all", *SIGNED), {}) for _ in range(2)]
    for one in both:
        finished = await one.finished()
        assert finished.code == 0 or "Run the same command again" in finished.stderr
        assert "Traceback" not in finished.stderr, finished.stderr
    await redrive(installation, "--all")
    assert seen(await committed(installation, SOURCE)) == Counter(
        (n % 3, b"k", b"v%d" % n) for n in range(600)
    )


async def test_a_record_comes_back_with_its_own_key_bytes_and_headers_and_how_often_it_has(
    installation: Installation,
) -> None:
    own: Headers = [("trace", b"\xff\x00"), ("null", None), ("trace", b"2")]
    await installation.publish(
        [letter(installation, 7, headers=own, key=None, value=b"\x00raw\xff", partition=2)]
    )
    await redrive(installation, "0:0")
    (record,) = await committed(installation, SOURCE)
    assert (record.partition, record.key, record.value) == (2, None, b"\x00raw\xff")
    assert list(record.headers) == [*own, (REDRIVES_HEADER, b"1")]


async def test_a_dry_run_sends_nothing_and_says_what_it_would(installation: Installation) -> None:
    await installation.publish(letter(installation, n) for n in range(5))
    assert (await redrive(installation, "--all", "--dry-run"))["redriven"] == 5
    assert await committed(installation, SOURCE) == []
    assert await marks(installation) == 0


async def test_letters_that_must_not_go_back_are_refused_by_code_and_the_others_go(
    installation: Installation,
) -> None:
    forged = [
        letter(installation, 0, topic="odds.resolved"),
        letter(installation, 1, topic="__consumer_offsets"),
        letter(installation, 2, value=b"x" * 2**17),
        letter(installation, 3, headers=[(REDRIVES_HEADER, b"3")]),
        letter(installation, 4),
        letter(installation, 5, headers=[("heavy", b"h" * 2**16)]),
    ]
    await installation.publish(forged)
    told = await redrive(installation, "--all", code=1)
    assert told["refused"] == {"FOREIGN_TOPIC": 2, "TRUNCATED": 2, "REDRIVEN_TOO_OFTEN": 1}
    assert told["redriven"] == 1
    assert [record.value for record in await committed(installation, SOURCE)] == [b"v4"]
    assert await committed(installation, "odds.resolved") == []


async def test_what_is_not_there_and_what_is_no_letter_fails_and_wrong_usage_is_told(
    installation: Installation,
) -> None:
    await installation.publish([("observations.dead", b"k", b"stray", [])])
    told = await redrive(installation, "0:0", "0:99", f"{TOPIC_ID}/0/1", code=1)
    assert told["refused"] == {"NOT_A_DEAD_LETTER": 1}
    assert told["not_found"] == ["0:99", f"{TOPIC_ID}/0/1"]
    await dead(installation, "redrive", *SIGNED, code=2)
    await dead(installation, "redrive", "somewhere", *SIGNED, code=2)
    await dead(installation, "redrive", "--dead-reason", "BOREDOM", *SIGNED, code=2)
    await dead(installation, "show", "0:99", code=1)


async def test_misses_of_redriven_records_count_once_and_the_letters_are_listed_and_shown(
    installation: Installation, tmp_path: Path
) -> None:
    total = 70
    url = installation.settings.database_url
    banned = "ALTER TABLE unmapped_market_log ADD CONSTRAINT banned CHECK (external_market_id <> 'seventh 5')"
    await execute(url, banned)
    await installation.publish(stream(total))
    installation.start_worker()
    await installation.caught_up()
    assert (await installation.counts())["sportybet", "seventh 5"] == 0

    (kind,) = json.loads(await dead(installation, "list", "--histogram", "--json"))
    assert (kind["reason"], kind["letters"]) == ("DATABASE_REFUSED", total // 7)
    listed = json.loads(await dead(installation, "list", "--limit", "3", "--json"))
    assert len(listed) == 3
    assert {one["redriven"] for one in listed} == {False}
    head, newest, *_ = (await dead(installation, "list", "--limit", "3", "--csv")).split("\n")
    assert head.removeprefix("\ufeff").startswith("place,died_at_ms,id,reason,detail")
    assert newest.startswith(f"{listed[0]['place']},")
    first = listed[-1]["place"]
    assert json.loads(await dead(installation, "list", "--until", "1h", "--json")) == []
    assert listed[-1]["id"] in await dead(installation, "show", listed[-1]["id"])
    file = tmp_path / "value"
    shown = await dead(installation, "show", first, "--save", str(file))
    assert "23514" in shown
    assert file.read_bytes() in {value for _, _, value, _ in stream(total)}

    await execute(url, "ALTER TABLE unmapped_market_log DROP CONSTRAINT banned")
    assert (await redrive(installation, first))["redriven"] == 1
    assert (await redrive(installation, "--dead-reason", "DATABASE_REFUSED"))[
        "redriven"
    ] == total // 7 - 1
    assert (await redrive(installation, "--all"))["redriven_already"] == total // 7

    async def counted() -> bool:
        installation.check_alive()
        return await installation.counts() == expected_counts(total)

    await until(counted)
    assert "by ada: because" in await dead(installation, "show", first)
    assert json.loads(await dead(installation, "list", "--not-redriven", "--json")) == []
    gone = json.loads(await dead(installation, "list", "--redriven", "--since", "1h", "--json"))
    assert len(gone) == total // 7
    assert await installation.stop_worker() == 0
    assert await installation.counts() == expected_counts(total)


async def test_a_record_that_dies_each_time_comes_back_as_often_as_is_allowed(
    installation: Installation,
) -> None:
    wrong = {"platform": "betway", "scrape_id": "noon", "event": {"id": "e1"}}
    await installation.publish([(SOURCE, b"k", json.dumps(wrong).encode(), [])])
    installation.start_worker()
    for times in range(1, 4):
        await letters_are(installation, times)
        assert (await redrive(installation, "--all"))["redriven"] == 1
    await letters_are(installation, 4)
    assert (await redrive(installation, "--all", code=1))["refused"] == {"REDRIVEN_TOO_OFTEN": 1}
    listed = json.loads(await dead(installation, "list", "--scrape", "noon", "--json"))
    assert [(one["scrape_id"], one["event_id"]) for one in listed] == [("noon", "e1")] * 4
    assert json.loads(await dead(installation, "list", "--event", "e2", "--json")) == []
    assert "e1" in await dead(installation, "show", listed[0]["place"])
    assert await installation.stop_worker() == 0


async def letters_are(installation: Installation, number: int) -> None:
    async def are() -> bool:
        installation.check_alive()
        records = await committed(installation, "observations.dead")
        return sum("marketmap.dead.reason" in dict(record.headers) for record in records) == number

    await until(are)


async def test_nothing_that_a_letter_holds_reaches_the_terminal_raw(
    installation: Installation,
) -> None:
    nasty: Headers = [("\x1b[31mname", b"\x1b]0;title\x07")]
    await installation.publish(
        [letter(installation, 0, key=b"\x1b[2J", value=b"\x9b31m\x1b[0m", headers=nasty)]
    )
    for arguments in (("show", "0:0"), ("list",)):
        written = await dead(installation, *arguments)
        assert not {"\x1b", "\x07", "\x9b"} & set(written)
