"""Whether a row's qualifier names a mapping's market, and which line of it."""

from __future__ import annotations

from typing import Final, NamedTuple

from worker.domain.books.book import WRITTEN_AS, Book, Params
from worker.domain.books.lines import (
    parse_at_least,
    parse_european,
    parse_line,
    parse_next_number,
    parse_ordinal,
)
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.books.rows import RejectCause
from worker.domain.line_rule import SCORE_SUM, LineRule

# Keys that carry a line. A line never is part of a market's id.
_LINE_KEYS: Final = frozenset(key for book in BOOKS.values() for key in book.line_keys.values())


class Line(NamedTuple):
    """The market is the mapping's; ``value`` is its line, None when the market has none."""

    value: str | None


class OtherMarket(NamedTuple):
    """The qualifier names another market than the mapping's."""


class UnreadableLine(NamedTuple):
    """The market may be the mapping's, but its line cannot be read."""

    reason: str
    cause: RejectCause | None = None


def parse_qualifier(platform: Platform, qualifier: str | None) -> Params | None:
    """A row's qualifier as pairs of key and value; None when it cannot be read."""
    return BOOKS[platform].parse_qualifier(qualifier)


def read_line(
    rule: LineRule, platform: Platform, params: Params | None
) -> Line | OtherMarket | UnreadableLine:
    """Hold a row's params against a mapping's rule."""
    if params is None:
        return UnreadableLine("the specifier cannot be read")
    given = dict(params)
    written_as = given.pop(WRITTEN_AS, None)
    book = BOOKS[platform]
    key = rule.key_on(book)
    fixed = rule.fixed_on(platform)
    if book.zero_is_no_line and key is None:
        given = {name: value for name, value in given.items() if name in fixed or value != "0"}
    has_other_keys = bool(given.keys() - fixed.keys() - rule.free - {key})
    if has_other_keys or any(
        name in given and not _same(given[name], value) for name, value in fixed.items()
    ):
        return OtherMarket()
    if given and written_as is not None and written_as != book.written_as.get(rule.kind):
        return UnreadableLine(f"{written_as} is no line of this market", "LINE_KIND_DIFFERS")
    for name in (*fixed, *([key] if key else [])):
        if name not in given:
            return UnreadableLine(f"{name} is missing")
    if key is None:
        return Line(rule.constant)
    line = _parse(rule, book, given[key])
    return UnreadableLine(f"{key} is not a line") if line is None else Line(line)


def _parse(rule: LineRule, book: Book, text: str) -> str | None:
    match rule.kind:
        case "ordinal":
            return parse_next_number(text) if rule.source == SCORE_SUM else parse_ordinal(text)
        case "at_least":
            return parse_at_least(text)
        case "european" if book.has_start_scores or ":" not in text:
            return parse_european(text)
        case _:
            return parse_line(text)


def _same(given: str, fixed: str) -> bool:
    line = parse_line(given)
    return given == fixed or (line is not None and line == parse_line(fixed))


def foreign_parts(platform: Platform, params: Params, rules: list[LineRule]) -> tuple[str, ...]:
    """What of a row's params names another market: its external id has it after the platform's id.

    ``8?goalnr=2``, never with a line: of a key that carries one only the name stays (``1?total``), and
    nothing when the rules read it as the line anyway or when the platform has no other key.
    """
    book = BOOKS[platform]
    read = {rule.key_on(book) for rule in rules}
    fixed = {name for rule in rules for name in rule.fixed_on(platform)}
    free = frozenset[str]().union(*(rule.free for rule in rules))
    parts = []
    for name, value in params:
        if name == WRITTEN_AS:
            continue
        if name not in free and book.participant_in(((name, value),)) is not None:
            parts.append(name)  # never the player, of whom there are as many as a sender likes
        elif name in fixed or name not in _LINE_KEYS | free | read:
            parts.append(f"{name}={value}")
        elif book.has_named_keys and name not in read | free:
            parts.append(name)
    return tuple(parts)
