"""Figures as tables of text: for the terminal, and for a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table

from worker.lab.bench.figures import FIGURES, TARGETS, Spread, by_contestant, reached, spread
from worker.lab.bench.trial import Trial


class FigureTable(NamedTuple):
    """A table; the first ``texts`` columns are words, the others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def comparison(trials: Sequence[Trial]) -> FigureTable:
    """Every contestant on every workload, medians of the rounds."""
    rows = [
        [workload, name, *_cells(runs)] for (workload, name), runs in by_contestant(trials).items()
    ]
    columns = ["workload", "contestant", *(figure.title for figure in FIGURES)]
    return FigureTable("Comparison", columns, rows, texts=2)


def targets(trials: Sequence[Trial]) -> FigureTable:
    rows = []
    for target in TARGETS:
        value = reached(target, trials)
        if value is not None:
            met = "yes" if target.is_met(value.median) else "no"
            rows.append([target.sentence, target.bound, shown(value, 2), met])
    return FigureTable("Targets", ["figure", "target", "reached", "met"], rows)


def _cells(runs: Sequence[Trial]) -> list[str]:
    if any(run.faults for run in runs):
        return ["WRONG", *[""] * (len(FIGURES) - 1)]
    return [_brief(spread([figure.of(run) for run in runs]), figure.digits) for figure in FIGURES]


def _brief(value: Spread, digits: int) -> str:
    """The median, and half of the way from the least to the most in percent of it."""
    percent = f"{50 * (value.most - value.least) / (value.median or 1):.0f}"
    return f"{value.median:,.{digits}f}" + ("" if percent == "0" else f" ±{percent}%")


def shown(value: Spread, digits: int = 0) -> str:
    """The median, with the least and the most where they differ."""
    median, least, most = (f"{each:,.{digits}f}" for each in value)
    return median if least == most else f"{median} ({least} to {most})"


def as_markdown(grid: FigureTable) -> str:
    rules = ["---"] * grid.texts + ["---:"] * (len(grid.columns) - grid.texts)
    lines = [grid.columns, rules, *grid.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_table(grid: FigureTable) -> Table:
    """For the terminal, spreads below their medians."""
    table = Table(
        title=grid.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="left" if number < grid.texts else "right", no_wrap=True)
    for row in grid.rows:
        table.add_row(*(cell.replace(" (", "\n(").replace(" ±", "\n±") for cell in row))
    return table
