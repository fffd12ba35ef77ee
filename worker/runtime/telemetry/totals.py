"""What a worker has done since it started, and how fast it was in the last minute. Pure."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from schemas import DeadReason
from worker.domain.books.platforms import PLATFORMS
from worker.ingest.handler import BatchReport

WINDOW_S: Final = 60.0
TREND_MINUTES: Final = 30


class BookTotals(NamedTuple):
    """A bookmaker's observations, and the results of their markets."""

    platform: str
    observations: int
    resolved: int
    missed: int
    rejected: int

    @property
    def markets(self) -> int:
        return self.resolved + self.missed + self.rejected

    @property
    def coverage(self) -> float | None:
        """Share of the markets that were resolved; None before the first one."""
        return self.resolved / self.markets if self.markets else None


class Rates(NamedTuple):
    """Per second."""

    records: float
    markets: float
    bytes: float


class _Done(NamedTuple):
    at_s: float
    records: int
    markets: int
    bytes: int


class Totals:
    def __init__(self, since_s: float) -> None:
        """``since_s`` and all later times are of one monotonic clock."""
        self._since_s = since_s
        self._observations: Counter[str] = Counter()
        self._markets: Counter[tuple[str, str]] = Counter()
        self._recent: deque[_Done] = deque()
        self._by_minute: Counter[int] = Counter()
        self.dead: Counter[DeadReason] = Counter()

    def add(self, report: BatchReport, now_s: float) -> None:
        self._observations.update(report.observations)
        self.dead.update({reason: times for reason, times in report.dead.items() if times})
        for (platform, outcome, _), times in report.outcomes.items():
            self._markets[platform, outcome] += times
        self._by_minute[self._minute(now_s)] += report.records
        self._recent.append(_Done(now_s, report.records, report.outcomes.total(), report.bytes))
        self._forget(now_s)

    def books(self) -> list[BookTotals]:
        return [self._book(platform) for platform in PLATFORMS]

    def rates(self, now_s: float) -> Rates:
        """Over the last minute, or since the start when that is later."""
        self._forget(now_s)
        seconds = max(1.0, min(WINDOW_S, now_s - self._since_s))
        _, records, markets, size = (
            zip(*self._recent, strict=True) if self._recent else ((), (), (), ())
        )
        return Rates(sum(records) / seconds, sum(markets) / seconds, sum(size) / seconds)

    def trend(self, now_s: float) -> list[int]:
        """Records of the last half hour by minute, from the start on when that is later."""
        now = self._minute(now_s)
        return [
            self._by_minute[number] for number in range(max(0, now - TREND_MINUTES + 1), now + 1)
        ]

    def _minute(self, now_s: float) -> int:
        return int((now_s - self._since_s) // 60)

    def _book(self, platform: str) -> BookTotals:
        became = (
            self._markets[platform, outcome] for outcome in ("resolved", "missed", "rejected")
        )
        return BookTotals(platform, self._observations[platform], *became)

    def _forget(self, now_s: float) -> None:
        while self._recent and self._recent[0].at_s < now_s - WINDOW_S:
            self._recent.popleft()
        oldest = self._minute(now_s) - TREND_MINUTES
        for minute in [minute for minute in self._by_minute if minute <= oldest]:
            del self._by_minute[minute]
