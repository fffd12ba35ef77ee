"""What one more costs: of processes, partitions, mappings, markets in a message, workers on a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from worker.lab.bench.contention import Contention, contend
from worker.lab.bench.contestants import CONTESTANTS
from worker.lab.bench.figures import Spread, cpu_us_per_market, rate, spread
from worker.lab.bench.ground import Ground
from worker.lab.bench.trial import Trial, require_right, run
from worker.lab.bench.workloads import of_size, workload
from worker.lab.synthetic.expected import Generated, expected_miss_counts

# Partitions of a topic, and processes: none is left without a partition.
CREWS: Final = ((1, 1), (1, 2), (4, 1), (4, 2), (4, 4), (12, 1), (12, 2), (12, 4))
MAPPINGS: Final = (130, 10_000, 1_000_000)
MARKETS: Final = (1, 10, 100, 1000)
_MARKETS_IN_ALL: Final = 20_000
# Processes do not begin at one time: enough has to be left when the last one does.
_REPEATED: Final = 3
_INDEXED_MESSAGES: Final = 180
_ROWS: Final = 390
# As hard as it gets, and as workers do it: they plan the next batch between two transactions.
_PAUSES_MS: Final = (None, (100, 200))

Report = Callable[[Trial], None]


class Point(NamedTuple):
    """A figure at a size; ``line`` is what it belongs to."""

    line: str
    size: int
    value: Spread


class Scaling(NamedTuple):
    """Rates by processes; CPU in microseconds per market by mappings and by markets in a message."""

    processes: Sequence[Point]
    mappings: Sequence[Point]
    markets: Sequence[Point]
    contention: Sequence[Contention]


async def scale(
    ground: Ground, source: Sequence[Generated], *, rounds: int, report: Report
) -> Scaling:
    return Scaling(
        await _processes(ground, source, rounds, report),
        await _mappings(ground, source, rounds, report),
        await _markets(ground, source, rounds, report),
        await _contention(ground, source),
    )


async def _processes(
    ground: Ground, source: Sequence[Generated], rounds: int, report: Report
) -> list[Point]:
    points = []
    for partitions in dict.fromkeys(partitions for partitions, _ in CREWS):
        published = await ground.publish(
            workload("scrape", [*source] * _REPEATED), partitions=partitions
        )
        for processes in [number for each, number in CREWS if each == partitions]:
            trials = [
                await _reported(
                    run(ground, published, CONTESTANTS["worker"], processes=processes), report
                )
                for _ in range(rounds)
            ]
            points.append(Point(str(partitions), processes, spread([rate(one) for one in trials])))
    return points


async def _mappings(
    ground: Ground, source: Sequence[Generated], rounds: int, report: Report
) -> list[Point]:
    published = await ground.publish(workload("scrape", islice(source, _INDEXED_MESSAGES)))
    resolver = CONTESTANTS["resolver"]
    taken: dict[int, list[float]] = {size: [] for size in MAPPINGS}
    for _ in range(rounds):
        for size in MAPPINGS:
            indexed = resolver._replace(arguments=(*resolver.arguments, str(size)))
            taken[size].append(
                cpu_us_per_market(await _reported(run(ground, published, indexed), report))
            )
    return [Point("resolver", size, spread(values)) for size, values in taken.items()]


async def _markets(
    ground: Ground, source: Sequence[Generated], rounds: int, report: Report
) -> list[Point]:
    points = []
    for markets in MARKETS:
        published = await ground.publish(of_size(source, markets, total=_MARKETS_IN_ALL))
        for name in ("worker", "json", "resolver"):
            trials = [
                await _reported(run(ground, published, CONTESTANTS[name]), report)
                for _ in range(rounds)
            ]
            points.append(Point(name, markets, spread([cpu_us_per_market(one) for one in trials])))
    return points


async def _reported(running: Awaitable[Trial], report: Report) -> Trial:
    trial = await running
    require_right(trial.contestant, trial.faults)
    report(trial)
    return trial


async def _contention(ground: Ground, source: Sequence[Generated]) -> list[Contention]:
    published = await ground.publish(workload("scrape", source[:1]))
    keys = [key for key, _ in expected_miss_counts(source).most_common(_ROWS)]
    return [
        await contend(ground, published, keys, workers=4, times=100, pause_ms=pause)
        for pause in _PAUSES_MS
    ]
