"""Dead letters: how many of which kind, the newest ones, and one with its value."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas import DEAD_REASONS
from worker.console.context import RefusedError, allowed, console_of, page
from worker.domain.errors import FatalError, TransientError
from worker.domain.index import MappingIndex
from worker.operations.dead_letters.letters import Letter, LetterFilter, LetterPosition
from worker.operations.dead_letters.topic_reader import Found, Listing, find_letter, list_letters
from worker.operations.payloads.payload_faults import PayloadFault, check
from worker.operations.payloads.records import LineRecord
from worker.settings.checks import MIB
from worker.settings.connected import KafkaSettings, with_kafka

_SHOWN: Final = 50
_HOURS: Final = {"1": 1, "24": 24, "168": 168}
_READ_S: Final = 20.0
_MOST_CHARACTERS: Final = 20_000
_MOST_FAULTS: Final = 50
LARGEST_VALIDATED: Final = 4 * MIB
# Letters that are sent back by one press; of more, the oldest.
MOST_REDRIVEN: Final = 500
_PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)
# Each reads a part of the topic: no more than this at the same time.
_reading = asyncio.Semaphore(2)


@allowed("read")
async def list_(request: Request) -> Response:
    query = request.query_params
    settings = kafka_of(request)
    hours = _HOURS.get(query.get("hours", "24"), 24)
    reason = next((one for one in DEAD_REASONS if one == query.get("reason")), None)
    topics = sorted(settings.topics.observations.values())
    topic = next((one for one in topics if one == query.get("topic")), None)
    is_open = query.get("open") == "yes"
    now_ms = round(time.time() * 1000)
    choice = LetterFilter(
        reasons=frozenset() if reason is None else frozenset({reason}),
        topics=frozenset() if topic is None else frozenset({topic}),
        since_ms=now_ms - hours * 3_600_000,
        redriven=False if is_open else None,
    )
    listing = await _list(settings, choice)
    bars = sorted(listing.counted.bars.items(), key=lambda bar: -bar[1].letters)
    values: dict[str, Any] = {
        "listing": listing,
        "bars": [(kind, bar, _at(bar.first_ms), _at(bar.last_ms)) for kind, bar in bars],
        "most": max((bar.letters for _, bar in bars), default=1),
        "lines": [(one, _at(one.died_at_ms)) for one in listing.lines],
        "hours": hours,
        "reason": reason,
        "reasons": DEAD_REASONS,
        "topic": topic,
        "topics": topics,
        "is_open": is_open,
        "since_ms": choice.since_ms,
        "until_ms": now_ms,
        "most_redriven": MOST_REDRIVEN,
    }
    return page(request, "dead_letters.html", **values)


@allowed("read")
async def show(request: Request) -> Response:
    position = place_of(request.query_params.get("at", ""))
    found = None if position is None else await _find(kafka_of(request), position)
    if found is None:
        raise RefusedError("There is no such dead letter.", HTTPStatus.NOT_FOUND)
    letter = found.letter
    value = (letter.record.value or b"").decode("utf-8", "backslashreplace")
    faults = await asyncio.to_thread(_faults_of, letter)
    values: dict[str, Any] = {
        "letter": letter,
        "mark": found.mark,
        "died_at": _at(letter.died_at_ms),
        "value": value[:_MOST_CHARACTERS],
        "left_out": max(0, len(value) - _MOST_CHARACTERS),
        "meaning": DEAD_REASONS[letter.details.reason],
        "faults": faults[:_MOST_FAULTS],
        "more_faults": max(0, len(faults) - _MOST_FAULTS),
        "is_whole": letter.details.truncated_from is None and letter.details.left_out is None,
    }
    return page(request, "dead_letter.html", **values)


def _faults_of(letter: Letter) -> list[PayloadFault]:
    """What is wrong with the record by itself, as `marketmap validate` says it: without any mapping."""
    record = LineRecord(1, letter.record.value)
    return check(record, MappingIndex([]), LARGEST_VALIDATED).faults


async def _list(settings: KafkaSettings, choice: LetterFilter) -> Listing:
    try:
        async with asyncio.timeout(_READ_S), _reading:
            return await list_letters(settings, choice, _SHOWN, no_progress)
    except (TransientError, FatalError, TimeoutError) as error:
        raise no_answer(error) from error


async def _find(settings: KafkaSettings, position: LetterPosition) -> Found | None:
    try:
        async with asyncio.timeout(_READ_S), _reading:
            return await find_letter(settings, position, no_progress)
    except (TransientError, FatalError, TimeoutError) as error:
        raise no_answer(error) from error


def kafka_of(request: Request) -> KafkaSettings:
    settings = with_kafka(console_of(request).settings)
    if settings is None:
        raise RefusedError(
            "This console knows no brokers.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            lines=("Dead letters are on Kafka: set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS.",),
        )
    return settings


def no_answer(error: Exception, sentence: str = "The dead letters cannot be read.") -> RefusedError:
    """The refusal when the brokers do not answer, or too late."""
    why = str(error) or "no answer in time; choose a shorter time"
    return RefusedError(sentence, HTTPStatus.SERVICE_UNAVAILABLE, lines=(f"{why}.",))


def place_of(text: str) -> LetterPosition | None:
    """Read PARTITION:OFFSET of the topic of dead letters."""
    found = _PLACE.fullmatch(text)
    return None if found is None else LetterPosition(int(found[1]), int(found[2]))


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def no_progress(_: str, __: int, ___: int) -> None:
    """A page shows none."""


ROUTES: Final = [
    Route("/dead-letters", list_, methods=["GET"]),
    Route("/dead-letter", show, methods=["GET"]),
]
