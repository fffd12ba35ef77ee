import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.errors import FatalError, TransientError
from worker.kafka.retrying import jittered_backoff, retried


class Draws(random.Random):
    """Draws the same each time."""

    def __init__(self, drawn: float) -> None:
        super().__init__()
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


@pytest.mark.parametrize(
    ("drawn", "expected"), [(0.0, [0.5, 1, 2, 4, 4]), (0.5, [0.75, 1.5, 3, 6, 6])]
)
def test_the_wait_doubles_up_to_the_longest_and_half_of_it_is_chance(
    drawn: float, expected: list[float]
) -> None:
    delay = jittered_backoff(first_s=1, longest_s=8, rng=Draws(drawn))
    assert [delay(attempt) for attempt in range(5)] == expected


@LAWS
@given(st.integers(0, 10_000), st.integers())
def test_no_wait_is_ever_longer_than_the_longest_or_none_at_all(attempt: int, seed: int) -> None:
    assert 0 < jittered_backoff(first_s=0.1, longest_s=10, rng=random.Random(seed))(attempt) <= 10


def test_two_that_failed_together_do_not_come_back_together() -> None:
    one, other = jittered_backoff(rng=random.Random(1)), jittered_backoff(rng=random.Random(2))
    assert [one(attempt) for attempt in range(5)] != [other(attempt) for attempt in range(5)]


class Answering:
    """Fails a number of times, then answers."""

    def __init__(self, failures: int, error: type[Exception] = TransientError) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error("unavailable")
        return self.calls


async def test_a_transient_error_is_retried() -> None:
    assert await retried(Answering(2), patience_s=60) == 3


async def test_the_last_transient_error_is_raised_when_patience_ends() -> None:
    call = Answering(10**6)
    with pytest.raises(TransientError, match="unavailable"):
        await retried(call, patience_s=0.0)
    assert call.calls >= 1


async def test_a_fatal_error_is_not_retried() -> None:
    call = Answering(1, FatalError)
    with pytest.raises(FatalError):
        await retried(call, patience_s=60)
    assert call.calls == 1
