"""What is judged: the rows of an unmapped market, or those that one mapping reads, on several events.

A mapping is judged without itself: what was read through it is taken out of the reading of its own bookmaker,
and the goal model is fitted again where its prices were part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from worker.domain.books.rows import clipped_id
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.markets import Market, NotMapped, PlayerMarket

from .boards import Board, Sold, text_of
from .candidates import label_of
from .goal_model import fit
from .judging import Judge, Reading


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


def unmapped_rows(board: Board, index: MappingIndex) -> dict[str, tuple[Sold, ...]]:
    """The rows that no mapping reads, by the external id under which they are counted as missed."""
    found: dict[str, list[Sold]] = {}
    for row in board.rows:
        meaning = index.meaning(board.platform, row.market_id, row.qualifier)
        if isinstance(meaning, NotMapped) and row.odds:
            found.setdefault(clipped_id(meaning.external_market_id), []).append(row)
    return {external_id: tuple(rows) for external_id, rows in found.items()}


def mapped_ids(board: Board, index: MappingIndex) -> Iterator[str]:
    """The external ids under which rows of a board would be missed, or were before they were mapped."""
    for row in board.rows:
        meaning = index.meaning(board.platform, row.market_id, row.qualifier)
        if isinstance(meaning, PlayerMarket):
            meaning = meaning.market
        if isinstance(meaning, Market):
            yield clipped_id(row.market_id)
            yield clipped_id(meaning.missed_as)


def without_market(reading: Reading, canonical_id: str, judge: Judge) -> Reading:
    """A reading in which nothing is left of one canonical market."""
    quoted = {k: one for k, one in reading.quoted.items() if k.canonical_id != canonical_id}
    fair = {k: one for k, one in reading.fair.items() if k.canonical_id != canonical_id}
    model = reading.model
    used = set() if model is None else {key.canonical_id for key in model.fitted | model.left_out}
    if canonical_id in used:
        model = fit(fair, judge.bets, judge.meanings)
    return reading._replace(quoted=quoted, fair=fair, model=model)
