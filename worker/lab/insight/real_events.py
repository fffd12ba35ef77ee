"""Leave-one-out on real events, by pairs: `python -m worker.lab.insight.real_events FOLDER` of payloads.

Each mapping is taken from a bookmaker, and each of its ids there is looked for again on the one event, with
one other bookmaker to compare with. What is seen is what the process would see: the index is built without
the mapping's ids and labels at that bookmaker, and what the index then misses is the target. The readings,
the goal model and the way in which the bookmaker spreads its margin are those without the mapping.

*Reachable* are the ids of which the other bookmaker sells the market at one of the same lines.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from worker.cli.shipped import shipped_mappings
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.markets import Market
from worker.domain.meaning.market import Sets
from worker.domain.scope import FOOTBALL
from worker.insight.boards import Board, MarketLine, read, text_of
from worker.insight.candidates import Glimpse, UnmappedMarket, label_of
from worker.insight.goal_model import FITTED_FAMILIES, usual_method
from worker.insight.judging import Judge, Reading
from worker.insight.shipped import shipped_judge
from worker.insight.suggestions import Suggestion, suggest
from worker.insight.targets import mapped_rows, missed_rows, without_market
from worker.lab.documents.evidence import real_boards

from .measure import HiddenTruth, SameBets, figures, judged_trial
from .without import without


class HiddenId(NamedTuple):
    """One id of a hidden mapping on one event, without a bookmaker to compare with yet."""

    canonical_id: str
    external_id: str
    glimpse: Glimpse
    truth: dict[str, str]
    lines: frozenset[MarketLine]
    catalogue: list[MarketMapping]
    judge: Judge


class RealEvents:
    """The boards of real events, read once under the whole catalogue."""

    def __init__(
        self, boards: Sequence[Board], catalogue: Sequence[MarketMapping], judge: Judge
    ) -> None:
        self.boards = boards
        self.catalogue = [
            one
            for one in catalogue
            if one.scope.sport == FOOTBALL and one.scope.phase != "live" and one.participant is None
        ]
        self.index = MappingIndex(catalogue)
        self.judge = judge.knowing(boards, self.index)
        self._readings: dict[tuple[str, Platform], Reading] = {}

    def reading(self, board: Board) -> Reading:
        """The reading of a board under the whole catalogue."""
        key = (board.event, board.platform)
        if key not in self._readings:
            self._readings[key] = self.judge.reading(board, self.index)
        return self._readings[key]

    def others(self, board: Board) -> list[Board]:
        """The other bookmakers' boards of the same event."""
        return [
            one
            for one in self.boards
            if one.event == board.event and one.platform != board.platform
        ]

    def hidden(self, board: Board, mapping: MarketMapping) -> Iterator[HiddenId]:
        """Each id of a mapping that is on a board, hidden."""
        rows = mapped_rows(board, mapping, self.index).rows
        left = without(mapping, board.platform)
        if not rows or left is None:
            return
        name = mapping.canonical_id
        catalogue = [one for one in self.catalogue if one.canonical_id != name] + [left]
        index = self.index.revised([mapping], [left], 1)
        judge = self._judge_without(board.platform, name)
        # The margin is spread in another way: then everything is read again.
        own = self.reading(board) if judge is self.judge else judge.reading(board, self.index)
        own = without_market(own, name, judge)
        for external_id, found in missed_rows(replace(board, rows=rows), index).items():
            truth, lines = self._truth(board, found.rows, mapping)
            if truth:
                glimpse = Glimpse(board.event, board.teams, found.rows, own, (), found.known)
                yield HiddenId(name, external_id, glimpse, truth, lines, catalogue, judge)

    def _judge_without(self, platform: Platform, canonical_id: str) -> Judge:
        """The judge that has learnt nothing of a bookmaker's margin from this market."""
        if self.judge.meanings[canonical_id].family not in FITTED_FAMILIES:
            return self.judge
        quoted = [read(one, self.index) for one in self.boards if one.platform == platform]
        kept = [
            {key: one for key, one in of_board.items() if key.canonical_id != canonical_id}
            for of_board in quoted
        ]
        method = usual_method(kept, self.judge.bets, self.judge.meanings)
        if method == self.judge.methods.get(platform):
            return self.judge
        return replace(self.judge, methods={**self.judge.methods, platform: method})

    def _truth(
        self, board: Board, rows: Sequence[Any], mapping: MarketMapping
    ) -> tuple[dict[str, str], frozenset[MarketLine]]:
        truth: dict[str, str] = {}
        lines: set[MarketLine] = set()
        for row in rows:
            market = self.index.meaning(board.platform, row.market_id, row.qualifier)
            if not isinstance(market, Market):
                continue
            for label in row.odds:
                slot = market.slot(*text_of(label), board.teams)
                if slot is not None and slot.claim.canonical_id == mapping.canonical_id:
                    kind = mapping.line_rule.kind
                    words = label_of(board.platform, text_of(label)[0], kind, board.teams)
                    truth[words] = slot.outcome
                    lines.add(MarketLine(mapping.canonical_id, slot.line))
        return truth, frozenset(lines)

    @cached_property
    def same(self) -> SameBets:
        """Bets of several markets that win and lose together."""
        predicates = (
            one.predicates for one in self.judge.meanings.values() if one.predicates is not None
        )
        return {bet: group for group in Sets(predicates).same() for bet in group}


class PairTrial(NamedTuple):
    """One hidden id looked for: at which bookmaker, compared with which other one."""

    event: str
    platform: Platform
    other: Platform
    is_reachable: bool
    found: tuple[Suggestion, ...]
    truth: HiddenTruth


def trials(events: RealEvents, *, every: int = 1) -> Iterator[PairTrial]:
    """Every id of every bookmaker, looked for with each other bookmaker of its event.

    ``every`` tries one mapping in this many, among all of them.
    """
    for board in events.boards:
        others = [(one.platform, events.reading(one)) for one in events.others(board)]
        if not others:
            continue
        for mapping in events.catalogue[::every]:
            for hidden in events.hidden(board, mapping):
                for platform, reading in others:
                    yield _trial(board, hidden, platform, reading)


def _trial(board: Board, hidden: HiddenId, other: Platform, reading: Reading) -> PairTrial:
    market_id = hidden.external_id.partition("?")[0]
    names = {row.name for row in hidden.glimpse.rows if row.name is not None}
    target = UnmappedMarket(
        board.platform,
        market_id,
        min(names, default=None),
        (hidden.glimpse._replace(others=(reading,)),),
    )
    return PairTrial(
        board.event,
        board.platform,
        other,
        not hidden.lines.isdisjoint(reading.fair),
        tuple(suggest(target, hidden.catalogue, hidden.judge)),
        HiddenTruth(
            hidden.canonical_id,
            board.platform,
            f"{hidden.canonical_id} ({hidden.external_id})",
            hidden.truth,
        ),
    )


def pair_figures(events: RealEvents, found: Sequence[PairTrial]) -> Iterator[dict[str, Any]]:
    """Shares and names by pair, of what is reachable."""
    pairs = sorted({(one.event, one.platform, one.other) for one in found})
    for pair in pairs:
        of_pair = [one for one in found if (one.event, one.platform, one.other) == pair]
        reachable = [
            judged_trial(one.truth, one.found, events.same) for one in of_pair if one.is_reachable
        ]
        if not reachable:
            continue
        yield {
            "event": pair[0],
            "hidden": pair[1],
            "compared_with": pair[2],
            "ids": len(of_pair),
            **figures(reachable)._asdict(),
        }


def real_events(folder: Path) -> RealEvents:
    """The events of a folder under the shipped catalogue."""
    judge = shipped_judge()
    catalogue = shipped_mappings()
    return RealEvents(real_boards(folder), catalogue, judge)


def main(argv: Sequence[str] | None = None, say: Callable[[str], Any] = sys.stdout.write) -> None:
    parser = argparse.ArgumentParser(description="Look for hidden mappings on real events.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="Try one mapping in this many.")
    options = parser.parse_args(argv)
    events = real_events(options.folder)
    for line in pair_figures(events, list(trials(events, every=options.every))):
        say(json.dumps(line, default=str) + "\n")


if __name__ == "__main__":
    main()
