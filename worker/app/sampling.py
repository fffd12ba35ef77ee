"""The outcomes that are shown of a missed market: some of hundreds, found without reading them all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from worker.domain.misses import MOST_SAMPLES, Sample
from worker.domain.odds import Odds, usual_odds
from worker.domain.rows import Row, Selection

_LONGEST_TEXT: Final = 80

_Outcome = tuple[str, str, Odds]  # odds 0 where there is no usable price


def sampled(rows: Iterable[Row]) -> list[Sample]:
    """As `worker.domain.misses.sample`: the least by qualifier, label and odds, in any order of the feed."""
    found: set[_Outcome] = set()
    for qualifier, alike in groupby(sorted(rows, key=_qualifier), key=_qualifier):
        found.update(_least(qualifier, [selection for row in alike for selection in row.selections]))
        if len(found) >= MOST_SAMPLES:
            break  # what follows has a greater qualifier
    return [
        {"label": label[:_LONGEST_TEXT], "odds": odds or None, "qualifier": qualifier[:_LONGEST_TEXT] or None}
        for qualifier, label, odds in sorted(found)[:MOST_SAMPLES]
    ]


def _qualifier(row: Row) -> str:
    return row.qualifier or ""


def _least(qualifier: str, selections: list[Selection]) -> Iterable[_Outcome]:
    """All of one qualifier that may be among the least; no odds are read of the others."""
    if len(selections) > MOST_SAMPLES:
        labels = set(sorted({selection.label for selection in selections})[:MOST_SAMPLES])
        selections = [selection for selection in selections if selection.label in labels]
    return [(qualifier, selection.label, _odds(selection.odds)) for selection in selections]


def _odds(raw: object) -> Odds:
    try:
        return usual_odds[raw]
    except (KeyError, TypeError):
        return 0
