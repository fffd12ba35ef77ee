"""The labels of a missed market on all watched events. Pure.

A miss keeps a dozen labels of its newest sighting. The watched events have all that were on sale on them,
and the names of their teams, which no mapping can list: those become placeholders. A label in words that one
event alone has, where others have the market too, is taken for a name of that event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, name_roles
from worker.domain.scope import parse_external_id
from worker.insight.boards import Board, text_of
from worker.insight.targets import missed_rows

_FEW: Final = 3  # events: with fewer, a name cannot be told from a label
_ROLES: Final = re.compile(r"\{(?:home|away)\}")
_IN_WORDS: Final = re.compile(r"[^\W\d_]{3}")


class SeenLabel(NamedTuple):
    """A label with team names as placeholders, a qualifier that it had, and the events that had it."""

    label: str
    qualifier: str | None
    events: int


class SeenLabels(NamedTuple):
    """``names`` are labels that are taken for names of one match; ``events`` had the market."""

    labels: list[SeenLabel]
    names: list[SeenLabel]
    events: int


def seen_labels(
    boards: Iterable[Board], platform: Platform, external_market_id: str, index: MappingIndex
) -> SeenLabels:
    """The labels that are missed under an external id; ``index`` has the mappings with its id."""
    market_id = parse_external_id(external_market_id).market_id
    found: dict[str, tuple[str | None, set[str]]] = {}
    events: set[str] = set()
    for board in boards:
        if board.platform != platform:
            continue
        rows = tuple(row for row in board.rows if row.market_id == market_id)
        alone = Board(board.event, platform, board.teams, rows)
        missed = missed_rows(alone, index).get(external_market_id)
        if missed is None:
            continue
        events.add(board.event)
        for row in missed.rows:
            known = missed.known.get((row.market_id, row.qualifier))
            for label in row.odds:
                if known is None or label not in known.labels:
                    text = _without_names(platform, text_of(label)[0], board.teams)
                    found.setdefault(text, (row.qualifier, set()))[1].add(board.event)
    listed = [SeenLabel(label, one, len(on)) for label, (one, on) in sorted(found.items())]
    return _told_apart(listed, len(events))


def _without_names(platform: Platform, label: str, names: Teams | None) -> str:
    if names is None or not BOOKS[platform].folds_labels:
        return label
    return name_roles(label, names) or label


def _told_apart(listed: Sequence[SeenLabel], events: int) -> SeenLabels:
    labels: list[SeenLabel] = []
    names: list[SeenLabel] = []
    for one in listed:
        is_name = events >= _FEW and one.events == 1 and _IN_WORDS.search(_ROLES.sub("", one.label))
        (names if is_name else labels).append(one)
    return SeenLabels(labels, names, events)
