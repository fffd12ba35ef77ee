from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.laws import LAWS
from worker.domain.errors import FatalError
from worker.runtime.liveness.watchdog import Awaited, Progress, ProgressVerdict, Watchdog

TIMEOUT_S = 100.0


def standing(name: str = "batch", token: object = 0) -> Awaited:
    return Awaited(name, token, f"{name} stands")


def verdicts(
    *looks: tuple[float, list[Awaited]], longest_gap_s: float = 1000.0
) -> list[ProgressVerdict]:
    progress = Progress(TIMEOUT_S, longest_gap_s)
    return [progress.look(at_s, standings) for at_s, standings in looks]


def states(*looks: tuple[float, list[Awaited]], longest_gap_s: float = 1000.0) -> list[str]:
    return [verdict.state for verdict in verdicts(*looks, longest_gap_s=longest_gap_s)]


def test_half_of_the_timeout_is_a_stall_and_all_of_it_is_the_end() -> None:
    looks = [(at_s, [standing()]) for at_s in (0.0, 49.0, 50.0, 99.0, 100.0)]
    assert states(*looks) == ["moving", "moving", "stalled", "stalled", "dead"]


def test_a_verdict_says_what_stands_and_for_how_long() -> None:
    *_, last = verdicts((0, [standing()]), (60, [standing(), standing("kafka")]))
    assert last == ProgressVerdict("stalled", 60.0, ["batch stands"])


def test_a_step_makes_a_new_beginning() -> None:
    assert states((0, [standing()]), (60, [standing()]), (61, [standing(token=1)])) == [
        "moving",
        "stalled",
        "moving",
    ]


def test_what_has_gone_and_comes_back_is_new() -> None:
    assert states((0, [standing()]), (40, []), (60, [standing()])) == ["moving"] * 3


def test_one_that_stands_is_not_hidden_by_others_that_move() -> None:
    looks = [(float(at_s), [standing("p0", at_s), standing("p1")]) for at_s in range(0, 101, 20)]
    assert verdicts(*looks)[-1] == ProgressVerdict("dead", 100.0, ["p1 stands"])


def test_a_process_that_was_frozen_is_not_blamed_for_the_time_in_which_it_could_do_nothing() -> (
    None
):
    looks = [(0.0, [standing()]), (5.0, [standing()]), (500.0, [standing()]), (505.0, [standing()])]
    assert states(*looks, longest_gap_s=10) == ["moving"] * 4


@LAWS
@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 3)), max_size=60))
def test_only_the_same_step_seen_for_the_whole_timeout_is_the_end(
    steps: list[tuple[float, int]],
) -> None:
    progress = Progress(TIMEOUT_S, 1000.0)
    at_s, since_s, before = 0.0, 0.0, None
    for gap_s, token in steps:
        at_s += gap_s
        since_s = since_s if token == before else at_s
        before = token
        verdict = progress.look(at_s, [standing(token=token)])
        assert verdict.for_s == pytest.approx(at_s - since_s, abs=1e-6)
        assert (verdict.state == "dead") == (verdict.for_s >= TIMEOUT_S)


class Looked:
    """A watchdog whose looks and clock are the test's."""

    def __init__(self) -> None:
        self.told: list[ProgressVerdict] = []
        self.watchdog = Watchdog(
            self._never, Progress(TIMEOUT_S, 1000.0), interval_s=1, report=self.told.append
        )

    async def _never(self) -> Iterable[Awaited]:
        raise AssertionError

    def see(self, at_s: float, *standings: Awaited) -> None:
        self.watchdog.judge(at_s, standings)


def test_a_stall_is_logged_once_with_what_everything_was_doing() -> None:
    looked = Looked()
    with capture_logs() as logs:
        for at_s in (0, 60, 70, 80):
            looked.see(at_s, standing())
    (line,) = logs
    assert (line["event"], line["reasons"], line["for_s"]) == ("stalled", ["batch stands"], 60.0)
    assert "test_a_stall_is_logged_once" in line["stacks"]
    assert looked.watchdog.stalled() == ["batch stands"]


def test_when_all_moves_again_the_log_says_so_and_nothing_is_stalled() -> None:
    looked = Looked()
    with capture_logs() as logs:
        looked.see(0, standing())
        looked.see(60, standing())
        looked.see(61)
    assert [line["event"] for line in logs] == ["stalled", "progress_resumed"]
    assert looked.watchdog.stalled() == []
    assert [verdict.state for verdict in looked.told] == ["moving", "stalled", "moving"]


def test_of_many_that_stand_some_are_named_and_the_others_counted() -> None:
    looked = Looked()
    many = [standing(f"p{number}") for number in range(7)]
    looked.see(0, *many)
    with pytest.raises(FatalError, match=r"nothing moves: p0 stands; .*; and 2 more"):
        looked.see(100, *many)


async def test_what_stands_for_the_whole_timeout_ends_the_watch() -> None:
    async def look() -> Iterable[Awaited]:
        return [standing()]

    with pytest.raises(FatalError, match="batch stands"):
        async with asyncio.timeout(60):
            await Watchdog(look, Progress(0.05, 1.0), interval_s=0.01).run()
