"""The options that choose dead letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from schemas import DEAD_REASONS, DeadReason
from worker.cli.completions import complete_topic
from worker.cli.console import fail
from worker.cli.moments import TIME_HELP, milliseconds, parse_moment
from worker.cli.options import completing
from worker.domain.books.rows import abbreviate
from worker.operations.dead_letters.letters import LetterFilter, LetterPosition, is_id
from worker.settings.settings import Settings

_PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)

DeadReasons = Annotated[
    list[str] | None,
    typer.Option(
        "--dead-reason",
        help="Only this reason, such as INVALID_JSON. Repeatable.",
        show_default=False,
        autocompletion=completing(DEAD_REASONS),
    ),
]
FromTopics = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        help="Only records from this topic, with or without its prefix. Repeatable.",
        show_default=False,
        autocompletion=complete_topic,
    ),
]
Scrapes = Annotated[
    list[str] | None,
    typer.Option("--scrape", help="Only of this scrape_id. Repeatable.", show_default=False),
]
Events = Annotated[
    list[str] | None,
    typer.Option("--event", help="Only of this event.id. Repeatable.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help=f"Died at or after this time: {TIME_HELP}."),
]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Died before this time.")]


def _dead_reason(text: str) -> DeadReason:
    found = next((reason for reason in DEAD_REASONS if reason == text), None)
    if found is None:
        fail(
            f"{abbreviate(text)} is not a reason; the reasons are {', '.join(DEAD_REASONS)}", code=2
        )
    return found


def parse_filter(
    settings: Settings,
    *,
    letters: Sequence[str] = (),
    reasons: Sequence[str] | None,
    topics: Sequence[str],
    since: str | None,
    until: str | None,
    scrapes: Sequence[str] | None,
    events: Sequence[str] | None,
    redriven: bool | None = None,
) -> LetterFilter:
    """Return the filter that the options describe; a wrong one ends the command with exit code 2."""
    wanted = [place_or_id(one) for one in letters]
    return LetterFilter(
        reasons=frozenset(_dead_reason(each) for each in reasons or ()),
        topics=frozenset(
            name for topic in topics for name in (topic, settings.topic_prefix + topic)
        ),
        since_ms=_moment(since),
        until_ms=_moment(until),
        ids=frozenset(one for one in wanted if isinstance(one, str)),
        places=frozenset(one for one in wanted if isinstance(one, LetterPosition)),
        scrapes=frozenset(scrapes or ()),
        events=frozenset(events or ()),
        redriven=redriven,
    )


def place_or_id(text: str) -> LetterPosition | str:
    """Read PARTITION:OFFSET of the topic of dead letters, or an id; anything else is wrong usage."""
    found = _PLACE.fullmatch(text)
    if found is not None:
        return LetterPosition(int(found[1]), int(found[2]))
    if not is_id(text):
        fail(f"{abbreviate(text)} is neither PARTITION:OFFSET nor the id of a dead letter", code=2)
    return text


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else milliseconds(parse_moment(text, datetime.now(UTC)))
    except ValueError as error:
        fail(str(error), code=2)
