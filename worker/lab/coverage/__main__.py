"""Coverage of the catalogue on real replies: `python -m worker.lab.coverage FOLDER [--json]`.

The folder holds what the bookmakers' APIs returned, one reply in each file EVENT.BOOKMAKER.json. Without a
catalogue file, the shipped one is measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue

from .measured import as_document, comparable_table, coverage_table, measure, totals_table


def main() -> None:
    """Print tables in Markdown, or JSON."""
    parser = argparse.ArgumentParser(description="Measure the coverage of a catalogue.")
    parser.add_argument("folder", type=Path, help="the replies")
    parser.add_argument("--catalogue", type=Path, default=shipped_catalogue())
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    if not any(options.folder.glob("*.json")):
        parser.error(f"there are no replies in {options.folder}")
    events = measure(options.folder, load_catalogue(options.catalogue.read_text(encoding="utf-8")))
    if options.as_json:
        text = json.dumps(as_document(events), indent=1)
    else:
        tables = (coverage_table, totals_table, comparable_table)
        text = "\n\n".join("\n".join(table(events)) for table in tables)
    sys.stdout.write(f"{text}\n")


main()
