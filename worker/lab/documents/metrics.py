"""docs/metrics.md, made from the list of metrics: `python -m worker.lab.documents.metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from worker.runtime.telemetry.metric_list import (
    CONSOLE_METRICS,
    INSIGHT_METRICS,
    METRICS,
    RELAY_METRICS,
    SNAPSHOT_METRICS,
    Metric,
)

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "metrics.md"

_HEAD: Final = """# Metrics

Served in Prometheus's text format at `/metrics`. What to do about them is in the [runbook](runbook.md).

No label takes its values from a record. If a label has no values here, its values come from the
installation or from Postgres; [messages.md](messages.md) lists the reasons of markets. Counters belong to
the process: they start at zero when it starts, with every listed value of their labels. In addition, there
are the standard `process_*` metrics of Prometheus's clients: memory, CPU, file descriptors, start.
"""

_PARTS: Final[dict[str, Mapping[Any, Metric]]] = {
    "Of a worker": METRICS,
    "Of a relay, and of a worker that runs one": RELAY_METRICS,
    "Of a snapshot process": SNAPSHOT_METRICS,
    "Of an insight process": INSIGHT_METRICS,
    "Of a console": CONSOLE_METRICS,
}


def metrics_document() -> str:
    return _HEAD + "".join(_part(title, metrics) for title, metrics in _PARTS.items())


def _part(title: str, metrics: Mapping[Any, Metric]) -> str:
    rows = "".join(_row(name, metric) for name, metric in metrics.items())
    return f"\n## {title}\n\n| metric | kind | labels | what it says |\n|---|---|---|---|\n{rows}"


def _row(name: str, metric: Metric) -> str:
    labels = "; ".join(_label(label, values) for label, values in metric.labels.items())
    return f"| `{name}` | {metric.kind} | {labels} | {metric.sentence} |\n"


def _label(name: str, values: tuple[str, ...]) -> str:
    return f"`{name}`: {', '.join(values)}" if values else f"`{name}`"


if __name__ == "__main__":
    DOCUMENT.write_text(metrics_document(), encoding="utf-8")
