"""When an outcome wins, as a condition in text over the facts of a match: ``h > a and t > line``.

The oracle has a reader of its own: what it calls true must not rest on the code that it checks.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

MatchFacts = Mapping[str, float]
_Value = Callable[[MatchFacts], Any]

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, listed: value in listed,
}
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Any, Any], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mod: operator.mod,
}


class Predicate(NamedTuple):
    """``names`` are the facts it asks for, without the line."""

    names: frozenset[str]
    holds: Callable[[MatchFacts], bool]


@cache
def predicate(text: str) -> Predicate:
    """Read a condition. Raises ValueError for what is none."""
    node = ast.parse(text, mode="eval").body
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return Predicate(frozenset(names - {"line"}), _reader(node))


def _reader(node: ast.expr) -> _Value:
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_reader(value) for value in values]
            decide = all if isinstance(op, ast.And) else any
            return lambda facts: decide(part(facts) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            holds = _reader(operand)
            return lambda facts: not holds(facts)
        case ast.Compare():
            return _comparison(node)
        case _:
            return _term(node)


def _comparison(node: ast.Compare) -> _Value:
    values = [_reader(each) for each in (node.left, *node.comparators)]
    links = [
        (_COMPARE[type(op)], left, right)
        for op, left, right in zip(node.ops, values, values[1:], strict=False)
    ]
    return lambda facts: all(compare(left(facts), right(facts)) for compare, left, right in links)


def _term(node: ast.expr) -> _Value:
    match node:
        case ast.Name(id=name):
            return operator.itemgetter(name)
        case ast.Constant(value=constant):
            return lambda _facts: constant
        case ast.Tuple(elts=elements):
            listed = tuple(_reader(element)({}) for element in elements)
            return lambda _facts: listed
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            positive = _reader(operand)
            return lambda facts: -positive(facts)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            combine, one, other = _ARITHMETIC[type(op)], _reader(left), _reader(right)
            return lambda facts: combine(one(facts), other(facts))
        case _:
            raise ValueError(f"this is no condition: {ast.unparse(node)}")
