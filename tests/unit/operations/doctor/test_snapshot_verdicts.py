"""What the doctor says of snapshots that are held."""

from datetime import UTC, datetime, timedelta
from typing import Any

from worker.operations.doctor.snapshot_verdicts import judge_snapshots
from worker.storage.access.snapshots import HiddenTransaction, SnapshotHolder, Snapshots

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)
HIDDEN = HiddenTransaction(7, "ann", None, "3/9")


def holder(**fields: Any) -> SnapshotHolder:
    return SnapshotHolder("session", "4711", "ann", "psql", NOON, 5)._replace(**fields)


def judged(*holders: SnapshotHolder, **fields: Any) -> list[tuple[str, str]]:
    look = Snapshots(NOON, 99, 0, 0, holders, ())._replace(**fields)
    return [(one.level, one.message) for one in judge_snapshots(look, (), 2, "app")]


def test_a_session_is_too_long_by_time_or_by_transactions() -> None:
    assert [level for level, _ in judged(holder())] == ["OK"]
    assert [level for level, _ in judged(holder(since=LONG_AGO))] == ["WARNING"]
    assert [level for level, _ in judged(holder(transactions=10_000))] == ["WARNING"]


def test_a_slot_that_nobody_has_used_for_long_counts_by_transactions_alone() -> None:
    slot = holder(kind="slot", name="gone", since=LONG_AGO)
    assert [level for level, _ in judged(slot)] == ["OK"]
    assert [level for level, _ in judged(slot._replace(transactions=10_000))] == ["WARNING"]


def test_of_many_the_oldest_are_named_and_the_rest_counted() -> None:
    found = judged(*(holder(name=str(pid), since=LONG_AGO) for pid in range(5)))
    assert len(found) == 4
    assert found[-1] == ("WARNING", "2 more hold an old snapshot")


def test_what_is_hidden_is_said_where_all_is_well() -> None:
    ((level, message),) = judged(hidden_sessions=2, hidden=(HIDDEN,), hidden_standbys=1)
    assert level == "OK"
    assert (
        "2 sessions of other logins are hidden, and none has a transaction open for 2 s" in message
    )
    assert message.endswith("not visible: 1 standby without a slot, by its feedback")
