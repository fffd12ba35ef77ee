"""Records that take longer than others of their size: what anybody who may publish can send.

A shape says what a record is made of, and how many bytes one more of it takes. So a record of any size can be
made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from worker.domain.books.platforms import Platform

Markets = Any


def outcome(label: str, odds: str = "2.5") -> Markets:
    return {"desc": label, "odds": odds, "isActive": 1}


def sportybet(market_id: str, specifier: str | None, *outcomes: Markets, **fields: Any) -> Markets:
    market = {"id": market_id, "status": 0, "outcomes": list(outcomes)} | fields
    return market if specifier is None else market | {"specifier": specifier}


def betpawa(market_id: str, *rows: Markets) -> Markets:
    return {"marketType": {"id": market_id}, "row": list(rows)}


def price(name: str, **fields: Any) -> Markets:
    return {"name": name, "price": 2.5} | fields


# By element: the platform, the bytes of one more element, and the markets with a given number of them.
SHAPES: Final[dict[str, tuple[Platform, int, Callable[[int], Markets]]]] = {
    "labels of one market": (
        "sportybet",
        45,
        lambda n: [sportybet("1", None, outcome("Home"), *(outcome(f"L{i}") for i in range(n)))],
    ),
    "one label": ("sportybet", 45, lambda n: [sportybet("1", None, *[outcome("Home")] * n)]),
    "labels with one team": (
        "sportybet",
        45,
        lambda n: [sportybet("1", None, *(outcome(f"b aa {i}") for i in range(n)))],
    ),
    "labels with both teams": (
        "sportybet",
        60,
        lambda n: [sportybet("1", None, *(outcome(f"aa b b aa {i}") for i in range(n)))],
    ),
    "long labels": (
        "sportybet",
        1000,
        lambda n: [sportybet("1", None, *(outcome(f"{i}{' b aa' * 180}") for i in range(n)))],
    ),
    "rows of one line with an unknown label": (
        "sportybet",
        150,
        lambda n: [
            sportybet("18", "total=2.5", outcome("Over 2.5"), outcome(f"U{i}")) for i in range(n)
        ],
    ),
    "rows of one line with the same unknown labels": (
        "sportybet",
        2400,
        lambda n: (
            [
                sportybet(
                    "18", "total=2.5", outcome("Over 2.5"), *(outcome(f"U{i}") for i in range(50))
                )
            ]
            * n
        ),
    ),
    "lines": (
        "sportybet",
        120,
        lambda n: [sportybet("18", f"total={i}.5", outcome(f"Over {i}.5")) for i in range(n)],
    ),
    "specifiers of other markets": (
        "sportybet",
        95,
        lambda n: [sportybet("8", f"goalnr={i}", outcome("Home")) for i in range(n)],
    ),
    "one long specifier": (
        "sportybet",
        10,
        lambda n: [sportybet("18", "|".join(f"k{i}=v" for i in range(n)), outcome("Over"))],
    ),
    "ids that nobody claims": (
        "sportybet",
        95,
        lambda n: [sportybet(f"U{i}", None, outcome("Home")) for i in range(n)],
    ),
    "rows that nobody claims": (
        "sportybet",
        95,
        lambda n: [sportybet("U", f"a={i}", outcome(f"H{i}")) for i in range(n)],
    ),
    "prices that differ": (
        "sportybet",
        95,
        lambda n: [sportybet("1", None, outcome("Home", f"2.{i}")) for i in range(n)],
    ),
    "odds that are none": (
        "sportybet",
        45,
        lambda n: [sportybet("1", None, *(outcome("Home", f"x{i}") for i in range(n)))],
    ),
    "values that are no market": ("sportybet", 7, lambda n: list(range(n))),
    "nested lists": (
        "sportybet",
        200,
        lambda n: [sportybet("1", None, outcome("Home"), x=nested(n))],
    ),
    "prices of one row": (
        "betpawa",
        28,
        lambda n: [betpawa("3743", {"prices": [price("1"), *(price(f"L{i}") for i in range(n))]})],
    ),
    "rows of one market": (
        "betpawa",
        75,
        lambda n: [
            betpawa("5000", *({"handicap": 4 * i, "prices": [price("Over")]} for i in range(n)))
        ],
    ),
    "rows of one line": (
        "betpawa",
        75,
        lambda n: [
            betpawa("5000", *({"handicap": 10, "prices": [price(f"O{i}")]} for i in range(n)))
        ],
    ),
    "keys of one specifier": (
        "betpawa",
        18,
        lambda n: [betpawa("5000", {"specifier": {f"t{i}": "1" for i in range(n)}, "prices": []})],
    ),
    "lines next to prices": (
        "betpawa",
        50,
        lambda n: [
            betpawa("5000", {"prices": [price("Over", handicap=f"{i}.5") for i in range(n)]})
        ],
    ),
    "keys of one market": ("bet9ja", 20, lambda n: {f"S_1X2_L{i}": "2" for i in range(n)}),
    "keys of many lines": ("bet9ja", 22, lambda n: {f"S_OU@{i}.5_O": "2" for i in range(n)}),
    "keys of many markets": ("bet9ja", 20, lambda n: {f"S_U{i}_O": "2" for i in range(n)}),
    "keys of live values": ("bet9ja", 28, lambda n: {f"S_OU@{i}.5_O": {"v": 2} for i in range(n)}),
    "keys that are none": ("bet9ja", 13, lambda n: {f"x{i}": "2" for i in range(n)}),
}


def nested(number: int) -> Markets:
    deep: Markets = []
    for _ in range(99):
        deep = [deep]
    return [deep] * number


def record_of(shape: str, size: int) -> bytes:
    """Return the value of a record of this shape, of about this number of bytes."""
    platform, unit, markets_of = SHAPES[shape]
    # Names that run into each other, so that they are looked for as whole words.
    event = {"id": "1", "home": "aa b", "away": "b aa"}
    envelope = {"platform": platform, "observed_at": "2026-11-22T12:00:00Z", "event": event}
    return orjson.dumps(envelope | {"markets": markets_of(size // unit)})
