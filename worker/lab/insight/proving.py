"""How often proofs are right: `python -m worker.lab.insight.proving --seed 1`, on generated boards.

Every mapping is held against every board that sells it: as it is, which nothing should contradict, and on
some boards with each misreading that it can have. Of the right ones it is also said which would refuse a
save, and which would raise an alarm, on the first boards of each bookmaker.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from worker.cli.shipped import shipped_mappings
from worker.domain.index import MappingIndex
from worker.insight.agreed_proofs import QuotedBoard, agreed_proofs
from worker.insight.boards import Board, MarketLine, Quoted, read
from worker.insight.judging import Judge
from worker.insight.proofs import proofs_about
from worker.insight.shipped import shipped_judge
from worker.insight.watching.judgement import LEAST_PROVED, is_comparable

from .faults import EXCHANGED
from .misread import LINED_FAMILIES, MOVES
from .scrapes import boards_in, troubled_events

_LEARNT_FROM: Final = 30
Quotes = Mapping[MarketLine, Quoted]


class ProofLab:
    """Boards under the shipped mappings."""

    def __init__(self, boards: Sequence[Board]) -> None:
        shipped = shipped_mappings()
        self.index = MappingIndex([one for one in shipped if is_comparable(one)])
        self.judge: Judge = shipped_judge().knowing(boards[:_LEARNT_FROM], self.index)
        self.boards = [QuotedBoard(one, read(one, self.index)) for one in boards]

    def false(self) -> tuple[int, Counter[str]]:
        """How many mappings are on all boards, and the proofs against them, by kind."""
        tried, found = 0, Counter[str]()
        for one in self.boards:
            for name in _names(one.quoted):
                tried += 1
                found.update({proof.kind for proof in self._proofs(name, one, one.quoted)})
        return tried, found

    def agreed(self) -> tuple[int, int]:
        """How many right mappings are refused a save, and how many raise an alarm."""
        refused = raised = 0
        for platform in {one.board.platform for one in self.boards}:
            boards = [one for one in self.boards if one.board.platform == platform]
            for name in {name for one in boards for name in _names(one.quoted)}:
                selling = (one for one in boards if name in _names(one.quoted))
                found = agreed_proofs(name, selling, self.index, self.judge)
                refused += bool(found)
                raised += any(len(one.events) >= LEAST_PROVED for one in found)
        return refused, raised

    def found(self, boards: int) -> dict[str, tuple[int, int]]:
        """Of each kind of misreading how many there were on the first boards, and how many were proved."""
        tried, hit = Counter[str](), Counter[str]()
        for one in self.boards[:boards]:
            for name in _names(one.quoted):
                for fault, quoted in self._misread(name, one.quoted):
                    tried[fault] += 1
                    hit[fault] += bool(self._proofs(name, one, quoted))
        return {fault: (count, hit[fault]) for fault, count in tried.items()}

    def _proofs(self, name: str, one: QuotedBoard, quoted: Quotes) -> Sequence[Any]:
        return proofs_about(name, one.board, quoted, self.index, self.judge)

    def _misread(self, name: str, quoted: Quotes) -> Iterator[tuple[str, Quotes]]:
        has_model = name in self.judge.bets.meanings
        family = self.judge.meanings[name].family
        for fault, move in MOVES.items():
            if family not in LINED_FAMILIES or not has_model:
                continue
            if fault == "sign" and family != "handicap":
                continue
            moved = {
                MarketLine(name, key.line and move(key.line))
                if key.canonical_id == name
                else key: one
                for key, one in quoted.items()
            }
            if moved.keys() != quoted.keys():
                yield fault, moved
        for fault, words in EXCHANGED.items():
            exchanged = {
                key: _exchanged(one, words) if key.canonical_id == name else one
                for key, one in quoted.items()
            }
            if exchanged != quoted:
                yield fault if has_model else f"{fault}, without a goal model", exchanged


def _names(quoted: Quotes) -> set[str]:
    return {key.canonical_id for key in quoted}


def _exchanged(quoted: Quoted, words: Mapping[str, str]) -> Quoted:
    """With the prices of two sides exchanged, where both are sold."""
    renamed = {
        "_".join(words.get(word, word) for word in outcome.split("_")): odds
        for outcome, odds in quoted.odds.items()
    }
    if renamed.keys() != quoted.odds.keys():
        return quoted
    return quoted._replace(odds=renamed)


def main(argv: Sequence[str] | None = None, say: Callable[[str], Any] = sys.stdout.write) -> None:
    parser = argparse.ArgumentParser(description="Measure proofs on a generated scrape.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--misread", type=int, default=5, help="Misread on this many boards.")
    options = parser.parse_args(argv)
    events = troubled_events(seed=options.seed, events=options.events, noise=options.noise)
    lab = ProofLab(list(boards_in(events)))
    tried, false = lab.false()
    refused, raised = lab.agreed()
    found = {
        "boards": len(lab.boards),
        "mappings": tried,
        "false": false,
        "refused": refused,
        "alarms": raised,
        "found": lab.found(options.misread),
    }
    say(json.dumps(vars(options) | found) + "\n")


if __name__ == "__main__":
    main()
