"""Lines misread on purpose: a board under a mapping that takes another line for the real one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from worker.domain.books.lines import negate, parse_line
from worker.insight.boards import MarketLine
from worker.insight.goal_model import fit
from worker.insight.judging import Judge, Reading

LINED_FAMILIES: Final = frozenset({"total", "handicap"})
_Move = Callable[[str], str | None]


class Misreading(NamedTuple):
    """One market of a board, misread: ``fault`` says how."""

    fault: str
    canonical_id: str
    reading: Reading


def _plus(by: float) -> _Move:
    return lambda line: parse_line(f"{float(line) + by:g}")


MOVES: Final[dict[str, _Move]] = {
    "sign": negate,
    "line too high by 1": _plus(1),
    "line too low by 1": _plus(-1),
}


def misreadings(reading: Reading, judge: Judge) -> Iterator[Misreading]:
    """Every goal market with a line of a board, misread in each way that changes it."""
    for canonical_id in sorted({key.canonical_id for key in reading.fair}):
        family = judge.meanings[canonical_id].family
        if family not in LINED_FAMILIES or canonical_id not in judge.bets.meanings:
            continue
        for fault, move in MOVES.items():
            if fault == "sign" and family != "handicap":
                continue
            moved = _moved(reading, canonical_id, move, judge)
            if moved is not None:
                yield Misreading(fault, canonical_id, moved)


def _moved(reading: Reading, canonical_id: str, move: _Move, judge: Judge) -> Reading | None:
    """None where it changes nothing: the sign of the line 0."""
    renamed: dict[MarketLine, MarketLine] = {}
    for key in reading.fair:
        line = key.line if key.canonical_id != canonical_id else key.line and move(key.line)
        renamed[key] = MarketLine(key.canonical_id, line)
    if all(key == other for key, other in renamed.items()):
        return None
    quoted = {renamed[key]: one for key, one in reading.quoted.items()}
    chances = {renamed[key]: one for key, one in reading.fair.items()}
    model = fit(chances, judge.bets, judge.meanings)
    return reading._replace(quoted=quoted, fair=chances, model=model)
