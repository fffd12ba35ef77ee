"""What stands on the dead letters' topic: the letters, and the marks of those that went back."""

from __future__ import annotations

import heapq
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from worker.kafka.stream import topic_stream
from worker.operations.dead_letters.letters import (
    Choice,
    Counted,
    Ids,
    Letter,
    Line,
    Mark,
    Place,
    Stranger,
    is_id,
    line,
    read,
)
from worker.settings.settings import Settings

# A word for what is done, how much of it is, of how much.
Progress = Callable[[str, int, int], None]


class Listing(NamedTuple):
    """The newest of the chosen letters, newest first; how many are chosen, by kind; records that are none."""

    lines: Sequence[Line]
    counted: Counted
    total: int
    strangers: int


class Found(NamedTuple):
    """A letter, and the mark that it was redriven, if it was."""

    letter: Letter
    mark: Mark | None


async def list_letters(settings: Settings, choice: Choice, limit: int, progress: Progress) -> Listing:
    """Up to ``limit`` of the newest letters that are chosen. Raises TransientError."""
    redriven = await redriven_ids(settings, progress, choice.since_ms)
    newest: list[tuple[int, Place, Line]] = []
    counted, total, strangers = Counted(), 0, 0
    async for entry in entries_of(settings, "reading", progress, choice.since_ms):
        if isinstance(entry, Stranger):
            strangers += 1
        if not isinstance(entry, Letter):
            continue
        is_redriven = entry.told.id in redriven
        if choice.takes(entry, is_redriven=is_redriven):
            short = line(entry, is_redriven=is_redriven)
            counted.add(short)
            total += 1
            heapq.heappush(newest, (short.died_at_ms, short.place, short))
            if len(newest) > limit:
                heapq.heappop(newest)
    return Listing([short for _, _, short in sorted(newest, reverse=True)], counted, total, strangers)


async def find_letter(settings: Settings, wanted: Place | str, progress: Progress) -> Found | None:
    """The letter at a place or with an id; the first one, of those with that id. Raises TransientError."""
    letter: Letter | None = None
    mark: Mark | None = None
    first = wanted if isinstance(wanted, Place) else None
    async with aclosing(entries_of(settings, "searching", progress, first=first)) as entries:
        async for entry in entries:
            if isinstance(entry, Letter) and letter is None and wanted in {entry.place, entry.told.id}:
                letter = entry
            elif isinstance(entry, Mark) and letter is not None and entry.redriven.id == letter.told.id:
                mark = entry
            if first is not None and letter is None:
                return None
    return None if letter is None else Found(letter, mark)


async def redriven_ids(settings: Settings, progress: Progress, since_ms: int | None = None) -> Ids:
    redriven = Ids()
    async for entry in entries_of(settings, "looking for what went back", progress, since_ms):
        if isinstance(entry, Mark) and is_id(entry.redriven.id):
            redriven.add(entry.redriven.id)
    return redriven


async def entries_of(
    settings: Settings,
    what: str,
    progress: Progress,
    since_ms: int | None = None,
    first: Place | None = None,
) -> AsyncGenerator[Letter | Mark | Stranger, None]:
    """What stands on the dead letters' topic, up to where it ends now."""
    topic = settings.prefixed(settings.topic_dead)
    async with topic_stream(settings, topic, since_ms=since_ms, first=first) as stream:
        async for records in stream.batches():
            for record in records:
                yield read(record)
            progress(what, stream.done, stream.total)
