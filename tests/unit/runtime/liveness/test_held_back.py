from aiokafka import TopicPartition

from worker.runtime.liveness.held_back import HeldBack

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_transaction_that_stays_open_is_told_with_what_waits_for_it() -> None:
    clock = Clock()
    held = HeldBack(clock)
    held.look({FIRST: 40, SECOND: 7}, {FIRST: 41, SECOND: 7})
    assert held.notes() == []
    clock.now_s += 12
    held.look({FIRST: 40, SECOND: 7}, {FIRST: 541, SECOND: 7})
    assert held.notes() == [
        "t/0: 501 offsets from 40 on have waited for an open transaction of a sender for 12 s"
    ]


def test_transactions_that_come_and_go_are_not_told() -> None:
    clock = Clock()
    held = HeldBack(clock)
    for end in range(0, 100, 10):
        held.look({FIRST: end}, {FIRST: end + 3})
        clock.now_s += 4
        assert held.notes() == []


def test_what_is_released_is_told_no_longer() -> None:
    clock = Clock()
    held = HeldBack(clock)
    held.look({FIRST: 40}, {FIRST: 50})
    clock.now_s += 12
    assert held.notes()
    held.look({FIRST: 51}, {FIRST: 51})
    assert held.notes() == []
