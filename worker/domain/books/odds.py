"""Odds as they come in, and as they go out: a JSON number with the digits that came in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

Odds = float | int

# Fifteen digits survive the way through a JSON number unchanged. More are read as JSON reads such a number.
_DECIMAL: Final = re.compile(r"[1-9]\d{0,6}(?:\.\d{1,20})?", re.ASCII)
_HIGHEST: Final = 10_000_000
_LONGEST: Final = 28
_LIKE_A_TRUTH: Final = (0, 1)  # as keys they are equal to false and true, which are no numbers
_ZERO_OR_ONE: Final = re.compile(r"[01](?:\.0{1,8})?", re.ASCII)
_MOST_PRICES: Final = 65_536  # 100 events of three books hold 15,000


def _parse_text(text: str) -> Odds | None:
    if _DECIMAL.fullmatch(text) is None:
        return None
    return _parse_number(float(text))


def _parse_number(number: float) -> Odds | None:
    if not 1 < number < _HIGHEST:  # false for nan as well
        return None
    return int(number) if number == int(number) else number


def parse_odds(raw: object) -> Odds | None:
    """``raw`` as decimal odds, or None when it is not a finite plain decimal greater than 1.

    Texts and JSON numbers are read; a whole number comes back as int so that it is written without ``.0``.
    """
    if type(raw) is str:
        return None if len(raw) > _LONGEST else _parse_text(raw)
    if type(raw) is float or type(raw) is int:
        return _parse_number(raw)
    return None


class TwoPrices(str):
    """What one outcome has two prices as that differ: a text, and no odds."""

    __slots__ = ()


class Price(str):
    """The price of an outcome, which is text: as JSON has it inside of an object.

    ``Price.of(1.98, active=True)`` is ``"odds":1.98,"active":true``. So a market is written by joining texts,
    and equal prices are equal texts. ``odds`` are None where there are none to show.
    """

    __slots__ = ()

    @classmethod
    def of(cls, odds: Odds | None, *, active: bool) -> Price:
        return cls(
            f'"odds":{"null" if odds is None else odds},"active":{"true" if active else "false"}'
        )

    @property
    def odds(self) -> Odds | None:
        odds: Odds | None = self._read()["odds"]
        return odds

    @property
    def active(self) -> bool:
        return self.endswith("true")

    def _read(self) -> dict[str, Any]:
        return json.loads(f"{{{self}}}")  # type: ignore[no-any-return]  # an object


NO_PRICE: Final = Price.of(None, active=False)


class Prices(dict[object, Price]):
    """The price for each value of odds in a feed: most are among a few hundred.

    A look into a dictionary costs a third of a call. KeyError for odds that an active price cannot have,
    TypeError for what has no hash.
    """

    def __init__(self, read: Callable[[object], Price | None]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, raw: object) -> Price:
        price = self._read(raw)
        if price is None:
            raise KeyError(raw)
        if len(raw) <= _LONGEST if isinstance(raw, str) else raw not in _LIKE_A_TRUTH:
            if len(self) >= _MOST_PRICES:
                self.clear()
            self[raw] = price
        return price


def read_price(raw: object, *, active: bool) -> Price | None:
    """The price that ``raw`` is; None when it is active without usable odds."""
    odds = parse_odds(raw)
    return None if active and odds is None else Price.of(odds, active=active)


closed_prices: Final = Prices(partial(read_price, active=False))


def is_exactly(number: int, raw: object) -> bool:
    """Whether ``raw`` is exactly 0, or exactly 1, as a text or as a JSON number: "1", "1.00", 1.0.

    Odds of nothing or of the stake alone are how bookmakers say that there is no price.
    """
    if type(raw) is str:
        return raw.startswith(str(number)) and _ZERO_OR_ONE.fullmatch(raw) is not None
    return type(raw) in {int, float} and raw == number


def prices_of(is_no_price: Callable[[object], bool]) -> Prices:
    """The prices of outcomes that can be bet on, at a bookmaker that says so when there is no price."""
    return Prices(lambda raw: read_price(raw, active=not is_no_price(raw)))
