"""One row for each fault that was injected: printed at the end of the run, and written to a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / ".local" / "faults"
HEADINGS = (
    "fault",
    "injected",
    "in flight",
    "lost",
    "miscounted",
    "duplicates allowed",
    "not allowed",
    "recovery s",
)


@dataclass(frozen=True)
class Row:
    """``in_flight``: how many records the faults could make come again. ``recovery_s``: from the end of the
    fault until everything published by then was committed. ``note`` says what is peculiar.
    """

    fault: str
    injected: int
    records: int
    in_flight: int
    lost: int
    miscounted: int
    duplicates_allowed: int
    duplicates_not_allowed: int
    recovery_s: float
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        counts = (self.injected, self.in_flight, self.lost, self.miscounted)
        duplicates = (self.duplicates_allowed, self.duplicates_not_allowed)
        return self.fault, *map(str, counts), *map(str, duplicates), f"{self.recovery_s:.1f}"


def table(rows: Sequence[Row]) -> str:
    """A Markdown table, aligned so that it reads on a terminal too."""
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rule = (
        "|"
        + "|".join(f"-{'-' * width}{'-' if not n else ':'}" for n, width in enumerate(widths))
        + "|"
    )
    shown = [_line(line, widths) for line in lines]
    return "\n".join([shown[0], rule, *shown[1:]])


def write(rows: Sequence[Row], *, seed: str, form: str) -> Path:
    """Write `<form>-<seed>.md` and `.json` into the folder; the first of the two."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{form}-{seed}.md"
    path.write_text(f"Fault suite, {form} form, seed {seed}.\n\n{table(rows)}\n", encoding="utf-8")
    document = {"seed": seed, "form": form, "rows": [asdict(row) for row in rows]}
    path.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [
        cell.rjust(width) if n else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(shown)} |"
