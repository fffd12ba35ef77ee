"""The options that choose dead letters, and what the commands on them have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from schemas import DEAD_REASONS
from worker.cli.console import fail
from worker.cli.moments import TIME_HELP, milliseconds, parse_moment
from worker.operations.dead_letters.letters import LetterFilter, LetterPosition, is_id
from worker.settings.settings import Settings

_PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,18})", re.ASCII)

DeadReasons = Annotated[
    list[str] | None,
    typer.Option(
        "--dead-reason",
        help="Dead for this reason, as INVALID_JSON. Repeatable.",
        show_default=False,
    ),
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source",
        help="Read from this topic, with or without its prefix. Repeatable.",
        show_default=False,
    ),
]
Since = Annotated[str | None, typer.Option(metavar="TIME", help=f"Dead since then: {TIME_HELP}.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Dead before then.")]


def parse_filter(
    settings: Settings,
    *,
    letters: Sequence[str] = (),
    reasons: Sequence[str] | None,
    sources: Sequence[str] | None,
    since: str | None,
    until: str | None,
    redriven: bool | None = None,
) -> LetterFilter:
    """The choice that the options make; what is wrong with them ends the command with exit code 2."""
    for reason in reasons or ():
        if reason not in DEAD_REASONS:
            fail(f"{reason!r} is no reason; they are {', '.join(DEAD_REASONS)}", code=2)
    wanted = [place_or_id(one) for one in letters]
    return LetterFilter(
        reasons=frozenset(reasons or ()),
        topics=frozenset(
            name for source in sources or () for name in (source, settings.topic_prefix + source)
        ),
        since_ms=_moment(since),
        until_ms=_moment(until),
        ids=frozenset(one for one in wanted if isinstance(one, str)),
        places=frozenset(one for one in wanted if isinstance(one, LetterPosition)),
        redriven=redriven,
    )


def place_or_id(text: str) -> LetterPosition | str:
    """A letter as PARTITION:OFFSET of its own topic, or as its id; anything else is wrong usage."""
    found = _PLACE.fullmatch(text)
    if found is not None:
        return LetterPosition(int(found[1]), int(found[2]))
    if not is_id(text):
        fail(f"{text!r} is neither PARTITION:OFFSET of a dead letter nor its id", code=2)
    return text


def _moment(text: str | None) -> int | None:
    try:
        return None if text is None else milliseconds(parse_moment(text, datetime.now(UTC)))
    except ValueError as error:
        fail(str(error), code=2)
