"""Grades on the page of the markets: `python -m worker.lab.documents.market_grades FOLDER` of real payloads.

Each mapping at each bookmaker is graded on a generated scrape, as the insight process grades it. Next to it
are the distances of its prices on the real payloads: how many, and their median. Of the payloads themselves
nothing is kept. The result is data, from which `worker.lab.documents.markets` makes the page.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any, Final

from worker.cli.shipped import shipped_mappings
from worker.domain.index import MappingIndex
from worker.insight.boards import Board
from worker.insight.distances import between_books, to_model
from worker.insight.grades import AGREES, ReferenceComparison, grade
from worker.insight.judging import Judge
from worker.insight.shipped import shipped_judge
from worker.insight.watching.comparisons import MODEL, EvidenceRow
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.stored import pack
from worker.insight.watching.window import WatchedEvent
from worker.lab.documents.evidence import real_boards, shipped_index
from worker.lab.documents.markets import DATA
from worker.lab.insight.scrapes import troubled_events

SEED: Final = 1
NOISE: Final = 0.05
Document = dict[str, Any]


def measured(folder: Path, events: int, at: datetime) -> Document:
    """Grade the shipped catalogue, and measure it on real payloads."""
    boards = real_boards(folder)
    return {
        "measured_on": f"{at:%Y-%m-%d}",
        "generated": {"seed": SEED, "events": events, "noise": NOISE},
        "real": {"boards": len(boards), "events": len({one.event for one in boards})},
        "grades": generated_grades(troubled_events(seed=SEED, events=events, noise=NOISE), at),
        "distances": real_distances(boards),
    }


def generated_grades(events: Mapping[str, Sequence[Board]], at: datetime) -> Document:
    """By mapping and bookmaker: the grade, and each comparison."""
    judge = shipped_judge()
    catalogue = shipped_mappings()
    index = MappingIndex(catalogue)
    mappings = {one.canonical_id: one for one in catalogue}
    watched = [
        WatchedEvent(event, None, None, None, {one.platform: pack(one, at) for one in boards})
        for event, boards in events.items()
        if len(boards) > 1
    ]
    verdicts = EventVerdicts(judge, index, mappings, watched)
    for event in verdicts.update(watched):
        verdicts.look(event)
    rows = verdicts.evidence()
    suspects = verdicts.suspects(one for one in rows if one.mean > AGREES)
    alarmed = {key for key in suspects if verdicts.alarm(key) is not None}
    grades: Document = {}
    for (canonical_id, platform), together in _by_mapping(rows).items():
        found = grade(
            map(_comparison, together), is_contradicted=(canonical_id, platform) in alarmed
        )
        grades.setdefault(canonical_id, {})[platform] = {
            "grade": found,
            "against": {
                one.against: {"events": one.events, "median": round(one.median, 2)}
                for one in together
            },
        }
    return grades


def _by_mapping(rows: Iterable[EvidenceRow]) -> dict[tuple[str, str], list[EvidenceRow]]:
    found: dict[tuple[str, str], list[EvidenceRow]] = {}
    for one in sorted(rows, key=lambda one: (one.canonical_id, one.platform, one.against)):
        found.setdefault((one.canonical_id, one.platform), []).append(one)
    return found


def _comparison(one: EvidenceRow) -> ReferenceComparison:
    against: Any = "model" if one.against == MODEL else "book"
    return ReferenceComparison(against, one.events, one.prices, one.median)


def real_distances(boards: Sequence[Board]) -> Document:
    """By mapping and what was compared: how many prices, and their median distance."""
    index = shipped_index()
    judge = shipped_judge().knowing(boards, index)
    sizes: dict[str, dict[str, list[float]]] = {}
    for name, against, size in _sizes(boards, judge, index):
        sizes.setdefault(name, {}).setdefault(against, []).append(size)
    return {
        name: {
            against: {"prices": len(found), "median": round(median(found), 2)}
            for against, found in sorted(of_market.items())
        }
        for name, of_market in sorted(sizes.items())
    }


def _sizes(boards: Sequence[Board], judge: Judge, index: Any) -> Iterator[tuple[str, str, float]]:
    by_event: dict[str, list[Any]] = {}
    for one in boards:
        by_event.setdefault(one.event, []).append(judge.reading(one, index))
    for together in by_event.values():
        for one, other in combinations(sorted(together, key=lambda r: r.platform), 2):
            for distance in between_books(one.quoted, other.quoted):
                names = f"{one.platform} and {other.platform}"
                yield distance.key.canonical_id, names, distance.size
        for reading in together:
            for distance in to_model(reading, judge.bets):
                names = f"{reading.platform} and its model"
                yield distance.key.canonical_id, names, distance.size


def main() -> None:
    parser = argparse.ArgumentParser(description="Grade the shipped catalogue.")
    parser.add_argument("folder", type=Path, help="Real replies, named EVENT.BOOKMAKER.json.")
    parser.add_argument("--events", type=int, default=40, help="Events of the generated scrape.")
    options = parser.parse_args()
    at = datetime.now(tz=UTC) - timedelta(seconds=1)
    document = measured(options.folder, options.events, at)
    DATA.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
