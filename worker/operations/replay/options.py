"""The options that say what a replay reads, and which of it it publishes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import typer

from worker.cli.completions import complete_topic
from worker.cli.console import did_you_mean, fail
from worker.cli.moments import TIME_HELP, milliseconds, parse_moment
from worker.domain.books.platforms import PLATFORMS, is_platform
from worker.domain.books.rows import abbreviate
from worker.operations.replay.plan import Window
from worker.operations.replay.replay_filter import MarketName, ReplayFilter
from worker.settings.settings import Settings

TopicsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--topic",
        help="A topic of observations, with or without its prefix; by default all. Repeatable.",
        autocompletion=complete_topic,
    ),
]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help=f"Start of the range: {TIME_HELP}.")
]
To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="TIME", help="End of the range, exclusive; by default the log's end now."
    ),
]
MarketsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--market",
        metavar="PLATFORM:ID",
        help="Only events with this market, resolved or missed, by the bookmaker's id. Repeatable.",
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(
        min=0.1, max=1e6, help="Maximum number of records read per second; by default unlimited."
    ),
]


class Asked(NamedTuple):
    """The range to read, with full topic names, and the filter on what is published."""

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
    """Read the options; a wrong one ends the command with exit code 2."""
    if from_ is None:
        fail("Give --from: where the replay starts.", code=2)
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
        raise ValueError(
            f"--market {abbreviate(text)} is not PLATFORM:ID with one of {', '.join(PLATFORMS)}"
        )
    return MarketName(platform, market_id)


def full_topic(settings: Settings, topic: str) -> str:
    """Return the full name of a topic of observations, given with or without prefix. Raises ValueError."""
    known = settings.topics.observations.values()
    full = topic if topic in known else settings.topic_prefix + topic
    if full not in known:
        raise ValueError(
            f"--topic {abbreviate(topic)} is not a topic of observations; they are {', '.join(known)}."
            f" {did_you_mean(full, known)}".rstrip()
        )
    return full


def _platforms(given: Sequence[str]) -> Sequence[str]:
    for platform in given:
        if not is_platform(platform):
            raise ValueError(
                f"--platform {abbreviate(platform)} is not one of {', '.join(PLATFORMS)}"
            )
    return tuple(given)


def _topics(settings: Settings, given: Sequence[str], choice: ReplayFilter) -> Sequence[str]:
    """Return the topics given, else those of the platforms and markets given, else all."""
    if given:
        return sorted({full_topic(settings, topic) for topic in given})
    platforms, markets = set(choice.platforms), {name.platform for name in choice.markets}
    wanted = platforms & markets if platforms and markets else platforms | markets
    if (platforms or markets) and not wanted:
        raise ValueError("no event matches both --platform and --market")
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
