"""The judge itself: each promise, broken on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.faults.stage import oracle
from tests.faults.stage.latest import differences, went_back
from tests.faults.stage.oracle import Counts, counts, is_unreadable, missed
from tests.faults.stage.tape import Output
from tests.faults.stage.verdict import Seen, Verdict, judge
from tests.support.records import FakeRecord

NUMBERS = range(60)
UNREADABLE = 28


def output(number: int, source_id: bytes | None = None) -> Output:
    return Output(number, source_id or b"topic/0/%d" % number, b"key")


def judged(
    outputs: Iterable[Output], table: Counts | None = None, told: set[str] | None = None
) -> Verdict:
    oracle = counts(NUMBERS)
    everything = {market for _, market in oracle}
    return judge(
        Seen(),
        outputs,
        set(NUMBERS),
        oracle if table is None else table,
        oracle,
        told or everything,
    )


def test_a_run_without_faults_has_none() -> None:
    assert judged(map(output, NUMBERS)).faults(0) == []


def test_an_unreadable_record_is_not_counted() -> None:
    assert is_unreadable(UNREADABLE)
    assert counts([UNREADABLE]) == Counts()
    assert counts([0]) == Counts({("sportybet", market): 1 for market in missed(0)})


@pytest.mark.parametrize(
    ("outputs", "kind"),
    [
        (lambda: map(output, NUMBERS[1:]), "lost"),
        (lambda: map(output, range(61)), "alien"),
        (lambda: [*map(output, NUMBERS), output(7)], "repeated"),
        (lambda: [*map(output, NUMBERS), output(7, b"another")], "renamed"),
        (lambda: [output(1), output(0), *map(output, NUMBERS[2:])], "out_of_order"),
    ],
)
def test_every_broken_promise_is_named(outputs: Callable[[], Iterable[Output]], kind: str) -> None:
    verdict = judged(outputs())
    assert getattr(verdict, kind)
    assert len(verdict.faults(0)) == (2 if kind == "renamed" else 1)


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_count_that_is_off_by_one_is_a_fault(difference: int) -> None:
    market = ("sportybet", "900001")
    table = counts(NUMBERS) + Counts()
    table[market] += difference
    verdict = judged(map(output, NUMBERS), table)
    assert verdict.miscounted == {market: (50 + difference, 50)}


def test_a_first_sighting_that_was_not_told_is_a_fault() -> None:
    markets = ["block 0", *(f"seventh {n}" for n in range(7))]
    of_second_parts = ["900001 of part 2", *(f"{market} of part 2" for market in markets)]
    found = judged(map(output, NUMBERS), told={"900001"}).not_announced
    assert found == sorted([*markets, *of_second_parts])


def test_repeats_are_faults_beyond_what_is_allowed() -> None:
    verdict = judged([*map(output, NUMBERS), output(7), output(8)])
    assert verdict.faults(2) == []
    assert verdict.faults(1) == ["1 outputs too many, of: 7, 8"]


def test_a_repeat_is_judged_once() -> None:
    seen, oracle = Seen(), counts(NUMBERS)
    told = {market for _, market in oracle}
    judge(seen, [*map(output, NUMBERS), output(7)], set(NUMBERS), oracle, oracle, told)
    assert judge(seen, [], set(NUMBERS), oracle, oracle, told).faults(0) == []


def test_a_dead_letter_has_no_order_with_resolved_events() -> None:
    by_topic = sorted(NUMBERS, key=is_unreadable)
    assert judged(map(output, by_topic)).faults(0) == []


def written(*numbers: int) -> list[FakeRecord]:
    return [
        FakeRecord(key=oracle.latest_key_of(number).encode(), value=oracle.record(number)[2])
        for number in numbers
    ]


def test_the_judge_finds_what_is_behind_a_newer_one_and_what_is_missing() -> None:
    key = oracle.latest_key_of(1)
    later = 1 + oracle.KEYS
    assert went_back(written(1, later)) == []
    assert went_back(written(1, 1)) == [f"1 of {key}"]
    assert went_back(written(later, 1)) == [f"1 of {key}"]
    assert differences(written(1, later), oracle.newest([1, later])) == []
    assert len(differences(written(later, 1), oracle.newest([1, later]))) == 1
    assert len(differences(written(1), oracle.newest([1, 2]))) == 1


def test_the_parts_of_a_snapshot_share_their_time_and_no_market() -> None:
    first, second = 0, oracle.KEYS
    assert (oracle.part_number(first), oracle.part_number(second)) == (1, 2)
    assert oracle.observed_at(first) == oracle.observed_at(second)
    assert not set(oracle.missed(first)) & set(oracle.missed(second))
    assert oracle.newest([first, second]) == {"sportybet:0/1": first, "sportybet:0/2": second}
