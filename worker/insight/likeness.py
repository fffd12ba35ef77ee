"""How alike two labels or two names of markets are, from 0 to 1: by their words, synonyms taken for one."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_SYNONYMS: Final = {
    "1": "home",
    "x": "draw",
    "2": "away",
    "h": "home",
    "a": "away",
    "{home}": "home",
    "{away}": "away",
    "gg": "yes",
    "ng": "no",
    "y": "yes",
    "n": "no",
    "o": "over",
    "u": "under",
    "od": "odd",
    "ev": "even",
    "tie": "draw",
    "none": "no",
    "neither": "no",
    "1st": "first",
    "2nd": "second",
    "1h": "first half",
    "2h": "second half",
    "ft": "full time",
    "ht": "first half",
    "btts": "both teams to score",
    "o/u": "over under",
    "dnb": "draw no bet",
    "nil": "clean sheet",
}
_LEFT_OUT: Final = frozenset(
    {"and", "or", "by", "the", "to", "team", "goal", "goals", "full", "time"}
)
_WORD: Final = re.compile(r"\{\w+\}|[a-z]+|\d+(?:st|nd)?h?(?![\w])|\d+|[+<>=]")


@lru_cache(maxsize=65536)
def likeness(label: str, other: str) -> float:
    """1 when the two say the same in the words of bookmakers."""
    one, two = _words(label), _words(other)
    if one == two:
        return 1.0
    if len(label) == 1 and other.casefold().startswith(label.casefold()):
        return 0.8
    return 0.7 * SequenceMatcher(None, one, two, autojunk=False).ratio()


@lru_cache(maxsize=16384)
def name_likeness(name: str | None, other: str) -> float | None:
    """The share of words that two names of markets have in common; None of a market without a name."""
    if name is None:
        return None
    one, two = set(_words(name)) - _LEFT_OUT, set(_words(other)) - _LEFT_OUT
    together = one | two
    return len(one & two) / len(together) if together else 1.0


@lru_cache(maxsize=65536)
def _words(text: str) -> tuple[str, ...]:
    found = _WORD.findall(text.casefold().replace("_", " "))
    return tuple(word for each in found for word in _SYNONYMS.get(each, each).split())
