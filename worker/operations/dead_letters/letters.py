"""Dead letters as an operator picks them: parsed, filtered and counted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas import REDRIVEN_HEADER, REDRIVES_HEADER, DeadLetter, DeadReason, Redriven
from schemas.dead_letter import PREFIX
from worker.kafka.record import Record

_ID: Final = re.compile(r"([A-Za-z0-9_-]{22})/(\d{1,10})/(\d{1,19})", re.ASCII)
_TIMES: Final = re.compile(rb"\d{1,9}", re.ASCII)
_PAGE: Final = 1024


class LetterPosition(NamedTuple):
    """Where a dead letter stands in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class Letter(NamedTuple):
    """A dead letter: the record as it is, and what its headers say. Times in milliseconds."""

    place: LetterPosition
    died_at_ms: int
    record: Record
    details: DeadLetter
    redrives: int


class RedriveMark(NamedTuple):
    """The mark that a dead letter was redriven."""

    redriven: Redriven
    at_ms: int


class Stranger(NamedTuple):
    """A record on the topic that is neither a letter nor a mark."""

    place: LetterPosition
    detail: str


def read(record: Record) -> Letter | RedriveMark | Stranger:
    """Say what a record on the topic of dead letters is.

    A sender may put our headers on its own record; its dead letter then holds those and the worker's. So a
    mark is only a record without a reason.
    """
    names = {name for name, _ in record.headers}
    place = LetterPosition(record.partition, record.offset)
    try:
        if REDRIVEN_HEADER in names and f"{PREFIX}reason" not in names:
            return RedriveMark(Redriven.from_headers(record.headers), record.timestamp)
        details = DeadLetter.from_headers(record.headers)
    except ValidationError as error:
        return Stranger(place, f"{error.error_count()} of the headers are missing or wrong")
    found = _ID.fullmatch(details.id)
    if found is None or (int(found[2]), int(found[3])) != (details.partition, details.offset):
        return Stranger(place, "its id is not that of the record it names")
    return Letter(place, record.timestamp, record, details, _redrives(record))


def _redrives(record: Record) -> int:
    """Return how often it was redriven. The last header counts: it is the one that a redrive has written."""
    values = [value for name, value in record.headers if name == REDRIVES_HEADER]
    return int(values[-1]) if values and values[-1] and _TIMES.fullmatch(values[-1]) else 0


class Ids:
    """A set of ids of dead letters. Neighbouring offsets take one bit each, so it can hold very many."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str, int], int] = {}

    def add(self, letter_id: str) -> None:
        page, bit = _page_of(letter_id)
        self._pages[page] = self._pages.get(page, 0) | bit

    def __contains__(self, letter_id: str) -> bool:
        page, bit = _page_of(letter_id)
        return bool(self._pages.get(page, 0) & bit)


def _page_of(letter_id: str) -> tuple[tuple[str, str, int], int]:
    topic_id, partition, offset = letter_id.split("/")
    return (topic_id, partition, int(offset) // _PAGE), 1 << (int(offset) % _PAGE)


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters; empty and None match all. Times are those of the death, ``until_ms`` is exclusive."""

    reasons: frozenset[DeadReason] = frozenset()
    topics: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    ids: frozenset[str] = frozenset()
    places: frozenset[LetterPosition] = frozenset()
    scrapes: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    redriven: bool | None = None

    def takes(self, letter: Letter, *, is_redriven: bool) -> bool:
        if self.redriven is not None and self.redriven != is_redriven:
            return False
        if self.since_ms is not None and letter.died_at_ms < self.since_ms:
            return False
        if self.until_ms is not None and letter.died_at_ms >= self.until_ms:
            return False
        if (
            self.names_letters
            and letter.details.id not in self.ids
            and letter.place not in self.places
        ):
            return False
        details = letter.details
        asked = (
            (self.reasons, details.reason),
            (self.topics, details.topic),
            (self.scrapes, details.scrape_id),
            (self.events, details.event_id),
        )
        return all(not wanted or found in wanted for wanted, found in asked)

    @property
    def names_letters(self) -> bool:
        return bool(self.ids or self.places)

    @property
    def is_everything(self) -> bool:
        return self == LetterFilter(redriven=self.redriven)


class ListedLetter(NamedTuple):
    """A letter without its bytes, for a list."""

    place: LetterPosition
    died_at_ms: int
    id: str
    reason: DeadReason
    detail: str | None
    topic: str
    partition: int
    offset: int
    scrape_id: str | None
    event_id: str | None
    value_bytes: int | None
    redrives: int
    redriven: bool


def line(letter: Letter, *, is_redriven: bool) -> ListedLetter:
    details, value = letter.details, letter.record.value
    return ListedLetter(
        letter.place,
        letter.died_at_ms,
        details.id,
        details.reason,
        details.detail,
        details.topic,
        details.partition,
        details.offset,
        details.scrape_id,
        details.event_id,
        None if value is None else len(value),
        letter.redrives,
        is_redriven,
    )


@dataclass(slots=True)
class Bar:
    """How many letters there are of one kind, and when the first and the last of them died."""

    letters: int
    first_ms: int
    last_ms: int


@dataclass(slots=True)
class LetterCounts:
    """Letters by reason and source topic; of more than ``most`` kinds the rest is counted under OTHERS."""

    most: int = 200
    bars: dict[tuple[str, str], Bar] = field(default_factory=dict)

    OTHERS = ("(others)", "(others)")

    def add(self, letter: ListedLetter) -> None:
        kind: tuple[str, str] = (letter.reason, letter.topic)
        if kind not in self.bars and len(self.bars) >= self.most:
            kind = self.OTHERS
        bar = self.bars.setdefault(kind, Bar(0, letter.died_at_ms, letter.died_at_ms))
        bar.letters += 1
        bar.first_ms = min(bar.first_ms, letter.died_at_ms)
        bar.last_ms = max(bar.last_ms, letter.died_at_ms)
