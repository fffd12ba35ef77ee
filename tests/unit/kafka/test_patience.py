import pytest

from worker.domain.errors import FatalError, TransientError
from worker.kafka.patience import patiently


class Answering:
    """Fails so often, then answers."""

    def __init__(self, failures: int, error: type[Exception] = TransientError) -> None:
        self.asked = 0
        self._failures = failures
        self._error = error

    async def __call__(self) -> int:
        self.asked += 1
        if self.asked <= self._failures:
            raise self._error("away")
        return self.asked


async def test_what_cannot_be_answered_yet_is_asked_again() -> None:
    assert await patiently(Answering(2), patience_s=60) == 3


async def test_patience_ends() -> None:
    ask = Answering(10**6)
    with pytest.raises(TransientError, match="away"):
        await patiently(ask, patience_s=0.0)
    assert ask.asked >= 1


async def test_what_is_fatal_is_not_asked_again() -> None:
    ask = Answering(1, FatalError)
    with pytest.raises(FatalError):
        await patiently(ask, patience_s=60)
    assert ask.asked == 1
