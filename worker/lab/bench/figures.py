"""From runs to figures: medians with their spread, and ratios of runs of one round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from worker.lab.bench.trial import Trial


class Spread(NamedTuple):
    median: float
    least: float
    most: float


class Figure(NamedTuple):
    """A figure of every run; ``digits`` after the point."""

    title: str
    of: Callable[[Trial], float]
    digits: int = 0


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def rate(trial: Trial) -> float:
    return trial.messages / trial.seconds


def markets_rate(trial: Trial) -> float:
    return trial.markets / trial.seconds


def cpu_us(trial: Trial) -> float:
    return 1e6 * trial.cpu_s / trial.messages


def cpu_us_per_market(trial: Trial) -> float:
    return 1e6 * trial.cpu_s / trial.markets


def _per_thousand(value: float, trial: Trial) -> float:
    return 1000 * value / trial.messages


FIGURES: Final = (
    Figure("messages/s", rate),
    Figure("CPU us", cpu_us),
    Figure("broker us", lambda one: 1e6 * one.broker_cpu_s / one.messages),
    Figure("Postgres us", lambda one: 1e6 * one.postgres_cpu_s / one.messages),
    Figure("peak MiB", lambda one: one.peak_mib),
    Figure("statements", lambda one: _per_thousand(one.statements, one)),
    Figure("rows", lambda one: _per_thousand(one.rows, one)),
    Figure("WAL kB", lambda one: _per_thousand(one.wal_bytes / 1000, one)),
    Figure("out MB", lambda one: _per_thousand(one.bytes_out / 1e6, one), 2),
)

FigureKey = tuple[str, str]


def by_contestant(trials: Iterable[Trial]) -> dict[FigureKey, list[Trial]]:
    """The runs of each (workload, contestant), in the order of their rounds."""
    grouped: dict[FigureKey, list[Trial]] = {}
    for trial in trials:
        grouped.setdefault((trial.workload, trial.contestant), []).append(trial)
    return grouped


class Target(NamedTuple):
    """A ratio of two runs of one round, or a figure of one run, that is to be at ``least`` or at ``most``."""

    sentence: str
    above: FigureKey
    of: Callable[[Trial], float]
    below: FigureKey | None = None
    least: float | None = None
    most: float | None = None

    def is_met(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    @property
    def bound(self) -> str:
        return f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"


_WORKER: Final = ("scrape", "worker")
TARGETS: Final = (
    Target("scrape: rate, times decode and encode", _WORKER, rate, ("scrape", "json"), least=1.0),
    Target("scrape: CPU, times decode and encode", _WORKER, cpu_us, ("scrape", "json"), most=0.9),
    Target(
        "scrape: rate, times the byte passthrough", _WORKER, rate, ("scrape", "bytes"), least=0.6
    ),
    # By markets: the naive handler gets only a part of the messages, and that may be richer.
    Target(
        "scrape: markets/s, times the naive one",
        _WORKER,
        markets_rate,
        ("scrape", "naive"),
        least=60,
    ),
    Target(
        "scrape: rate, times that without guarantees",
        _WORKER,
        rate,
        ("scrape", "unguarded"),
        least=0.95,
    ),
    Target(
        "small: rate, times the byte passthrough",
        ("small", "worker"),
        rate,
        ("small", "bytes"),
        least=0.6,
    ),
    Target(
        "hot: CPU per market, times that of scrape",
        ("hot", "worker"),
        cpu_us_per_market,
        _WORKER,
        most=1.2,
    ),
    Target(
        "large: peak resident MiB",
        ("large", "worker"),
        lambda one: one.peak_mib,
        most=400 / 1.048576,
    ),
)


def reached(target: Target, trials: Iterable[Trial]) -> Spread | None:
    """The ratio over all rounds; None where a contestant did not run, or was wrong."""
    runs = {
        key: some
        for key, some in by_contestant(trials).items()
        if not any(one.faults for one in some)
    }
    above = runs.get(target.above, [])
    if target.below is None:
        values = [target.of(one) for one in above]
    else:
        pairs = zip(above, runs.get(target.below, []), strict=False)
        values = [target.of(one) / target.of(other) for one, other in pairs]
    return spread(values) if values else None
