"""Whether a dead letter may be redriven, and the records that a redrive writes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from schemas import ID_HEADER, REDRIVEN_HEADER, REDRIVES_HEADER, Redriven
from schemas.dead_letter import PREFIX
from worker.kafka.record import Headers, Outgoing, Record
from worker.operations.dead_letters.letters import Letter, LetterPosition

Code = Literal["TRUNCATED", "FOREIGN_TOPIC", "REDRIVEN_TOO_OFTEN", "TOO_LARGE", "NOT_A_DEAD_LETTER"]

CODES: Final[dict[Code, str]] = {
    "TRUNCATED": "The letter does not hold the whole record.",
    "FOREIGN_TOPIC": "Its header names a topic that is not a topic of observations.",
    "REDRIVEN_TOO_OFTEN": "The record was redriven the maximum number of times, and died each time.",
    "TOO_LARGE": "The record is larger than its topic accepts.",
    "NOT_A_DEAD_LETTER": "The record does not have the headers of a dead letter.",
}

_MOST_NAMED: Final = 20


class Rules(NamedTuple):
    """Where letters may go back to (partitions by topic), how often, and up to which size in bytes."""

    topics: Mapping[str, int]
    dead_topic: str
    max_times: int
    max_bytes: int


class Signature(NamedTuple):
    actor: str
    reason: str


def refusal(letter: Letter, rules: Rules) -> Code | None:
    """Return why a letter cannot go back, or None when it can."""
    details = letter.details
    if details.topic not in rules.topics:
        return "FOREIGN_TOPIC"
    if details.truncated_from is not None or details.left_out is not None:
        return "TRUNCATED"
    if letter.redrives >= rules.max_times:
        return "REDRIVEN_TOO_OFTEN"
    return "TOO_LARGE" if size(letter.record) > rules.max_bytes else None


def size(record: Record) -> int:
    """Return the bytes of key, value and headers."""
    headers = sum(len(name.encode()) + len(value or b"") for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def back(letter: Letter, rules: Rules, signature: Signature) -> tuple[Outgoing, Outgoing]:
    """Return the record as it goes back to its topic, and the mark that says so."""
    times = letter.redrives + 1
    return _original(letter, rules, times), _mark(letter, rules, times, signature)


def _original(letter: Letter, rules: Rules, times: int) -> Outgoing:
    record, details = letter.record, letter.details
    headers: Headers = [(name, value) for name, value in record.headers if not _is_ours(name)]
    partition = details.partition if details.partition < rules.topics[details.topic] else None
    # The client refuses a record with neither key nor value.
    value = b"" if record.value is None and record.key is None else record.value
    return Outgoing(
        details.topic, record.key, value, [*headers, (REDRIVES_HEADER, b"%d" % times)], partition
    )


def _mark(letter: Letter, rules: Rules, times: int, signature: Signature) -> Outgoing:
    """The mark goes to the letter's own partition, so a reader who continues from the letter finds it."""
    details = Redriven(
        id=letter.details.id, times=times, by=signature.actor[:255], reason=signature.reason[:500]
    )
    return Outgoing(
        rules.dead_topic, details.id.encode(), b"", [*details.to_headers()], letter.place.partition
    )


def _is_ours(name: str) -> bool:
    return name in {ID_HEADER, REDRIVES_HEADER} or name.startswith((PREFIX, REDRIVEN_HEADER))


@dataclass(slots=True)
class RedriveReport:
    """The result of a redrive: letters sent, sent before, refused by code, and not found.

    ``refusals`` names the first of the refused letters.
    """

    redriven: int = 0
    bytes: int = 0
    already: int = 0
    refused: Counter[Code] = field(default_factory=Counter)
    refusals: list[tuple[LetterPosition, Code]] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)

    def refuse(self, place: LetterPosition, code: Code) -> None:
        self.refused[code] += 1
        if len(self.refusals) < _MOST_NAMED:
            self.refusals.append((place, code))
