"""docs/log-events.md, made from the list of events: `python -m worker.lab.documents.log_events`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from worker.runtime.telemetry.log_events import EVENTS

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "log-events.md"

_HEAD: Final = """# Log events

A worker and a relay log one JSON object a line, on stderr. `event` is one of these; `level`, `timestamp`
and `logger` are in every line, other fields depend on the event. Control characters are escaped. No line
contains a record's value or parts of it: topic, partition and offset lead to it. The [runbook](runbook.md)
says what to do.

| event | what it says |
|---|---|
"""


def log_events_document() -> str:
    return _HEAD + "".join(f"| `{event}` | {sentence} |\n" for event, sentence in EVENTS.items())


if __name__ == "__main__":
    DOCUMENT.write_text(log_events_document(), encoding="utf-8")
