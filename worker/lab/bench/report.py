"""A whole bench: what was measured under which conditions; for people, machines and documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.lab.bench.contention import Contention
from worker.lab.bench.contestants import CONTESTANTS
from worker.lab.bench.figures import Figure, by_contestant, cpu_us, rate, spread
from worker.lab.bench.grids import FigureTable, as_markdown, comparison, shown, targets
from worker.lab.bench.insight import InsightCost
from worker.lab.bench.latency import Latency
from worker.lab.bench.picture import Bars, Curves, drawn
from worker.lab.bench.records import LEAST_SHARE, RecordTime
from worker.lab.bench.scaling import Point, Scaling
from worker.lab.bench.snapshot import SnapshotCost
from worker.lab.bench.trial import Trial

_BARS = (Figure("messages a second", rate), Figure("microseconds of its own CPU a message", cpu_us))
_SNAPSHOT = "The newest odds"
_INSIGHT = "The insight process"
# Grids that are parts of their own.
_ALONE = ("Latency", "Records", _SNAPSHOT, _INSIGHT)
_OURS = [CONTESTANTS[name].title for name in ("worker", "unguarded", "resolver")]


@dataclass
class BenchReport:
    conditions: Mapping[str, str]
    trials: Sequence[Trial] = field(default_factory=list)
    scaling: Scaling | None = None
    latency: Sequence[Latency] = ()
    snapshot: Sequence[SnapshotCost] = ()
    insight: Sequence[InsightCost] = ()
    records: Sequence[RecordTime] = ()

    @property
    def faults(self) -> list[str]:
        """What was wrong in any run of the comparison, and which records were too slow."""
        slow = [f"{each.shape}: too slow" for each in self.records if not each.is_met]
        return slow + [
            f"{trial.workload}, {trial.contestant}: {each}"
            for trial in self.trials
            for each in trial.faults
        ]

    def grids(self) -> Iterator[FigureTable]:
        if self.trials:
            yield comparison(self.trials)
            yield targets(self.trials)
        if self.scaling:
            yield from _scaling_grids(self.scaling)
        if self.latency:
            yield _latency_grid(self.latency)
        if self.snapshot:
            yield _snapshot_grid(self.snapshot)
        if self.insight:
            yield _insight_grid(self.insight)
        if self.records:
            yield _records_grid(self.records)

    def document_parts(self, stem: str) -> dict[str, str]:
        """Markdown by the name of its place; ``stem`` is that of the document's pictures."""
        conditions = as_markdown(
            FigureTable("Conditions", ["", "measured"], list(self.conditions.items()), texts=2)
        )
        grids = {grid.title: as_markdown(grid) for grid in self.grids()}
        parts = {}
        if self.trials:
            tables = [conditions, grids.pop("Comparison"), grids.pop("Targets")]
            parts["table"] = "\n\n".join(
                [*tables, f"![Rates and CPU time on `scrape`]({stem}.svg)"]
            )
        if self.scaling:
            pictures = f"![Cost as sizes grow]({stem}-scaling.svg)"
            tables = [
                f"{title}:\n\n{table}" for title, table in grids.items() if title not in _ALONE
            ]
            parts["scaling"] = "\n\n".join([conditions, *tables, pictures])
        if self.latency:
            parts["latency"] = f"{conditions}\n\n{grids['Latency']}"
        if self.snapshot:
            parts["snapshot"] = f"{conditions}\n\n{grids[_SNAPSHOT]}"
        if self.insight:
            parts["insight"] = f"{conditions}\n\n{grids[_INSIGHT]}"
        if self.records:
            parts["records"] = f"{conditions}\n\n{grids['Records']}"
        return parts

    def pictures(self, stem: str) -> dict[str, str]:
        """SVG by the name of its file."""
        found = {}
        if self.trials:
            found[f"{stem}.svg"] = drawn([_bars(self.trials, figure) for figure in _BARS])
        if self.scaling:
            found[f"{stem}-scaling.svg"] = drawn(_curves(self.scaling))
        return found

    def as_json(self) -> dict[str, Any]:
        return {
            "conditions": dict(self.conditions),
            "trials": [trial._asdict() for trial in self.trials],
            "scaling": _plain(self.scaling) if self.scaling else None,
            "latency": [each._asdict() for each in self.latency],
            "snapshot": [each._asdict() for each in self.snapshot],
            "insight": [
                each._asdict() | {"stages": [stage._asdict() for stage in each.stages]}
                for each in self.insight
            ],
            "records": [each._asdict() for each in self.records],
        }


def _snapshot_grid(costs: Sequence[SnapshotCost]) -> FigureTable:
    mib = 2**20

    def cells(figure: Callable[[SnapshotCost], float], digits: int = 0) -> str:
        return shown(spread([figure(cost) for cost in costs]), digits)

    rows = [
        ("resolved events, each of another event", cells(lambda cost: cost.messages)),
        ("messages/s of one process", cells(lambda cost: cost.messages / cost.seconds)),
        ("CPU us", cells(lambda cost: 1e6 * cost.cpu_s / cost.messages)),
        ("broker us", cells(lambda cost: 1e6 * cost.broker_cpu_s / cost.messages)),
        ("peak MiB", cells(lambda cost: cost.peak_mib)),
        ("odds.resolved, MiB", cells(lambda cost: cost.read_bytes / mib, 1)),
        ("odds.latest after five scrapes, MiB", cells(lambda cost: cost.written_bytes / mib, 1)),
        ("the same, compacted, MiB", cells(lambda cost: cost.compacted_bytes / mib, 1)),
        ("seconds until another process has it open", cells(lambda cost: cost.opened_s, 1)),
    ]
    return FigureTable(_SNAPSHOT, ["figure", "measured"], rows)


def _insight_grid(costs: Sequence[InsightCost]) -> FigureTable:
    def cells(figure: Callable[[InsightCost], float], digits: int = 0) -> str:
        return shown(spread([figure(cost) for cost in costs]), digits)

    rows = [
        ("observations in a scrape", cells(lambda cost: cost.messages)),
        ("watched events", cells(lambda cost: cost.events)),
        ("comparisons of mappings stored", cells(lambda cost: cost.evidence)),
        ("missed markets with suggestions", cells(lambda cost: cost.suggestions)),
        ("alarms", cells(lambda cost: cost.alarms)),
    ]
    for same in zip(*(cost.stages for cost in costs), strict=True):
        rss, cpu = spread([one.rss_mib for one in same]), spread([one.cpu_s for one in same])
        rows += [(f"{same[0].name}: MiB", shown(rss)), (f"{same[0].name}: CPU s", shown(cpu, 1))]
    rows += [
        ("peak MiB", cells(lambda cost: cost.stages[-1].peak_mib)),
        ("of a core, at a scrape in five minutes, %", cells(lambda cost: 100 * cost.share, 1)),
    ]
    return FigureTable(_INSIGHT, ["figure", "measured"], rows)


def _bars(trials: Sequence[Trial], figure: Figure) -> Bars:
    values = [
        (CONTESTANTS[name].title, spread([figure.of(run) for run in runs]))
        for (workload, name), runs in by_contestant(trials).items()
        if workload == trials[0].workload
    ]
    return Bars(f"{trials[0].workload}: {figure.title}", values, _OURS)


def _scaling_grids(scaling: Scaling) -> Iterator[FigureTable]:
    yield FigureTable(
        "Messages a second by processes",
        ["partitions of each topic", "processes", "messages/s"],
        [[point.line, str(point.size), shown(point.value)] for point in scaling.processes],
    )
    yield FigureTable(
        "CPU of the resolver by mappings",
        ["mappings", "us/market"],
        [[f"{point.size:,}", shown(point.value, 2)] for point in scaling.mappings],
    )
    yield FigureTable(
        "CPU by markets in a message",
        ["contestant", "markets", "us/market"],
        [[point.line, f"{point.size:,}", shown(point.value, 2)] for point in scaling.markets],
    )
    yield _contention_grid(scaling.contention)


def _contention_grid(contention: Sequence[Contention]) -> FigureTable:
    return FigureTable(
        "Workers that count the same markets",
        [
            "pause",
            "workers",
            "markets",
            "transactions",
            "p99, ms",
            "waits of 1 ms or more",
            "p99 of these, ms",
            "p99 wait of all, ms",
            "deadlocks",
        ],
        [
            [
                f"{each.pause_ms[0]} to {each.pause_ms[1]} ms" if each.pause_ms else "none",
                f"{each.workers}",
                f"{each.rows}",
                f"{len(each.transactions_ms)}",
                f"{each.p99_ms:.1f}",
                f"{len(each.waits_ms)}",
                f"{each.p99_wait_ms:.1f}",
                f"{each.p99_wait_of_all_ms:.1f}",
                f"{each.deadlocks}",
            ]
            for each in contention
        ],
    )


def _latency_grid(latency: Sequence[Latency]) -> FigureTable:
    return FigureTable(
        "Latency",
        ["load", "messages/s", "messages", "p50 ms", "p99 ms", "p99.9 ms"],
        [
            [
                f"{each.share:.0%} of the highest rate",
                f"{each.rate:,.0f}",
                f"{each.messages:,}",
                f"{each.p50_ms:.0f}",
                f"{each.p99_ms:.0f}",
                f"{each.p999_ms:.0f}",
            ]
            for each in latency
        ],
    )


def _records_grid(records: Sequence[RecordTime]) -> FigureTable:
    return FigureTable(
        "Records",
        ["made of", "kB", "MB/s", "times decode and encode", f"at least {LEAST_SHARE:g}"],
        [
            [
                each.shape,
                f"{each.size / 1000:,.0f}",
                shown(each.rate, 2),
                shown(each.share, 4),
                "yes" if each.is_met else "no",
            ]
            for each in records
        ],
    )


def _curves(scaling: Scaling) -> list[Curves]:
    processes = [
        point._replace(line=f"{point.line} partitions of each topic") for point in scaling.processes
    ]
    markets = [point._replace(line=CONTESTANTS[point.line].title) for point in scaling.markets]
    return [
        Curves("Messages a second", "processes", _lines(processes)),
        Curves("CPU of the resolver, microseconds a market", "mappings", _lines(scaling.mappings)),
        Curves("CPU, microseconds a market", "markets in a message", _lines(markets)),
    ]


def _lines(points: Sequence[Point]) -> list[tuple[str, list[tuple[float, float]]]]:
    return [
        (name, [(point.size, point.value.median) for point in points if point.line == name])
        for name in dict.fromkeys(point.line for point in points)
    ]


def _plain(scaling: Scaling) -> dict[str, Any]:
    points = {
        name: [point._asdict() | {"value": point.value._asdict()} for point in part]
        for name, part in scaling._asdict().items()
        if name != "contention"
    }
    return points | {"contention": [each._asdict() for each in scaling.contention]}
