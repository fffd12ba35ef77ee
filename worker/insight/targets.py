"""What is judged: what is missed, or the rows that one mapping reads, on several events.

A mapping is judged without itself: what was read through it is taken out of the reading of its own bookmaker,
and the goal model is fitted again where its prices were part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

from worker.domain.books.rows import Label, clipped_id
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, name_roles
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.markets import Contradiction, Market, NotMapped, PlayerMarket

from .boards import Board, Sold, text_of
from .candidates import KnownRow, RowKey, label_of
from .judging import Judge, Reading

# Rows of a market on one event that are judged, and labels of one. Every row is held against every canonical
# market, which takes some 40 ms. Usual events have up to 60 rows of a market, and no mapping has so many
# outcomes.
MOST_ROWS: Final = 100
MOST_LABELS: Final = 500


def judged_rows(rows: Iterable[Sold]) -> tuple[Sold, ...]:
    """Of the rows of a market the first ones, without those that have too many labels."""
    return tuple(islice((row for row in rows if len(row.odds) <= MOST_LABELS), MOST_ROWS))


class MappedRows(NamedTuple):
    """The rows of a board that one mapping reads, and the outcome of each of its labels."""

    rows: tuple[Sold, ...]
    outcomes: Mapping[str, str]


def mapped_rows(board: Board, mapping: MarketMapping, index: MappingIndex) -> MappedRows:
    """The rows that a mapping reads, of shared rows without the labels that another mapping reads."""
    rows: list[Sold] = []
    outcomes: dict[str, str] = {}
    for row in board.rows:
        market = index.meaning(board.platform, row.market_id, row.qualifier)
        if not isinstance(market, Market) or all(
            claim.canonical_id != mapping.canonical_id for claim, _ in market.accepted
        ):
            continue
        kept = {}
        for label, odds in row.odds.items():
            slot = market.slot(*text_of(label), board.teams)
            if slot is not None and slot.claim.canonical_id != mapping.canonical_id:
                continue
            kept[label] = odds
            if slot is not None:
                kind = mapping.line_rule.kind
                words = label_of(board.platform, text_of(label)[0], kind, board.teams)
                outcomes[words] = slot.outcome
        if kept:
            rows.append(row._replace(odds=kept))
    return MappedRows(tuple(rows), outcomes)


class MissedRows(NamedTuple):
    """The rows of a missed market; ``known`` is what is mapped of those that are mapped in part."""

    rows: tuple[Sold, ...]
    known: Mapping[RowKey, KnownRow]


def missed_rows(board: Board, index: MappingIndex) -> dict[str, MissedRows]:
    """What is missed, by the external id under which it is counted: rows, and labels of mapped rows."""
    rows: dict[str, list[Sold]] = {}
    known: dict[str, dict[RowKey, KnownRow]] = {}
    for row in board.rows:
        meaning = index.meaning(board.platform, row.market_id, row.qualifier)
        if not row.odds:
            continue
        if isinstance(meaning, NotMapped):
            rows.setdefault(clipped_id(meaning.external_market_id), []).append(row)
        elif isinstance(meaning, Market):
            in_part = _known_row(row, meaning, board.teams)
            if in_part is not None:
                external_id = clipped_id(meaning.missed_as)
                rows.setdefault(external_id, []).append(row)
                known.setdefault(external_id, {})[row.market_id, row.qualifier] = in_part
    return {key: MissedRows(tuple(found), known.get(key, {})) for key, found in rows.items()}


def _known_row(row: Sold, market: Market, names: Teams | None) -> KnownRow | None:
    """None of a row of which every label is known, or says another line."""
    labels: dict[Label, tuple[str, str]] = {}
    is_missed = False
    for label in row.odds:
        text, shown = text_of(label)
        slot = market.slot(text, shown, names)
        if slot is not None:
            labels[label] = slot.claim.canonical_id, slot.outcome
        elif not _is_contradicted(market, text, shown, names):
            is_missed = True
    if not is_missed:
        return None
    lines = {
        claim.canonical_id: line
        for claim, line in reversed(market.accepted)
        if not claim.has_lines_in_labels
    }
    return KnownRow(lines, labels)


def _is_contradicted(market: Market, label: str, shown: str | None, names: Teams | None) -> bool:
    """Whether a label is known, at another line than that of its row: such a price is no miss."""
    texts = {label, (name_roles(label, names) if names is not None else None) or label}
    return any(
        isinstance(claim.read(text, shown, line), Contradiction)
        for text in texts
        for claim, line in market.accepted
    )


def mapped_ids(board: Board, index: MappingIndex) -> Iterator[tuple[str, str]]:
    """The ids of rows that are mapped, each with an external id under which it would be or was missed."""
    for row in board.rows:
        meaning = index.meaning(board.platform, row.market_id, row.qualifier)
        if isinstance(meaning, PlayerMarket):
            meaning = meaning.market
        if isinstance(meaning, Market):
            yield row.market_id, clipped_id(row.market_id)
            yield row.market_id, clipped_id(meaning.missed_as)


def without_market(reading: Reading, canonical_id: str, judge: Judge) -> Reading:
    """A reading in which nothing is left of one canonical market."""
    quoted = {k: one for k, one in reading.quoted.items() if k.canonical_id != canonical_id}
    fair = {k: one for k, one in reading.fair.items() if k.canonical_id != canonical_id}
    model = reading.model
    used = set() if model is None else {key.canonical_id for key in model.fitted | model.left_out}
    if canonical_id in used:
        model = judge.fit(fair)
    return reading._replace(quoted=quoted, fair=fair, model=model)
