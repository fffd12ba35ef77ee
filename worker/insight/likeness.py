"""How alike two labels or two names of markets are, from 0 to 1: by their words, synonyms taken for one.

Short labels are words run together ("1O", "XorGG"), so they are compared letter by letter as well. A name
says above all which part of the match and which team a market is about: names that differ there are hardly
alike. Bet9ja has no names, but keys made of the same few pieces ("S_GGNG1T").
"""

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
    "ov": "over",
    "un": "under",
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
# What bookmakers call one thing, in the order in which it is looked for.
_PHRASES: Final = tuple(
    (re.compile(pattern), f" {word} ")
    for pattern, word in (
        (r"both (teams )?(to )?score|gg ?/ ?ng|ggng|\bgg\b|btts|goal/no goal", "btts"),
        (r"1st half|first half|half[- ]?time/full[- ]?time", "h1"),
        (r"2nd half|second half", "h2"),
        (r"\bht/ft\b|\bhtft\b|h1 (result )?(and|/) ?full[- ]?time( result)?", "htft"),
        (r"\bht\b|\b1h\b|\b1t\b|half[- ]?time", "h1"),
        (r"\b2h\b|\b2t\b", "h2"),
        (r"full[- ]?time|\bft\b|\bmatch\b", ""),
        (r"both halves|each half|either half", "halves"),
        (r"over ?/ ?under|\bo/u\b|\bou\b|total (goals|score)|\btotal\b", "total"),
        (r"\b1 ?x ?2\b|3[- ]?way|match result|\bresult\b", "result"),
        (r"multi ?-?(goals?|scores?)|\bmulti\b", "multi"),
        (r"double chance|\bdc\b", "double_chance"),
        (r"draw no bet|\bdnb\b", "draw_no_bet"),
        (r"odd ?/ ?even", "odd_even"),
        (r"correct score|\bcs\b", "correct_score"),
        (r"(early )?minutes?|\bmins?\b", "min"),
        (r"corners?", "corner"),
        (r"bookings?|cards?", "card"),
        (r"\bxth\b|\bnext\b", "nth"),
        (r"\b1st\b|goalnr=1|cornernr=1", "first"),
        (r"\bhandicap\b|\bhnd\b", "handicap"),
    )
)
_PIECES: Final = re.compile(
    r"HTFT|GGNG|GG|1X2|CHANCEMIX|TMGHO|TMGAW|LCH|FCH|[12]SCORE|HOME|AWAY|DRAW|SCORE|WIN|NIL|BOTH|HALF|CORNERS?"
    r"|LAST|1ST|EXACTGOALS?|[MN]GOALS?|GOALS?|MULTI|MARGIN|ODDEVEN|OE|DNB|DC|CS|OU|HND|0(?=[12]T|HT)|HT|FT"
    r"|[12][TH]|\d+(?=MIN)|MIN|\d+"
)
_KEY_WORDS: Final = {
    "CHANCEMIX": "or",
    "MGOAL": "multi",
    "NGOALS": "multi",
    "TMGHO": "home multi",
    "TMGAW": "away multi",
    "LCH": "last corner ht",
    "FCH": "first corner ht",
    "1SCORE": "home score",
    "2SCORE": "away score",
    "0": "win nil",
    "EXACTGOAL": "exact",
    "BOTH": "halves",
    "HALF": "halves",
    "OE": "odd_even",
}
_LEFT_OUT: Final = frozenset(
    {
        "and",
        "or",
        "by",
        "the",
        "to",
        "in",
        "any",
        "team",
        "goal",
        "goals",
        "yes",
        "no",
        "from",
        "s",
        "x",
    }
)
_PERIODS: Final = frozenset({"h1", "h2", "halves", "min", "htft"})
_SIDES: Final = frozenset({"home", "away"})
_COUNTED: Final = frozenset({"corner", "card", "odd_even"})
_ANOTHER: Final = 0.3  # what is left of a likeness when part, side or count differ
_NAME_WORD: Final = re.compile(r"[a-z_]+\d?|\d+")
_SHORT: Final = 8
_BETS: Final = {
    "1": "home",
    "x": "draw",
    "2": "away",
    "gg": "btts",
    "ng": "clean sheet",
    "ov": "over",
    "un": "under",
}
# The half at the end ("1O2T") says nothing of the outcome.
_SHORT_WORD: Final = re.compile(
    r"gg|ng|or|and|ov|un|\d\+|>\d|(?!(?:[12]|h)t$|(?<=[12h])t$)[a-z0-9]"
)
_WORD: Final = re.compile(r"\{\w+\}|[a-z]+|\d+(?:st|nd)?h?(?![\w])|\d+|[+<>=]")


@lru_cache(maxsize=65536)
def likeness(label: str, other: str) -> float:
    """1 when the two say the same in the words of bookmakers."""
    one, two = _words(label), _words(other)
    if one == two:
        return 1.0
    # "O" begins "Over" and "1" begins "1st Half", but "1" is no part of the score "1:2".
    begins = len(label) == 1 and other.casefold().startswith(label.casefold())
    if begins and (label.isalpha() or other[1:2].isalpha()):
        return 0.8
    apart = _letters(label)
    if apart is not None and apart == two:
        return 0.9
    ratios = [
        SequenceMatcher(None, each, two, autojunk=False).ratio() for each in (one, apart or one)
    ]
    return 0.7 * max(ratios)


@lru_cache(maxsize=65536)
def name_likeness(name: str | None, other: str) -> float | None:
    """The share of words that two names of markets have in common; None of a market without a name."""
    if name is None:
        return None
    one, two = _name_words(name), _name_words(other)
    together = one | two
    alike = len(one & two) / len(together) if together else 1.0
    is_other = one & _PERIODS != two & _PERIODS or one & _COUNTED != two & _COUNTED
    # A name that says no team may be of a market whose labels say it.
    is_other = is_other or (bool(one & _SIDES) and one & _SIDES != two & _SIDES)
    return alike * _ANOTHER if is_other else alike


def name_in_key(key: str) -> str | None:
    """What a key made of pieces says of its market, as a name; None where that is nothing."""
    pieces = _PIECES.findall(key.partition("_")[2].upper())
    name = " ".join(_KEY_WORDS.get(piece, piece) for piece in pieces).casefold()
    return name if _name_words(name) else None


def label_as_name(label: str) -> str | None:
    """What a short label says of a market of yes and no ("XorGG"), as a name; None of any other label."""
    parts = _SHORT_WORD.findall(label.casefold()) if len(label) <= _SHORT else []
    if "or" not in parts:
        return None
    return " ".join(_BETS.get(part, part) for part in parts)


@lru_cache(maxsize=16384)
def _name_words(name: str) -> frozenset[str]:
    text = name.casefold()
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    return frozenset(_NAME_WORD.findall(text)) - _LEFT_OUT


def _letters(label: str) -> tuple[str, ...] | None:
    """The words of a short label, one for each letter or figure; None of a long one."""
    if len(label) > _SHORT or not label.isascii() or " " in label:
        return None
    parts = _SHORT_WORD.findall(label.casefold())
    return tuple(word for each in parts for word in _SYNONYMS.get(each, each).split())


@lru_cache(maxsize=65536)
def _words(text: str) -> tuple[str, ...]:
    found = _WORD.findall(text.casefold().replace("_", " "))
    return tuple(word for each in found for word in _SYNONYMS.get(each, each).split())
