"""The measured part of docs/evidence.md: `python -m worker.lab.documents.evidence FOLDER` of real payloads.

A payload is named EVENT.BOOKMAKER.json and is what the bookmaker's API returned.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from worker.cli.shipped import shipped_mappings
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.index import MappingIndex
from worker.domain.resolve import Observation
from worker.insight.boards import Board, board
from worker.insight.distances import (
    Distance,
    between_books,
    by_family,
    by_market,
    spread,
    to_model,
)
from worker.insight.judging import Judge, Reading
from worker.insight.shipped import shipped_judge
from worker.lab.bench.document import renewed

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "evidence.md"
# Football before the match: the goal model knows no other.
_LEFT_OUT: Final = ("live_", "basketball", "tennis")
_SUSPICIOUS: Final = 0.15


def real_boards(folder: Path) -> list[Board]:
    """The prematch football payloads of a folder."""
    found: list[Board] = []
    for file in sorted(folder.glob("*.json")):
        event, _, platform = file.stem.partition(".")
        if is_platform(platform) and not event.startswith(_LEFT_OUT):
            payload = json.loads(file.read_text(encoding="utf-8"))
            found.append(board(event, _observation(platform, payload)))
    return found


def _observation(platform: Platform, payload: Any) -> Observation:
    match platform:
        case "sportybet":
            data = payload["data"]
            return Observation(
                platform, data["markets"], data["homeTeamName"], data["awayTeamName"]
            )
        case "betpawa":
            sides = sorted(payload["participants"], key=lambda one: one["position"])
            return Observation(platform, payload["markets"], sides[0]["name"], sides[1]["name"])
        case "bet9ja":
            home, _, away = payload["D"]["DS"].partition(" - ")
            return Observation(platform, payload["D"]["O"], home, away)


def shipped_index() -> MappingIndex:
    """The index of the shipped catalogue."""
    return MappingIndex(shipped_mappings())


def payload_tables(boards: Sequence[Board], at: datetime) -> str:
    """Distances by family between books and from the goal model, and the markets that are furthest."""
    index = shipped_index()
    judge = shipped_judge().knowing(boards, index)
    readings = [judge.reading(one, index) for one in boards]
    lines = [
        f"Measured on {at:%Y-%m-%d} on {len(boards)} boards of {len({b.event for b in boards})} real events.",
        "The margin is taken out, for comparison with the goal model, by: "
        + ", ".join(f"{platform} {method}" for platform, method in sorted(judge.methods.items()))
        + ".\n",
    ]
    pairs = dict(_between(readings))
    own = {platform: _own(readings, judge, platform) for platform in sorted(judge.methods)}
    columns = {**pairs, **{f"{platform} and its model": found for platform, found in own.items()}}
    lines += _table(columns, judge)
    lines += ["", "Markets whose median distance is over 0.15:", ""]
    lines += ["| market | compared | outcomes | p50 | furthest |", "|---|---|---|---|---|"]
    for name, found in columns.items():
        lines += _furthest(name, found)
    return "\n".join(lines)


def _between(readings: Iterable[Reading]) -> Iterator[tuple[str, list[Distance]]]:
    by_event: dict[str, list[Reading]] = {}
    for reading in readings:
        by_event.setdefault(reading.event, []).append(reading)
    for together in by_event.values():
        for one, other in combinations(sorted(together, key=lambda r: r.platform), 2):
            name = f"{one.platform} and {other.platform}"
            yield name, between_books(one.quoted, other.quoted)


def _own(readings: Iterable[Reading], judge: Judge, platform: Platform) -> list[Distance]:
    mine = [reading for reading in readings if reading.platform == platform]
    return [distance for reading in mine for distance in to_model(reading, judge.bets)]


def _table(columns: dict[str, list[Distance]], judge: Judge) -> Iterator[str]:
    families = {name: by_family(found, judge.meanings) for name, found in columns.items()}
    yield "| family | " + " | ".join(columns) + " |"
    yield "|---|" + "---|" * len(columns)
    yield "| **all** | " + " | ".join(_cell(found) for found in columns.values()) + " |"
    for family in sorted(set().union(*families.values())):
        cells = [_cell(found.get(family, [])) for found in families.values()]
        yield f"| {family.replace('_', ' ')} | " + " | ".join(cells) + " |"


def _cell(distances: list[Distance]) -> str:
    found = spread(distances)
    return "" if found is None else f"{found.median:.2f} / {found.p90:.2f} ({found.compared})"


def _furthest(name: str, distances: list[Distance]) -> Iterator[str]:
    for market, found in sorted(by_market(distances).items()):
        of_market = spread(found)
        if of_market is not None and of_market.median > _SUSPICIOUS:
            worst = of_market.largest
            line = "" if worst.key.line is None else f" at {worst.key.line}"
            furthest = f"{worst.outcome}{line}: {worst.chance:.3f} against {worst.reference:.3f}"
            yield f"| `{market}` | {name} | {of_market.compared} | {of_market.median:.2f} | {furthest} |"


if __name__ == "__main__":
    tables = payload_tables(real_boards(Path(sys.argv[1])), datetime.now(tz=UTC))
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(renewed(text, {"payloads": tables}), encoding="utf-8")
