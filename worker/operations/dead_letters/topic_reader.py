"""Reads the topic of dead letters: the letters, and the marks of those that were redriven."""

from __future__ import annotations

import heapq
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from worker.kafka.bounded_reader import topic_reader
from worker.operations.dead_letters.letters import (
    Ids,
    Letter,
    LetterCounts,
    LetterFilter,
    LetterPosition,
    ListedLetter,
    RedriveMark,
    Stranger,
    is_id,
    line,
    read,
)
from worker.settings.connected import KafkaSettings

# What is being done, how much of it is done, and how much there is.
ReadProgress = Callable[[str, int, int], None]


class Listing(NamedTuple):
    """The newest of the matching letters, newest first; all of them by kind; records that are not letters."""

    lines: Sequence[ListedLetter]
    counted: LetterCounts
    total: int
    strangers: int


class Found(NamedTuple):
    """A letter, and the mark that it was redriven, if it was."""

    letter: Letter
    mark: RedriveMark | None


async def list_letters(
    settings: KafkaSettings, choice: LetterFilter, limit: int, progress: ReadProgress
) -> Listing:
    """Return up to ``limit`` of the newest letters that match. Raises TransientError."""
    redriven = await redriven_ids(settings, progress, choice.since_ms)
    newest: list[tuple[int, LetterPosition, ListedLetter]] = []
    counted, total, strangers = LetterCounts(), 0, 0
    async for entry in entries_of(settings, "reading", progress, choice.since_ms):
        if isinstance(entry, Stranger):
            strangers += 1
        if not isinstance(entry, Letter):
            continue
        is_redriven = entry.details.id in redriven
        if choice.takes(entry, is_redriven=is_redriven):
            short = line(entry, is_redriven=is_redriven)
            counted.add(short)
            total += 1
            heapq.heappush(newest, (short.died_at_ms, short.place, short))
            if len(newest) > limit:
                heapq.heappop(newest)
    return Listing(
        [short for _, _, short in sorted(newest, reverse=True)], counted, total, strangers
    )


async def find_letter(
    settings: KafkaSettings, wanted: LetterPosition | str, progress: ReadProgress
) -> Found | None:
    """Return the letter at a place, or the first one with an id. Raises TransientError."""
    letter: Letter | None = None
    mark: RedriveMark | None = None
    first = wanted if isinstance(wanted, LetterPosition) else None
    async with aclosing(entries_of(settings, "searching", progress, first=first)) as entries:
        async for entry in entries:
            if (
                isinstance(entry, Letter)
                and letter is None
                and wanted in {entry.place, entry.details.id}
            ):
                letter = entry
            elif (
                isinstance(entry, RedriveMark)
                and letter is not None
                and entry.redriven.id == letter.details.id
            ):
                mark = entry
            if first is not None and letter is None:
                return None
    return None if letter is None else Found(letter, mark)


async def redriven_ids(
    settings: KafkaSettings, progress: ReadProgress, since_ms: int | None = None
) -> Ids:
    redriven = Ids()
    async for entry in entries_of(settings, "looking for redriven letters", progress, since_ms):
        if isinstance(entry, RedriveMark) and is_id(entry.redriven.id):
            redriven.add(entry.redriven.id)
    return redriven


async def entries_of(
    settings: KafkaSettings,
    what: str,
    progress: ReadProgress,
    since_ms: int | None = None,
    first: LetterPosition | None = None,
) -> AsyncGenerator[Letter | RedriveMark | Stranger, None]:
    """Yield every record of the topic of dead letters, up to where it ends now."""
    topic = settings.topics.dead
    async with topic_reader(settings, topic, since_ms=since_ms, first=first) as stream:
        async for records in stream.batches():
            for record in records:
                yield read(record)
            progress(what, stream.done, stream.total)
