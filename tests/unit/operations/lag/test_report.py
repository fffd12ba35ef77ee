from typing import Any

import pytest

from worker.ingest.partitions.marks import BrakeState, mark
from worker.kafka.cluster.groups import Member
from worker.kafka.cluster.transactions import OpenTransaction
from worker.kafka.record import Committed
from worker.operations.lag.report import PartitionFacts, PartitionLag, Sign, partition_lag, signs_of

TOPIC_ID, OTHER_ID = "Wq3nVJ0iSkKZp2bK1yF0Bg", "AAAAAAAAAAAAAAAAAAAAAA"
OWNER = Member("client", "127.0.0.1", frozenset())
NOW = 1_795_348_800_000


def ours(offset: int, topic_id: str = TOPIC_ID, replay_to: int = 0) -> Committed:
    return Committed(offset, mark(topic_id, offset, replay_to))


RESUMED = ours(50)


def facts(
    committed: Committed | None = RESUMED, watermark: int | None = 50, **rest: Any
) -> PartitionFacts:
    known: dict[str, Any] = {"log_start": 0, "log_end": 80, "owner": OWNER} | rest
    return PartitionFacts("t", 0, TOPIC_ID, committed=committed, watermark=watermark, **known)


def lag(of: PartitionFacts, oldest_ms: int | None = None) -> PartitionLag:
    return partition_lag(of, oldest_ms, NOW, has_members=True)


@pytest.mark.parametrize(
    ("of", "records"),
    [
        (facts(), 30),
        (facts(None, None), 80),
        (facts(None, 20), 60),
        (facts(None, None, log_start=70), 10),
        (facts(ours(50), log_start=60), 20),
        (facts(ours(90)), 0),
        (facts(ours(50, OTHER_ID), None), 80),
        (facts(Committed(80, "", leader_epoch=0), 20), 60),
        (facts(None, None, log_end=0), 0),
    ],
    ids=[
        "from the commit on",
        "never read",
        "counted and not committed",
        "from the log's start on",
        "what is deleted is no lag",
        "beyond the end",
        "the commit of another topic of that name",
        "the commit of another consumer",
        "an empty topic",
    ],
)
def test_records_of_lag(of: PartitionFacts, records: int) -> None:
    assert lag(of).records == records


def test_seconds_are_the_age_of_the_oldest_record() -> None:
    assert lag(facts(), NOW - 2500).seconds == pytest.approx(2.5)
    assert lag(facts(), NOW + 10).seconds == 0
    assert lag(facts(), None).seconds is None
    assert lag(facts(ours(80), 80), None).seconds == 0


@pytest.mark.parametrize(
    ("of", "codes"),
    [
        (facts(), []),
        (facts(owner=None), ["NOT_OWNED"]),
        (facts(ours(40)), ["WATERMARK_AHEAD"]),
        (facts(ours(40), committed_since=49), ["WATERMARK_AHEAD"]),
        (facts(ours(40), committed_since=50), []),
        (facts(ours(60), committed_since=70), ["COMMIT_AHEAD"]),
        (facts(ours(60)), ["COMMIT_AHEAD"]),
        (facts(ours(10, replay_to=50)), ["REPLAY"]),
        (facts(Committed(10, "")), ["NO_MARK"]),
        (facts(Committed(10, "", leader_epoch=3)), ["FOREIGN_COMMIT"]),
        (facts(Committed(70, "someone")), ["FOREIGN_COMMIT"]),
        (facts(ours(50, OTHER_ID), None), ["OTHER_TOPIC"]),
        (facts(ours(50), log_start=60), ["DELETED"]),
        (facts(ours(90), 90), ["BEYOND_END", "BEYOND_END"]),
        (facts(Committed(50, mark(TOPIC_ID, 50, truncated_at=50))), ["TRUNCATED"]),
        (facts(Committed(50, mark(TOPIC_ID, 50, brake=BrakeState(0, 50, 50, 50)))), ["BRAKE"]),
        (facts(None, None), []),
    ],
)
def test_signs_of_trouble(of: PartitionFacts, codes: list[str]) -> None:
    assert [sign.code for sign in signs_of(of, has_members=True)] == codes


OPEN = OpenTransaction(80, producer_id=7, producer_epoch=2)
HELD = facts(ours(80), 80, high_watermark=581, open_transaction=OPEN)


def held(of: PartitionFacts, since_ms: int | None) -> PartitionLag:
    return partition_lag(of, since_ms, NOW, has_members=True, held_since_ms=since_ms)


def test_what_an_open_transaction_holds_back_is_lag_and_a_sign_of_whose_it_is_and_since_when() -> (
    None
):
    shown = held(HELD, NOW - 90_000)
    assert (shown.records, shown.seconds) == (501, 90)
    ((code, detail),) = shown.signs
    assert code == "OPEN_TRANSACTION"
    assert detail == (
        "501 offsets from 80 on wait for a transaction of producer id 7, epoch 2, "
        "open since 2026-11-22T11:58:30+00:00"
    )


def test_a_transaction_that_is_open_for_a_moment_is_lag_and_no_sign() -> None:
    shown = held(HELD, NOW - 1000)
    assert (shown.records, shown.seconds, list(shown.signs)) == (501, 1, [])


@pytest.mark.parametrize("since_ms", [None, NOW + 60_000], ids=["no record", "a clock ahead"])
def test_an_open_transaction_of_unknown_age_is_a_sign(since_ms: int | None) -> None:
    ((code, _),) = held(HELD, since_ms).signs
    assert code == "OPEN_TRANSACTION"


def test_a_transaction_that_has_ended_meanwhile_is_no_sign() -> None:
    assert not held(HELD._replace(open_transaction=None), NOW - 90_000).signs


def test_markers_of_transactions_behind_the_last_record_are_no_lag() -> None:
    shown = partition_lag(facts(ours(79), 79), None, NOW, has_members=True, is_read_through=True)
    assert (shown.records, shown.seconds) == (0, 0)


def test_a_skip_to_behind_an_open_transaction_is_not_beyond_the_end() -> None:
    shown = held(HELD._replace(committed=ours(581), watermark=581), NOW)
    assert (shown.records, list(shown.signs)) == (0, [])


def test_without_members_nobody_is_missed() -> None:
    assert not signs_of(facts(owner=None), has_members=False)


@pytest.mark.parametrize(
    ("of", "records", "codes"),
    [
        (facts(Committed(50, ""), None, is_counted=False), 30, []),
        (facts(Committed(50, "", leader_epoch=3), None, is_counted=False), 30, []),
        (facts(None, None, is_counted=False), 80, []),
        (facts(Committed(50, ""), None, is_counted=False, owner=None), 30, ["NOT_OWNED"]),
        (facts(Committed(50, ""), None, is_counted=False, log_start=60), 20, ["DELETED"]),
        (facts(Committed(90, ""), None, is_counted=False), 0, ["BEYOND_END"]),
    ],
)
def test_a_group_that_counts_nothing_is_behind_its_commits(
    of: PartitionFacts, records: int, codes: list[str]
) -> None:
    shown = lag(of)
    assert (shown.records, [sign.code for sign in shown.signs]) == (records, codes)


def test_of_a_partition_without_a_leader_only_that_is_said() -> None:
    silent = facts(ours(90), 60, log_end=0, silence="Broker: Leader not available")
    found = lag(silent, NOW - 2500)
    assert (found.records, found.seconds, found.is_known) == (0, None, False)
    assert found.signs == [Sign("NO_LEADER", "nobody answers for it: Broker: Leader not available")]
    unread = lag(silent._replace(owner=None))
    assert [sign.code for sign in unread.signs] == ["NOT_OWNED", "NO_LEADER"]
