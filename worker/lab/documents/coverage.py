"""The measured part of docs/coverage.md: `python -m worker.lab.documents.coverage FOLDER` of real replies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from worker.cli.shipped import shipped_mappings
from worker.lab.bench.document import renewed
from worker.lab.coverage.measured import (
    EventBooks,
    comparable_table,
    coverage_table,
    measure,
    totals_table,
)

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "coverage.md"


def coverage_parts(events: Sequence[EventBooks], at: datetime) -> dict[str, str]:
    """The three tables, with the date."""
    replies = sum(len(event.platforms) for event in events)
    said = f"Measured on {at:%Y-%m-%d} on {replies} replies of {len(events)} real events."
    return {
        "totals": "\n".join([said, "", *totals_table(events)]),
        "entries": "\n".join(coverage_table(events)),
        "comparable": "\n".join(comparable_table(events)),
    }


if __name__ == "__main__":
    shipped = shipped_mappings()
    parts = coverage_parts(measure(Path(sys.argv[1]), shipped), datetime.now(tz=UTC))
    DOCUMENT.write_text(renewed(DOCUMENT.read_text(encoding="utf-8"), parts), encoding="utf-8")
