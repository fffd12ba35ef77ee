"""Meanings on every pair of half scores, as arrays: which scores win each outcome of a market at a line.

The domain evaluates an expression on one match at a time, with the standard library. Here all matches are one
array, so that a market of 60 outcomes takes a millisecond. A property test holds the two to the same answer.

A *cell* is one pair of half scores. An expression that asks who scored first or last does not win or lose a
cell: it wins a part of it. That part is the share of the orders of goals, each as likely as the others.
"""

from __future__ import annotations

import ast
import operator
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.domain.meaning.expression import SIDES, Expression
from worker.domain.meaning.market import Predicates
from worker.domain.meaning.matches import first_and_last

MOST_GOALS: Final = 6  # of one side in one half
MOST_BYTES: Final = 48 * 2**20  # of bets that are kept
# What an entry takes apart from its arrays: its key, its names, the entry itself.
_ENTRY_BYTES: Final = 600
Shares = NDArray[np.float64]

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True, eq=False)
class Grid:
    """Every pair of half scores with up to ``most`` goals of a side in a half."""

    most: int = MOST_GOALS

    @cached_property
    def halves(self) -> NDArray[np.float64]:
        """One row for each of h1, a1, h2, a2; one column for each cell."""
        return np.array(list(product(range(self.most + 1), repeat=4)), dtype=np.float64).T

    @property
    def size(self) -> int:
        return int(self.halves.shape[1])

    @cached_property
    def facts(self) -> Mapping[str, NDArray[np.float64]]:
        """The facts that a cell fixes."""
        h1, a1, h2, a2 = self.halves
        halves = {"h1": h1, "a1": a1, "t1": h1 + a1, "h2": h2, "a2": a2, "t2": h2 + a2}
        return halves | {"h": h1 + h2, "a": a1 + a2, "t": h1 + a1 + h2 + a2}

    @cached_property
    def orders(self) -> Orders:
        """Each cell once for every first and last scorer that it can have."""
        cells: list[int] = []
        firsts: list[str] = []
        lasts: list[str] = []
        shares: list[float] = []
        for cell, halves in enumerate(self.halves.T):
            facts = dict(zip(("h1", "a1", "h2", "a2"), map(int, halves), strict=True))
            for first, last in first_and_last(dict(facts)):
                cells.append(cell)
                firsts.append(first)
                lasts.append(last)
                shares.append(share_of_orders(facts, first, last))
        return Orders(np.array(cells), np.array(firsts), np.array(lasts), np.array(shares))

    def shares(self, when: Expression, line: float | None) -> Shares:
        """Of each cell the share in which ``when`` is true: 0 or 1 unless it asks who scored."""
        facts: dict[str, Any] = dict(self.facts)
        if line is not None:
            facts["line"] = line
        node = _parsed(when.text)
        if not when.names & SIDES:
            return np.broadcast_to(_evaluate(node, facts), self.size).astype(np.float64)
        orders = self.orders
        facts = {
            name: fact[orders.cells] if isinstance(fact, np.ndarray) else fact
            for name, fact in facts.items()
        }
        facts |= {"first": orders.firsts, "last": orders.lasts}
        won = np.broadcast_to(_evaluate(node, facts), orders.cells.size)
        weights = np.asarray(won * orders.shares)
        return np.bincount(orders.cells, weights=weights, minlength=self.size).astype(np.float64)


class Orders(NamedTuple):
    """Who scored first and last: the cell, the two sides, and the share of the cell's orders of goals."""

    cells: NDArray[np.int64]
    firsts: NDArray[np.str_]
    lasts: NDArray[np.str_]
    shares: NDArray[np.float64]


GRID: Final = Grid()


def share_of_orders(match: Mapping[str, int], first: str, last: str) -> float:
    """The share of the orders of goals that begin with ``first`` and end with ``last``."""
    halves = [{"home": match[f"h{half}"], "away": match[f"a{half}"]} for half in (1, 2)]
    halves = [half for half in halves if sum(half.values())]
    if not halves:
        return 1.0
    begins = halves[0][first] / sum(halves[0].values())
    if len(halves) == 2:
        return begins * halves[1][last] / sum(halves[1].values())
    goals = sum(halves[0].values())
    if goals == 1:
        return begins
    left = halves[0][last] - (first == last)
    return begins * left / (goals - 1)


def parts_of(line: str | None) -> tuple[float | None, ...]:
    """The lines of a bet: a quarter line is half a bet at each of the two lines next to it."""
    if line is None:
        return (None,)
    number = float(line)
    return (number,) if number * 2 % 1 == 0 else (number - 0.25, number + 0.25)


class PackedShares:
    """Shares of cells in a byte each where all are halves: nothing, half a bet, all of it. Nearly all are.

    Half shares are those of quarter lines. Where expressions ask who scored, shares are kept as they are.
    """

    __slots__ = ("_is_halves", "_kept")

    def __init__(self, shares: Shares) -> None:
        doubled = shares * 2
        halves = doubled.astype(np.uint8)
        self._is_halves = bool((halves == doubled).all())
        self._kept: NDArray[np.uint8] | Shares = halves if self._is_halves else shares

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self._kept.nbytes)

    @property
    def packed(self) -> bytes:
        """The same for the same shares, and for no others of as many cells."""
        return self._kept.tobytes()

    def unpacked(self) -> Shares:
        """The shares as they were, to the last bit."""
        shares = self._kept.astype(np.float64)
        return shares * 0.5 if self._is_halves else shares


class Bets:
    """The outcomes of a market at one line: of each cell the share that wins, and that decides the bet.

    ``won`` has one row for each outcome. ``decided`` is 0 where the stake comes back. ``cover`` is how many
    of the outcomes win in a decided match; None where that depends on the match.
    """

    __slots__ = ("_decided", "_won", "cover", "outcomes")

    def __init__(self, outcomes: tuple[str, ...], won: Shares, decided: Shares) -> None:
        self.outcomes = outcomes
        self.cover = _cover(won, decided)
        self._won = PackedShares(won)
        self._decided = PackedShares(decided)

    @property
    def won(self) -> Shares:
        return self._won.unpacked()

    @property
    def decided(self) -> Shares:
        return self._decided.unpacked()

    @property
    def scores(self) -> tuple[tuple[str, ...], bytes, bytes]:
        """What wins which scores: the same for bets that no score tells apart."""
        return self.outcomes, self._won.packed, self._decided.packed

    @property
    def size(self) -> int:
        """In bytes, of the arrays."""
        return self._won.size + self._decided.size

    def chances(self, cells: Shares) -> dict[str, float]:
        """The chance of each outcome, given that the bet is decided."""
        decided = max(float(self.decided @ cells), 1e-12)
        return dict(zip(self.outcomes, map(float, self.won @ cells / decided), strict=True))


def _cover(won: Shares, decided: Shares) -> float | None:
    is_decided = decided > 0
    if not is_decided.any():
        return None
    winners = won.sum(axis=0)[is_decided] / decided[is_decided]
    least, most = float(winners.min()), float(winners.max())
    return least if most - least < 1e-9 and least > 0 else None


_BetKey = tuple[str, str | None, frozenset[str] | None]


class BetBook:
    """The bets of canonical markets, worked out for each market, line and set of outcomes.

    The last used ones are kept, up to ``most_bytes``. There are as many as lines and sets of outcomes on
    sale, and a list of sixty scores takes thirty times what a total does.
    """

    def __init__(
        self, meanings: Iterable[Predicates], grid: Grid = GRID, *, most_bytes: int = MOST_BYTES
    ) -> None:
        self.meanings = {one.canonical_id: one for one in meanings}
        self.grid = grid
        self._most_bytes = most_bytes
        self._kept: OrderedDict[_BetKey, Bets | None] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def size(self) -> int:
        """The bytes of what is kept."""
        return self._bytes

    def bets(
        self, canonical_id: str, line: str | None, outcomes: frozenset[str] | None = None
    ) -> Bets | None:
        """The bets on ``outcomes``, all when None; None when one of them has no meaning.

        A residual (an outcome without an expression) is what the other ``outcomes`` leave over.
        """
        meaning = self.meanings.get(canonical_id)
        if meaning is None or (line is None and "line" in meaning.names):
            return None
        # What the expressions do not ask for makes no other bets.
        asked = line if "line" in meaning.names else None
        key = (canonical_id, asked, outcomes)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._bets(meaning, asked, outcomes)
        with self._lock:
            self._keep(key, found)
        return found

    def _keep(self, key: _BetKey, found: Bets | None) -> None:
        if key in self._kept:
            return
        self._kept[key] = found
        self._bytes += _size(found)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)

    def _bets(
        self, meaning: Predicates, line: str | None, outcomes: frozenset[str] | None
    ) -> Bets | None:
        names = tuple(
            name
            for name, when in meaning.when.items()
            if (when is not None if outcomes is None else name in outcomes)
        )
        parts = [self._at(meaning, names, part) for part in parts_of(line)]
        if not names or any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        won = np.mean([part.won for part in known], axis=0)
        decided = np.mean([part.decided for part in known], axis=0)
        return Bets(names, won, decided)

    def _at(self, meaning: Predicates, names: tuple[str, ...], line: float | None) -> _Part | None:
        whens = [meaning.when[name] for name in names]
        residuals = [n for n, when in enumerate(whens) if when is None]
        if len(residuals) > 1:
            return None
        empty = np.zeros(self.grid.size)
        won = np.array(
            [empty if when is None else self.grid.shares(when, line) for when in whens]
        ).reshape(len(names), self.grid.size)
        void = empty if meaning.void is None else self.grid.shares(meaning.void, line)
        if residuals:
            left = 1 - void - won.sum(axis=0)
            if left.min() < -1e-9:  # the others overlap, so that nothing says what is left
                return None
            won[residuals[0]] = left
        return _Part(won, 1 - void)


class _Part(NamedTuple):
    """What wins, and what is decided, at one line."""

    won: Shares
    decided: Shares


def _size(found: Bets | None) -> int:
    return _ENTRY_BYTES + (0 if found is None else found.size)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _evaluate(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    """The value of an expression that ``parse`` let through, for arrays of facts."""
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return np.logical_and.reduce(
                np.broadcast_arrays(*(_evaluate(one, facts) for one in values))
            )
        case ast.BoolOp(values=values):
            return np.logical_or.reduce(
                np.broadcast_arrays(*(_evaluate(one, facts) for one in values))
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return np.logical_not(_evaluate(operand, facts))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            links = [
                _compared(one, op, other, facts)
                for one, op, other in zip([left, *comparators], ops, comparators, strict=False)
            ]
            return np.logical_and.reduce(np.broadcast_arrays(*links))
        case _:
            return _term(node, facts)


def _term(node: ast.expr, facts: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return facts[name]
        case ast.Constant(value=constant):
            return constant
        case ast.UnaryOp(op=op, operand=operand):
            term = _term(operand, facts)
            return -term if isinstance(op, ast.USub) else term
        case ast.BinOp(left=left, op=op, right=right):
            combine = _ARITHMETIC[type(op)]
            return combine(_term(left, facts), _term(right, facts))
        case _:  # parse lets nothing else through
            raise AssertionError(ast.dump(node))


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, facts: Mapping[str, Any]) -> Any:
    value = _term(left, facts)
    if isinstance(right, ast.Tuple | ast.List):
        listed = np.isin(value, [_term(one, facts) for one in right.elts])
        return listed if isinstance(op, ast.In) else np.logical_not(listed)
    return _COMPARE[type(op)](value, _term(right, facts))
