"""The comparison: every contestant in turn on the same topics, round after round, forwards and backwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from worker.lab.bench.contestants import CONTESTANTS, OF_EVERY_WORKLOAD, Contestant
from worker.lab.bench.ground import Ground, Published
from worker.lab.bench.trial import Trial, run
from worker.lab.bench.workloads import Sizes, Workload, make
from worker.lab.synthetic.expected import Generated


class BenchOptions(NamedTuple):
    """What takes part. Without ``contestants``, all of them on `scrape` and the main ones on the others."""

    workloads: Sequence[str]
    contestants: Sequence[str]
    rounds: int
    partitions: int
    sizes: Sizes

    def taking_part(self, workload: str) -> list[Contestant]:
        names = self.contestants or (CONTESTANTS if workload == "scrape" else OF_EVERY_WORKLOAD)
        return [CONTESTANTS[name] for name in names]

    @property
    def trials(self) -> int:
        return self.rounds * sum(len(self.taking_part(workload)) for workload in self.workloads)


async def compare(
    ground: Ground,
    source: Sequence[Generated],
    choice: BenchOptions,
    report: Callable[[Trial], None],
) -> list[Trial]:
    """Run all; ``report`` gets each when it is over."""
    trials = []
    for name in choice.workloads:
        contestants = choice.taking_part(name)
        topics = await _publish(
            ground, make(name, source, choice.sizes), contestants, choice.partitions
        )
        for contestant in in_turn(contestants, choice.rounds):
            trial = await run(ground, topics[contestant.share], contestant)
            report(trial)
            trials.append(trial)
    return trials


def in_turn(contestants: Sequence[Contestant], rounds: int) -> Iterator[Contestant]:
    """All of them in each round, in the other direction in every second one.

    The broker becomes faster while it runs: nobody shall always be the first.
    """
    for number in range(rounds):
        yield from contestants if number % 2 == 0 else reversed(contestants)


async def _publish(
    ground: Ground, workload: Workload, contestants: Sequence[Contestant], partitions: int
) -> dict[float, Published]:
    """The workload, and the part of it that slow contestants get, by its share."""
    shares = {contestant.share for contestant in contestants}
    return {
        share: await ground.publish(_first(workload, share), partitions=partitions)
        for share in shares
    }


def _first(workload: Workload, share: float) -> Workload:
    return Workload(
        workload.name, workload.messages[: max(1, round(len(workload.messages) * share))]
    )
