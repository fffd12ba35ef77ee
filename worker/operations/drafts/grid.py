"""A group of missed markets as a grid for a spreadsheet: one row for each label, to be filled in. Pure.

Columns: the market, the label, and two to fill in: the mapping that the market belongs to, and the outcome
that the label is. A row with one of them empty is left alone. All rows of one market name one mapping.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any, Final, NamedTuple

from worker.cli.spreadsheet import cell
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.registry import LABEL_COLUMNS
from worker.domain.draft import draft
from worker.domain.labels import fold
from worker.domain.scope import parse_external_id
from worker.operations.unmapped.extending import MappingState, extended
from worker.storage.misses import QueuedMiss, QueueKey

COLUMNS: Final = ("platform", "market_id", "market_name", "label", "canonical_id", "outcome")
_LONGEST_SHOWN: Final = 255
_FILLED_IN: Final = ("platform", "market_id", "label", "canonical_id", "outcome")


class GridFault(NamedTuple):
    """What is wrong in a row of the grid; rows are counted from 2, below the header."""

    row: int
    reason: str

    def __str__(self) -> str:
        return f"row {self.row}: {self.reason}" if self.row else self.reason


class GridError(Exception):
    """The grid cannot be used; every fault is named."""

    def __init__(self, faults: Sequence[GridFault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


class Decision(NamedTuple):
    """What the grid says about one market: the mapping, and the outcome of each label."""

    key: QueueKey
    canonical_id: str
    outcomes: Mapping[str, str]
    row: int


class GridSuggestion(NamedTuple):
    """What fills the grid to begin with."""

    canonical_id: str
    outcomes: Mapping[str, str]


def read_rows(text: str) -> list[dict[str, str | None]]:
    """The rows of a grid as spreadsheets write them: with tabs or commas between. Raises csv.Error."""
    # Spreadsheets write a byte order mark at the beginning of a file.
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n")
    delimiter = "\t" if "\t" in lines.partition("\n")[0] else ","
    reader = csv.reader(StringIO(lines, newline=""), delimiter=delimiter)
    # Not csv.DictReader, which gives every row all columns of the header, however many those are.
    places = {name: at for at, name in enumerate(next(reader, [])) if name in COLUMNS}
    return [
        {name: row[at] if at < len(row) else None for name, at in places.items()}
        for row in reader
        if row
    ]


def _short(text: str) -> str:
    """A text of the grid as a fault shows it: every row may have one about the same text."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def labels_of(miss: QueuedMiss) -> list[str]:
    """The labels of the newest sighting as a mapping writes them, without lines, once each."""
    if not is_platform(miss.source):
        return []
    column = LABEL_COLUMNS[miss.source]
    return [row[column] for row in _drafted(miss)["outcome_mapping"]]


def rows_of(miss: QueuedMiss, suggested: GridSuggestion | None) -> Iterable[dict[str, Any]]:
    """The rows of one market, with what is suggested for it."""
    known = {} if suggested is None else {fold(one): o for one, o in suggested.outcomes.items()}
    for label in labels_of(miss):
        yield {
            "platform": miss.source,
            "market_id": miss.external_market_id,
            "market_name": miss.market_name,
            "label": label,
            "canonical_id": suggested and suggested.canonical_id,
            "outcome": known.get(fold(label)),
        }


def read_decisions(rows: Iterable[Mapping[str, str | None]]) -> list[Decision]:
    """Read the rows of a filled-in grid. Raises GridError."""
    found: dict[QueueKey, Decision] = {}
    outcomes: dict[QueueKey, dict[str, str]] = {}
    faults: list[GridFault] = []
    for place, row in enumerate(rows, start=2):
        if missing := [name for name in _FILLED_IN if name not in row]:
            raise GridError([GridFault(0, f"the column {missing[0]} is missing")])
        platform, market_id, label, canonical_id, outcome = (
            (row[name] or "").strip() for name in _FILLED_IN
        )
        if not canonical_id or not outcome:
            continue
        if not is_platform(platform):
            faults.append(GridFault(place, f"{platform or 'nothing'} is not a bookmaker"))
            continue
        key = (platform, market_id)
        of_labels = outcomes.setdefault(key, {})
        known = found.setdefault(key, Decision(key, canonical_id, of_labels, place))
        if known.canonical_id != canonical_id:
            reason = (
                f"{platform} {_short(market_id)} is {_short(known.canonical_id)} in row {known.row}"
            )
            faults.append(GridFault(place, reason))
            continue
        if of_labels.setdefault(label, outcome) != outcome:
            reason = f"the label {_short(label)} is {_short(of_labels[label])} above"
            faults.append(GridFault(place, reason))
    if faults:
        raise GridError(faults)
    return list(found.values())


def with_real_labels(decision: Decision, miss: QueuedMiss) -> Decision:
    """The same with the labels as the bookmaker writes them: a spreadsheet gets some with an apostrophe.

    Raises GridError for a label that was not sampled, and for one that could be two.
    """
    real: dict[str, set[str]] = {}
    for label in labels_of(miss):
        for written in (label, cell(label)):
            real.setdefault(written, set()).add(label)
    outcomes: dict[str, str] = {}
    for label, outcome in decision.outcomes.items():
        found = real.get(label, set())
        if len(found) != 1:
            what = "several labels that look like" if found else "no label"
            reason = f"{' '.join(miss.key)} has {what} {label}"
            raise GridError([GridFault(decision.row, reason)])
        outcomes[found.pop()] = outcome
    return decision._replace(outcomes=outcomes)


def extend(state: MappingState, decision: Decision, miss: QueuedMiss) -> MappingState:
    """A mapping's JSON form that reads this market, too. Raises MappingError."""
    named = parse_external_id(miss.external_market_id)
    return extended(state, _platform(miss), named, decision.outcomes)


def new_state(decision: Decision, miss: QueuedMiss) -> MappingState:
    """The JSON form of a new mapping of this market: the draft, with the outcomes that were decided."""
    values = _drafted(miss)
    column = LABEL_COLUMNS[_platform(miss)]
    rows = [
        row | {"canonical_id": decision.outcomes[row[column]]}
        for row in values["outcome_mapping"]
        if row[column] in decision.outcomes
    ]
    numbered = [row | {"position": place} for place, row in enumerate(rows)]
    return values | {"canonical_id": decision.canonical_id, "outcome_mapping": numbered}


def _drafted(miss: QueuedMiss) -> MappingState:
    samples = miss.sample_outcomes if isinstance(miss.sample_outcomes, list) else []
    usable = [one for one in samples if isinstance(one, dict) and isinstance(one.get("label"), str)]
    return draft(_platform(miss), miss.external_market_id, miss.market_name, usable)


def _platform(miss: QueuedMiss) -> Platform:
    if not is_platform(miss.source):
        raise GridError([GridFault(0, f"{miss.source} is not a bookmaker that can be mapped")])
    return miss.source
