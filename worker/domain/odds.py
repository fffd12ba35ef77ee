"""Odds as they come in, and as they go out: a JSON number with the digits that came in."""

from __future__ import annotations

import re
from typing import Final

Odds = float | int

# Fifteen digits at most: the most that survive the way through a JSON number unchanged.
_DECIMAL: Final = re.compile(r"[1-9]\d{0,6}(?:\.\d{1,8})?", re.ASCII)
_HIGHEST: Final = 10_000_000
_LONGEST: Final = 16
_ONE: Final = re.compile(r"1(?:\.0{1,8})?", re.ASCII)
_MOST_USUAL: Final = 65_536  # 100 events of three books hold 15,000


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


class Usual(dict[object, Odds]):
    """``parse_odds(raw)`` as ``usual[raw]``: most prices are among a few hundred.

    A look into a dictionary costs a third of a call. KeyError for what is no odds, TypeError for what has no
    hash.
    """

    def __missing__(self, raw: object) -> Odds:
        odds = parse_odds(raw)
        if odds is None:
            raise KeyError(raw)
        if len(self) >= _MOST_USUAL:
            self.clear()
        self[raw] = odds
        return odds


usual_odds: Final = Usual()


def is_no_price(raw: object) -> bool:
    """Whether ``raw`` is exactly one in whatever notation: Bet9ja's way to say that there is no price."""
    if type(raw) is str:
        return raw == "1" or (raw.startswith("1.0") and _ONE.fullmatch(raw) is not None)
    return type(raw) in {int, float} and raw == 1
