"""`marketmap bench`: the worker against other implementations, on real Kafka and Postgres."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping
from itertools import count
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from worker.cli.console import err, fail, out, write_text
from worker.cli.progress import LateBar, late_bar
from worker.cli.shipped import shipped_mappings
from worker.lab.bench.comparison import BenchOptions, compare
from worker.lab.bench.conditions import conditions
from worker.lab.bench.contestants import CONTESTANTS
from worker.lab.bench.document import MarkersMissingError, renewed
from worker.lab.bench.figures import cpu_us, rate
from worker.lab.bench.grids import as_table
from worker.lab.bench.ground import Ground
from worker.lab.bench.insight import measure_insight
from worker.lab.bench.latency import latencies
from worker.lab.bench.processes import BenchError
from worker.lab.bench.records import record_times
from worker.lab.bench.report import BenchReport
from worker.lab.bench.scaling import scale
from worker.lab.bench.shapes import SHAPES
from worker.lab.bench.snapshot import measure_snapshot
from worker.lab.bench.trial import Trial
from worker.lab.bench.workloads import USUAL_WORKLOADS, WORKLOADS, Sizes, scrape, workload
from worker.local.errors import LocalServicesError
from worker.local.owned import owned_services

_SIZES: Final = Sizes()
_WIDTH: Final = 130
_LATENCY_S: Final = 15.0


def bench(
    *,
    table: Annotated[
        bool, typer.Option("--table", help="Compare with the others; this is the default.")
    ] = False,
    scaling: Annotated[
        bool,
        typer.Option(
            "--scaling", help="Vary processes, mappings, markets in a message, and contention."
        ),
    ] = False,
    latency: Annotated[
        bool, typer.Option("--latency", help="Measure latency at 30 and 70 % of the highest rate.")
    ] = False,
    snapshot: Annotated[
        bool,
        typer.Option("--snapshot", help="Measure the snapshot process: rate, memory, compaction."),
    ] = False,
    insight: Annotated[
        bool,
        typer.Option(
            "--insight",
            help="Measure the insight process: memory by stage, CPU of a scrape. Takes about 15 minutes.",
        ),
    ] = False,
    records: Annotated[
        bool,
        typer.Option("--records", help="Measure single records of unusual shapes, in memory."),
    ] = False,
    workloads: Annotated[
        list[str] | None,
        typer.Option(
            "--workload",
            help=f"One workload: {', '.join(WORKLOADS)}. Repeatable. Default: all but mixed.",
        ),
    ] = None,
    contestants: Annotated[
        list[str] | None,
        typer.Option("--contestant", help=f"One contestant: {', '.join(CONTESTANTS)}. Repeatable."),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, max=100, help="Number of runs of each; medians are shown.")
    ] = 3,
    events: Annotated[
        int, typer.Option(min=1, max=2000, help="Number of events in the scrape.")
    ] = _SIZES.events,
    small: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of messages of `small`.")
    ] = _SIZES.small,
    large: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of messages of `large`.")
    ] = _SIZES.large,
    partitions: Annotated[int, typer.Option(min=1, max=100, help="Partitions of each topic.")] = 6,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for every single run, as JSON.")
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="File for a chart.")] = None,
    document: Annotated[
        Path | None,
        typer.Option("--document", help="Update the figures and charts of this document."),
    ] = None,
) -> None:
    """Measure the worker and others in turn, on the same topics; every answer is checked.

    Starts its own Kafka and Postgres, and removes them afterwards. Exit code 1 when an answer was wrong.

    Example: marketmap bench --workload scrape --contestant worker --contestant json --rounds 5
    """
    choice = BenchOptions(
        _known(workloads, WORKLOADS, "--workload") or USUAL_WORKLOADS,
        _known(contestants, CONTESTANTS, "--contestant"),
        rounds,
        partitions,
        Sizes(events, small, large),
    )
    _require_judged(choice)
    is_alone = not (scaling or latency or snapshot or insight or records)
    parts = {
        "table": table or is_alone,
        "scaling": scaling,
        "latency": latency,
        "snapshot": snapshot,
        "insight": insight,
        "records": records,
    }
    if document is not None:
        _require_places(document, [name for name, is_wanted in parts.items() if is_wanted])
    report = BenchReport(conditions(choice.sizes, rounds=rounds))
    catalogue = shipped_mappings()
    if parts.pop("records"):
        with late_bar() as bar:
            report.records = record_times(catalogue, rounds=rounds, report=_named_on(bar))
    try:
        if any(parts.values()):
            with owned_services() as services:
                asyncio.run(_measure(report, Ground(services, catalogue), choice, **parts))
    except (BenchError, LocalServicesError) as error:
        fail(str(error))
    wide = Console(width=max(out.width, _WIDTH))
    for grid in report.grids():
        wide.print(as_table(grid))
    if json_file is not None:
        write_text(json.dumps(report.as_json(), indent=2) + "\n", json_file)
    if report.faults:
        fail("\n".join(["These runs were wrong:", *report.faults]))
    if svg is not None:
        _draw(report, svg)
    if document is not None:
        write_text(_renewed(document, report.document_parts(document.stem)), document)
        _draw(report, document.with_suffix(".svg"))


def _known(names: list[str] | None, among: Collection[str], option: str) -> list[str]:
    """The names as they were given; one that is not there is wrong usage."""
    for name in names or []:
        if name not in among:
            fail(f"{option} {name[:60]} is not one of {', '.join(among)}", code=2)
    return names or []


def _require_judged(choice: BenchOptions) -> None:
    """Fail when a contestant would be judged by what it cannot know."""
    if "mixed" in choice.workloads and "naive" in choice.contestants:
        fail("--contestant naive knows no sports and no players: it cannot run mixed", code=2)


async def _measure(
    report: BenchReport,
    ground: Ground,
    choice: BenchOptions,
    *,
    table: bool,
    scaling: bool,
    latency: bool,
    snapshot: bool,
    insight: bool,
) -> None:
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of every new topic
    source = scrape(choice.sizes.events) if table or scaling or latency or snapshot else ()
    async with ground:
        if table:
            with late_bar() as bar:
                report.trials = await compare(ground, source, choice, _told_on(bar, choice.trials))
        if scaling:
            report.scaling = await scale(ground, source, rounds=choice.rounds, report=_tell)
        if latency:
            report.latency = await latencies(
                ground, workload("scrape", source), seconds=_LATENCY_S, partitions=choice.partitions
            )
        if snapshot:
            report.snapshot = [
                await measure_snapshot(ground, source, partitions=choice.partitions)
                for _ in range(choice.rounds)
            ]
        if insight:
            report.insight = [
                await measure_insight(ground, choice.sizes.events, partitions=choice.partitions)
                for _ in range(choice.rounds)
            ]


def _told_on(bar: LateBar, total: int) -> Callable[[Trial], None]:
    done = count(1)

    def tell(trial: Trial) -> None:
        _tell(trial)
        bar("Measuring", next(done), total)

    return tell


def _named_on(bar: LateBar) -> Callable[[str], None]:
    done = count()

    def tell(shape: str) -> None:
        bar("Measuring", next(done), len(SHAPES))
        err.print(shape, markup=False)

    return tell


def _tell(trial: Trial) -> None:
    verdict = "WRONG" if trial.faults else "right"
    err.print(
        f"{trial.workload:12} {trial.contestant:10} x{trial.processes} {rate(trial):10,.0f} messages/s "
        f"{cpu_us(trial):10,.0f} us/message  {verdict}"
    )
    for fault in trial.faults:
        err.print(f"    {fault}", style="red", markup=False)


def _draw(report: BenchReport, svg: Path) -> None:
    for name, picture in report.pictures(svg.stem).items():
        write_text(picture, svg.with_name(name))


def _require_places(document: Path, parts: Collection[str]) -> None:
    """Fail now, and not after minutes of measuring, when the document has no place for the figures."""
    _renewed(document, dict.fromkeys(parts, ""))


def _renewed(document: Path, parts: Mapping[str, str]) -> str:
    try:
        return renewed(document.read_text(encoding="utf-8"), parts)
    except (OSError, MarkersMissingError) as error:
        fail(f"{document} cannot be updated: {error}", code=2)
