"""The options that say what a replay reads and what it publishes of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from worker.cli.console import fail
from worker.cli.moments import TIME_HELP, milliseconds, parse_moment
from worker.domain.books.platforms import PLATFORMS, is_platform
from worker.operations.replay.choice import MarketName, ReplayFilter
from worker.operations.replay.plan import Window
from worker.settings.settings import Settings

TopicsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--topic", help="An observation topic, with or without its prefix. Repeatable; else all."
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help=f"From when on: {TIME_HELP}.")
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="TIME", help="Until when, without it; else the log's end now."),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", help=f"Only this one: {', '.join(PLATFORMS)}. Repeatable."),
]
MarketsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        metavar="PLATFORM:ID",
        help="Only events that hold this market, resolved or missed under the book's id. Repeatable.",
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(min=0.1, max=1e6, help="At most so many records read a second; else no limit."),
]


class Asked(NamedTuple):
    """What is to be read, by full topic names, and what of it is published."""

    topics: Sequence[str]
    window: Window
    choice: ReplayFilter


def parse_options(
    settings: Settings,
    *,
    topics: Sequence[str] | None,
    from_: str | None,
    to: str | None,
    platforms: Sequence[str] | None,
    markets: Sequence[str] | None,
) -> Asked:
    """What the options say; what is wrong with them ends the command with exit code 2."""
    if from_ is None:
        fail("Give --from: where the replay begins.", code=2)
    try:
        choice = ReplayFilter(
            _platforms(platforms or ()), tuple(market_name(text) for text in markets or ())
        )
        return Asked(_topics(settings, topics or (), choice), _window(from_, to), choice)
    except ValueError as error:
        fail(str(error), code=2)


def market_name(text: str) -> MarketName:
    """``sportybet:8?goalnr=2``. Raises ValueError."""
    platform, found, market_id = text.partition(":")
    if not found or not market_id or not is_platform(platform):
        raise ValueError(f"--market {text!r} is not PLATFORM:ID with one of {', '.join(PLATFORMS)}")
    return MarketName(platform, market_id)


def full_topic(settings: Settings, topic: str) -> str:
    """The name on the broker of an observation topic, given with or without its prefix. Raises ValueError."""
    known = settings.topics.observations.values()
    full = topic if topic in known else settings.topic_prefix + topic
    if full not in known:
        raise ValueError(f"--topic {topic!r} is none of the observation topics {', '.join(known)}")
    return full


def _platforms(given: Sequence[str]) -> Sequence[str]:
    for platform in given:
        if not is_platform(platform):
            raise ValueError(f"--platform {platform!r} is none of {', '.join(PLATFORMS)}")
    return tuple(given)


def _topics(settings: Settings, given: Sequence[str], choice: ReplayFilter) -> Sequence[str]:
    """The topics that are named, else those of the platforms and markets that are chosen, else all."""
    if given:
        return sorted({full_topic(settings, topic) for topic in given})
    platforms, markets = set(choice.platforms), {name.platform for name in choice.markets}
    wanted = platforms & markets if platforms and markets else platforms | markets
    if (platforms or markets) and not wanted:
        raise ValueError("--platform and --market exclude each other: no event has both")
    return sorted(
        topic
        for platform, topic in settings.topics.observations.items()
        if not wanted or platform in wanted
    )


def _window(from_: str, to: str | None) -> Window:
    now = datetime.now(UTC)
    begin = milliseconds(parse_moment(from_, now))
    end = None if to is None else milliseconds(parse_moment(to, now))
    if end is not None and end <= begin:
        raise ValueError("--to must be later than --from")
    return Window(begin, end)
