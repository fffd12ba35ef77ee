"""What an outcome's label says, once its line and the team names have been taken out by rule.

Labels are evidence of which outcome a price belongs to. Position never is. A label that carries a line of
its own must agree with the line of its market, or it matches nothing.

How it works. A label is folded (case and blanks), its team names become ``{home}`` and ``{away}``, and its
line is removed. What is left, the words, is looked up among the labels of a mapping. There may be several
readings of a label; the most literal one is tried first (``readings``).

Team names are replaced in all labels of a row at once, joined by a character that no label has. Plain
replacement is right unless a name is part of a longer word or the two names can run into each other
("Real", "Al Nassr": "...real nassr"); only then whole words are searched for (``_searched``), at ten times
the cost. A name that is itself a word of labels ("Draw") is never replaced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Final, NamedTuple

from worker.domain.books.lines import (
    LineKind,
    negate,
    parse_at_least,
    parse_european,
    parse_line,
)

# "over 2.5", "over (2.5)", "over 2,5".
_NUMBER: Final = r"[+\-−]?\d+(?:[.,]\d+)?"
_TOTAL: Final = re.compile(rf"\b(over|under) (?:\(({_NUMBER})\)|({_NUMBER})(?![\w.]|,\d))")
_BRACKETED: Final = re.compile(r"(.*\S) ?\(([^()]*)\)")
# "home -1.5": without brackets a line has a sign, or it might be part of a name.
_SIGNED: Final = re.compile(r"(.*\S) ([+\-−]\d+(?:[.,]\d+)?)")
_AT_LEAST: Final = re.compile(r"(?<!\S)\d{1,2}\+(?!\S)", re.ASCII)
_SIDED: Final = re.compile(r"(?:(\S+) )?(\S+)")
_SIDES: Final = frozenset({"home", "away", "draw"})
# Numbers, also "3+", and words without digits.
_TOKEN: Final = re.compile(r"\d+(?:[.,]\d+)?\+?|[^\W\d]+")
_EITHER_WAY: Final = re.compile(r" (?:or|and|&) ")
_WORD: Final = re.compile(r"\w+")
_SEPARATOR: Final = "\x00"  # in no label: what holds it is refused
# Stand for the names while these are replaced.
_HOME: Final = "\x01"
_AWAY: Final = "\x02"
_IN_A_WORD: Final = re.compile(r"[\x01\x02](?:(?=[\w\x01\x02])|(?<=[\w\x01\x02][\x01\x02]))")
_GG_NG: Final = re.compile(r"\b(gg|ng)\b")
# A team of such a name (a club called Draw) cannot be distinguished from the word in "Draw/Draw & Over".
NOT_NAMES: Final = frozenset(
    {
        "home",
        "away",
        "draw",
        "over",
        "under",
        "yes",
        "no",
        "gg",
        "ng",
        "and",
        "or",
        "none",
        "both",
        "only",
    }
    | {"odd", "even", "equal", "other", "1", "x", "2"}
)


class Teams(NamedTuple):
    """The two names of an event, folded as fold does it."""

    home: str
    away: str


class LineText(NamedTuple):
    """The line that a label carries: its text, and the side it is said to be seen from, if it says one.

    The side may be a word of another language, which says nothing.
    """

    side: str | None
    text: str


class LabelReading(NamedTuple):
    """One way to read a label: the words that are left, and the lines that were taken out."""

    words: str
    lines: tuple[LineText, ...]


@lru_cache(maxsize=8192)
def fold(label: str) -> str:
    """Case and blanks folded: the form in which SportyBet's and BetPawa's labels are compared."""
    return " ".join(label.split()).casefold()


def teams(home: str | None, away: str | None) -> Teams | None:
    """The event's names, or None when they are missing or cannot tell the sides apart."""
    names = Teams(fold(home or ""), fold(away or ""))
    if not all(names) or names.home == names.away or not NOT_NAMES.isdisjoint(names):
        return None
    return names


def name_roles(label: str, names: Teams) -> str | None:
    """The label with the event's team names as ``{home}`` and ``{away}``; None when it holds neither."""
    folded = fold(label)
    if names.home not in folded and names.away not in folded:
        return None
    named = _replaced(folded, names)
    if named is None:
        named = _searched(folded, names)
    return None if named == folded else named


def _replaced(text: str, names: Teams) -> str | None:
    """The text with roles for names, by plain replacement: a tenth of the time of searching for whole ones.

    None where that may give another result: a name is part of a longer word, or may run into the other.
    """
    longer, shorter = names if len(names.home) >= len(names.away) else reversed(names)
    if _HOME in text or _AWAY in text or _are_awkward(shorter, longer):
        return None
    marks = {names.home: _HOME, names.away: _AWAY}
    marked = text.replace(longer, marks[longer]).replace(shorter, marks[shorter])
    if _IN_A_WORD.search(marked):
        return None
    return marked.replace(_HOME, "{home}").replace(_AWAY, "{away}")


@lru_cache(maxsize=4096)  # the events of two scrapes
def _are_awkward(shorter: str, longer: str) -> bool:
    """Whether one name may end inside the other, or a name holds what stands for names."""
    run_together = any(longer.startswith(shorter[begin:]) for begin in range(1, len(shorter)))
    return run_together or not {_HOME, _AWAY}.isdisjoint(shorter + longer)


def _searched(text: str, names: Teams) -> str:
    """The text with roles for whole names; where both begin at one place, for the longer."""
    roles = {names.home: "{home}", names.away: "{away}"}
    by_length = sorted(roles, key=len, reverse=True)
    # Each name is looked for from where it was last found: a name that is not there is not looked for again.
    places = {name: _next_place(text, name, 0) for name in by_length}
    named, begin = [], 0
    while (place := min(places.values())) < len(text):
        name = next(name for name in by_length if places[name] == place)
        named += [text[begin:place], roles[name]]
        begin = place + len(name)
        for each, known in places.items():
            if known < begin:
                places[each] = _next_place(text, each, begin)
    return "".join([*named, text[begin:]])


def _next_place(text: str, name: str, begin: int) -> int:
    """Where the name next occurs as a whole; the length of the text if it does not."""
    place = text.find(name, begin)
    while place >= 0 and not _is_whole(text, place, place + len(name)):
        place = text.find(name, place + 1)
    return place if place >= 0 else len(text)


def _is_whole(text: str, begin: int, end: int) -> bool:
    """Whether the text there is not a part of a longer word."""
    return not (_is_word(text[begin - 1 : begin]) or _is_word(text[end : end + 1]))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def row_roles(labels: Sequence[str], names: Teams) -> tuple[str, ...] | None:
    """The labels as ``name_roles`` has them, all folded; None when none of them holds a name.

    In one go: a market of 18 outcomes named by their teams takes a tenth of the time.
    """
    named = name_roles(_SEPARATOR.join(labels), names)
    return None if named is None else tuple(named.split(_SEPARATOR))


def is_foreign(name: str, words: AbstractSet[str]) -> bool:
    """Whether ``name`` has a word that is none of ``words``, so that no label made of these holds the name.

    A number is not enough, nor GG and NG: what reads a label takes them out, or for others.
    """
    return any(
        not word.isdigit() and word not in words and not _GG_NG.match(word)
        for word in words_of(name)
    )


def words_of(text: str) -> list[str]:
    return _WORD.findall(text)


def readings(label: str, kind: LineKind) -> list[LabelReading]:
    """Every way in which a label may be read, the most literal first.

    First unchanged; then with ``{home}`` and ``{away}`` as the words home and away; each of them also with
    GG/NG as yes/no.
    """
    folded = fold(label)
    texts = [folded]
    if "{" in folded:
        texts.append(folded.replace("{home}", "home").replace("{away}", "away"))
    texts += [plain for text in texts if (plain := _GG_NG.sub(_yes_or_no, text)) != text]
    return [_take_line_out(text, kind) for text in texts]


def _yes_or_no(match: re.Match[str]) -> str:
    return "yes" if match[1] == "gg" else "no"


def _take_line_out(text: str, kind: LineKind) -> LabelReading:
    match kind:
        case "none" | "ordinal":
            return LabelReading(text, ())
        case "total":
            found = [match[2] or match[3] for match in _TOTAL.finditer(text)]
            lines = tuple(LineText(None, number.replace(",", ".")) for number in found)
            return LabelReading(_TOTAL.sub(r"\1", text), lines)
        case "handicap" | "european":
            shown = _BRACKETED.fullmatch(text) or _SIGNED.fullmatch(text)
            if shown is None:
                return LabelReading(text, ())
            return LabelReading(shown[1], (LineText(None, shown[2].replace(",", ".")),))
        case "at_least":
            return _take_rung_out(text)


def _take_rung_out(text: str) -> LabelReading:
    """``3+`` is N+ and the line 3+; a label with no such number, or with two, is left unchanged."""
    found = _AT_LEAST.findall(text)
    if len(found) != 1 or parse_at_least(found[0]) is None:
        return LabelReading(text, ())
    return LabelReading(_AT_LEAST.sub("n+", text), (LineText(None, found[0]),))


def parse_shown_line(text: str) -> LineText:
    """The line that BetPawa writes next to a price: ``2.5``, ``+1.5``, ``Away +2``, ``Domicile -2``."""
    sided = _SIDED.fullmatch(fold(text))
    return LineText(None, text) if sided is None else LineText(sided[1], sided[2])


def agrees(shown: LineText, line: str | None, kind: LineKind, side: str) -> bool:
    """Whether a line found in a label or next to it is the line of its market.

    ``side`` is the outcome's: the away side of a handicap shows the line with the other sign.
    """
    match kind:
        case "none":
            return False
        case "total" | "ordinal":
            return (shown.side is None or shown.side in _SIDES) and parse_line(shown.text) == line
        case "at_least":
            said = {parse_line(shown.text), parse_at_least(shown.text)}
            return (shown.side is None or shown.side in _SIDES) and line in said
        case "european" if ":" in shown.text:
            return parse_european(shown.text) == line
        case "handicap" | "european":
            return _agrees_from_side(shown, line, side)


def _agrees_from_side(shown: LineText, line: str | None, side: str) -> bool:
    known_side = shown.side if shown.side in _SIDES else None
    seen_from = known_side or side
    said = parse_line(shown.text)
    if said is None or line is None or (shown.side in NOT_NAMES and known_side is None):
        return False
    if seen_from == "draw" and known_side is None:
        return said in {line, negate(line)}
    return (negate(said) if seen_from == "away" else said) == line


def tokens_of(text: str) -> list[str]:
    """The words and numbers of a folded label."""
    return _TOKEN.findall(text)


def may_say(said: str, known: str, line: str | None, words: AbstractSet[str]) -> bool:
    """Whether a label that nobody can read may be another way to say ``known``; both are folded.

    So it is when its parts are the same in another order ("away or draw"), or when it has a word of another
    language and says nothing that ``known`` does not say: the same numbers but for the line, and of
    ``words``, which can be read, only those of ``known``, in their order.
    """
    parts, others = _EITHER_WAY.split(said), _EITHER_WAY.split(known)
    if sorted(parts) == sorted(others):
        return True
    tokens, own = tokens_of(said), tokens_of(known)
    readable = [word for word in tokens if word in words or word in NOT_NAMES]
    is_foreign = any(not word[0].isdigit() and word not in readable for word in tokens)
    return (
        is_foreign
        and _are_in([word for word in readable if not word[0].isdigit()], own)
        and _numbers(tokens, line) == _numbers(own, line)
    )


def _numbers(tokens: Sequence[str], line: str | None) -> list[str]:
    """The numbers but for the line."""
    size = None if line is None else line.lstrip("-")
    numbers = [token.replace(",", ".") for token in tokens if token[0].isdigit()]
    return [number for number in numbers if size is None or parse_line(number) != size]


def _are_in(words: Sequence[str], own: Sequence[str]) -> bool:
    """Whether ``own`` has all these words, in this order."""
    following = iter(own)
    return all(word in following for word in words)
