"""`marketmap wrap`: a bookmaker's own reply in, the observation that a scraper publishes out."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import typer

from schemas import PLATFORMS, Observation, Platform
from schemas.raw_reply import UnknownReplyError, observation_from_reply, refuse_observation
from worker.cli.console import err
from worker.cli.moments import TIME_HELP, parse_moment
from worker.domain.books.rows import abbreviate
from worker.settings.checks import MIB

_LARGEST = 64 * MIB


def wrap(
    files: Annotated[
        list[typer.FileBinaryRead],
        typer.Argument(metavar="REPLY...", help="Files of one reply each, or - for stdin."),
    ],
    *,
    platform: Annotated[
        str | None,
        typer.Option(help=f"The bookmaker: {', '.join(PLATFORMS)}. Without it the form decides."),
    ] = None,
    observed_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=f"When the reply was received (now): {TIME_HELP}."),
    ] = None,
    scrape_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Name of the scrape that the replies belong to."),
    ] = None,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help="Zone of Bet9ja's times, which carry none.")
    ] = "UTC",
) -> None:
    """Make observations of bookmakers' own replies: one JSON line for each, in order.

    A reply that no observation can be made of is named on stderr and costs no other; exit code 1.

    Example: marketmap wrap sportybet-reply.json | marketmap validate -
    """
    received_at = _received_at(observed_at)
    bookmaker, time_zone = _platform(platform), _zone(zone)
    is_complete = True
    for file in files:
        observation = _read(file, received_at, bookmaker, scrape_id, time_zone)
        if isinstance(observation, str):
            name = getattr(file, "name", "<stdin>")
            err.print(f"{name}: {observation}", style="red", markup=False, soft_wrap=True)
            is_complete = False
        else:
            typer.echo(observation.model_dump_json(exclude_none=True))
    if not is_complete:
        raise typer.Exit(1)


def _read(
    file: Any,
    received_at: datetime,
    platform: Platform | None,
    scrape_id: str | None,
    zone: tzinfo,
) -> Observation | str:
    """The observation, or a sentence that says why there is none."""
    text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        return f"the file is larger than {_LARGEST // MIB} MiB"
    try:
        reply = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return _why_not_one_document(text, error)
    try:
        return observation_from_reply(
            reply, received_at, platform=platform, scrape_id=scrape_id, zone=zone
        )
    except UnknownReplyError as error:
        return str(error)


def _why_not_one_document(text: bytes, error: orjson.JSONDecodeError) -> str:
    """Say what a text is that is not one JSON document: several of them, or none."""
    try:
        first = orjson.loads(text.lstrip().partition(b"\n")[0])
        refuse_observation(first)
    except orjson.JSONDecodeError:
        return f"this is not JSON: {error}"
    except UnknownReplyError as refusal:
        return str(refusal)
    return "this holds several JSON documents: pass each reply in a file of its own"


def _received_at(text: str | None) -> datetime:
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        return parse_moment(text, now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--observed-at") from None


def _platform(name: str | None) -> Platform | None:
    for known in PLATFORMS:
        if name == known:
            return known
    if name is None:
        return None
    raise typer.BadParameter(
        f"{abbreviate(name)} is not one of {', '.join(PLATFORMS)}", param_hint="--platform"
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(
            f"{abbreviate(name)} is not an IANA time zone, such as UTC or Africa/Lagos",
            param_hint="--zone",
        ) from None
