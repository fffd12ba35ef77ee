"""When an outcome wins, as a small expression over the facts of a match: ``h > a and t > line``.

**The language.** Names of facts (``FACTS`` below); numbers, whole or with quarters; the sides ``'home'``,
``'away'`` and ``'none'``; ``+``, ``-`` and ``% 2`` (odd or even); comparisons, chained as in
``1 <= t <= 3``; ``in`` with a list of constants, as in ``h in (1, 2)``; ``and``, ``or``, ``not``;
parentheses. Nothing else: no calls, no attributes, no other names. It is a part of Python's own grammar,
so the standard library's parser reads it, and every node that is not listed here is refused with its column.
Nothing is ever executed as Python.

**Types.** A fact is a number or a side; a whole expression is true or false. What mixes them, such as
``first > 1``, is refused when it is parsed, so that evaluating cannot fail.

**Laws**, held by property tests: ``parse(str(e)) == e``; evaluating equals a naive reading of the text.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from worker.domain.books.rows import abbreviate

Fact = float | str
Facts = Mapping[str, Fact]

# What can be asked of a match. Goals of home, away and both: in the match, in its first and second half.
NUMBERS: Final = frozenset({"h", "a", "t", "h1", "a1", "t1", "h2", "a2", "t2", "line"})
# Who scored the first and the last goal.
SIDES: Final = frozenset({"first", "last"})
SIDE_VALUES: Final = frozenset({"home", "away", "none"})
FACTS: Final = NUMBERS | SIDES

LONGEST: Final = 2_000
DEEPEST: Final = 50
LARGEST: Final = 1_000

_Kind = Literal["number", "side", "truth"]
_COMPARE: Final[Mapping[type[ast.cmpop], tuple[str, Callable[[Any, Any], bool]]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], Fact]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mod: operator.mod,
}
_ORDERED: Final = frozenset({"<", "<=", ">", ">="})


class MeaningError(ValueError):
    """An expression that is refused. ``column`` counts from 1."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        super().__init__(f"{abbreviate(text)}, column {column}: {reason}")
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed predicate. Two are equal when they say the same in the same way, whatever their spacing."""

    text: str
    names: frozenset[str]
    _holds: Callable[[Facts], bool]

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of these facts; they must have every name that it uses."""
        return self._holds(facts)


def parse(text: str) -> Expression:
    """Read an expression. Raises MeaningError with the column of what is not allowed."""
    if len(text) > LONGEST:
        raise MeaningError(text, LONGEST + 1, f"it is longer than {LONGEST} characters")
    if not text.isascii() or "\n" in text or "\r" in text:
        raise MeaningError(text, 1, "it must be one line of ASCII")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        column = getattr(error, "offset", None) or len(text) + 1  # 0: it ends too early
        raise MeaningError(text, column, "this is no expression") from None
    kind = _Checker(text).kind_of(node, depth=0)
    if kind != "truth":
        raise MeaningError(text, 1, f"it must be true or false, but it is a {kind}")
    used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return Expression(ast.unparse(node), frozenset(used), _predicate(node))


class _Checker:
    """Walks a syntax tree and refuses what the language does not have."""

    def __init__(self, text: str) -> None:
        self._text = text

    def kind_of(self, node: ast.expr, depth: int) -> _Kind:
        if depth > DEEPEST:
            raise self._refused(node, f"it is nested deeper than {DEEPEST}")
        match node:
            case ast.BoolOp(values=values):
                self._expect_all(values, "truth", depth)
                return "truth"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._expect_all([operand], "truth", depth)
                return "truth"
            case ast.Compare():
                self._check_comparison(node, depth)
                return "truth"
            case _:
                return self._kind_of_term(node, depth)

    def _kind_of_term(self, node: ast.expr, depth: int) -> _Kind:
        match node:
            case ast.Name(id=name):
                return self._fact(node, name)
            case ast.Constant(value=value):
                return self._constant(node, value)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                operands = [operand]
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=right):
                operands = [left, right]
            case ast.BinOp(left=left, op=ast.Mod(), right=ast.Constant(value=2)):
                operands = [left]
            case _:
                raise self._refused(node, "this is not part of the language")
        self._expect_all(operands, "number", depth)
        return "number"

    def _check_comparison(self, node: ast.Compare, depth: int) -> None:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            kind = self.kind_of(left, depth + 1)
            if kind == "truth":
                raise self._refused(left, "a comparison is between numbers or between sides")
            if isinstance(op, ast.In | ast.NotIn):
                self._listed(right, kind, depth)
            elif type(op) not in _COMPARE:
                raise self._refused(right, "`is` is not part of the language; use ==")
            else:
                self._expect(right, kind, depth)
                if kind == "side" and _COMPARE[type(op)][0] in _ORDERED:
                    raise self._refused(right, "sides have no order; use ==, != or in")
            left = right

    def _listed(self, node: ast.expr, kind: _Kind, depth: int) -> None:
        if not isinstance(node, ast.Tuple | ast.List) or not node.elts:
            raise self._refused(node, "`in` takes a list of constants in parentheses")
        for element in node.elts:
            if not isinstance(element, ast.Constant | ast.UnaryOp):
                raise self._refused(element, "`in` takes constants only")
            self._expect(element, kind, depth)

    def _expect_all(self, nodes: Iterable[ast.expr], wanted: _Kind, depth: int) -> None:
        for node in nodes:
            self._expect(node, wanted, depth)

    def _expect(self, node: ast.expr, wanted: _Kind, depth: int) -> None:
        found = self.kind_of(node, depth + 1)
        if found != wanted:
            raise self._refused(node, f"this is a {found}, where a {wanted} is needed")

    def _fact(self, node: ast.expr, name: str) -> _Kind:
        if name in NUMBERS:
            return "number"
        if name in SIDES:
            return "side"
        known = ", ".join(sorted(FACTS))
        raise self._refused(
            node, f"{abbreviate(name[:20])} is not a fact of a match; the facts are {known}"
        )

    def _constant(self, node: ast.expr, value: object) -> _Kind:
        if isinstance(value, str) and value in SIDE_VALUES:
            return "side"
        if isinstance(value, int | float) and not isinstance(value, bool) and _is_exact(value):
            return "number"
        sides = ", ".join(f"'{side}'" for side in sorted(SIDE_VALUES))
        raise self._refused(
            node, f"a constant is a multiple of 0.25 up to {LARGEST}, or one of {sides}"
        )

    def _refused(self, node: ast.expr, reason: str) -> MeaningError:
        return MeaningError(self._text, node.col_offset + 1, reason)


def _is_exact(number: float) -> bool:
    # Multiples of a quarter, as lines are, have no rounding in binary: they compare as they are written.
    return abs(number) <= LARGEST and (number * 4) % 1 == 0


# Each node becomes one small function, made once: an expression is tried on thousands of matches.
_Predicate = Callable[[Facts], bool]
_Term = Callable[[Facts], Any]


def _predicate(node: ast.expr) -> _Predicate:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return _joined(_both, [_predicate(value) for value in values])
        case ast.BoolOp(values=values):
            return _joined(_either, [_predicate(value) for value in values])
        case ast.UnaryOp(operand=operand):
            holds = _predicate(operand)
            return lambda facts: not holds(facts)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            links = [
                _comparison(one, op, other)
                for one, op, other in zip([left, *comparators], ops, comparators, strict=False)
            ]
            return _joined(_both, links)
        case _:  # parse lets nothing else through
            raise AssertionError(ast.dump(node))


def _joined(
    join: Callable[[_Predicate, _Predicate], _Predicate], parts: Sequence[_Predicate]
) -> _Predicate:
    """By two and two: a loop takes longer than what it loops over. Halved, so that many nest few deep."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_joined(join, parts[:middle]), _joined(join, parts[middle:]))


def _both(one: _Predicate, other: _Predicate) -> _Predicate:
    return lambda facts: one(facts) and other(facts)


def _either(one: _Predicate, other: _Predicate) -> _Predicate:
    return lambda facts: one(facts) or other(facts)


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> _Predicate:
    value = _term(left)
    if isinstance(right, ast.Tuple | ast.List):
        listed = [_term(one)({}) for one in right.elts]
        wanted = isinstance(op, ast.In)
        return lambda facts: (value(facts) in listed) is wanted
    compare = _COMPARE[type(op)][1]
    if isinstance(right, ast.Constant):
        constant = right.value
        return lambda facts: compare(value(facts), constant)
    other = _term(right)
    return lambda facts: compare(value(facts), other(facts))


def _term(node: ast.expr) -> _Term:
    match node:
        case ast.Name(id=name):
            return operator.itemgetter(name)
        case ast.Constant(value=constant):
            return lambda _facts: constant
        case ast.UnaryOp(op=op, operand=operand):
            term, sign = _term(operand), -1 if isinstance(op, ast.USub) else 1
            return lambda facts: sign * term(facts)
        case ast.BinOp(left=left, op=op, right=right):
            combine, one, other = _ARITHMETIC[type(op)], _term(left), _term(right)
            return lambda facts: combine(one(facts), other(facts))
        case _:  # parse lets nothing else through
            raise AssertionError(ast.dump(node))
