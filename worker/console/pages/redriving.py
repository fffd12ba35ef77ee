"""Dead letters are sent back from the page, by the operation of `marketmap dead redrive`.

The mark that a redrive leaves on the topic has the name of the person and the reason.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas import DEAD_REASONS
from worker.cli.words import noun_of, number_of
from worker.console.context import (
    RefusedError,
    allowed,
    console_of,
    form_of,
    local_path,
    refused_input,
    said,
    viewer_of,
)
from worker.console.forms import SentForm
from worker.console.notices import Notice
from worker.console.pages.dead_letters import (
    MOST_REDRIVEN,
    kafka_of,
    no_answer,
    no_progress,
    place_of,
)
from worker.domain.errors import FatalError, TransientError
from worker.operations.dead_letters.letters import LetterFilter
from worker.operations.dead_letters.redrive import redrive
from worker.operations.dead_letters.redrive_rules import RedriveReport, Signature
from worker.operations.dead_letters.tables import refusals
from worker.settings.connected import KafkaSettings

_PATIENCE_S: Final = 60.0
# A record that died this often after it was sent back is refused, as by the command.
_MOST_TIMES: Final = 3
# A second redrive fences the first off; people wait for each other instead.
_redriving = asyncio.Semaphore(1)


@allowed("operate")
async def send_back(request: Request) -> Response:
    """Send the chosen letters back, or all that the list matched; or say what would be sent."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    settings = kafka_of(request)
    choice = choice_of(form)
    reason, is_tried = form.get("reason"), form.get("decision") == "try"
    if form.get("decision") not in {"try", "send"}:
        raise RefusedError("There is no such decision.")
    if not is_tried and not reason:
        words = "Say why: the reason is kept with every letter that is sent back."
        raise refused_input("reason", words, "Nothing was sent back.")
    report = await _redrive(
        settings, choice, Signature(viewer, reason or "tried"), is_tried=is_tried
    )
    if not is_tried:
        console.metrics.decided()
    back = local_path(form.get("here") or "/dead-letters")
    return said(request, back, notice_of(viewer, report, is_tried=is_tried))


def choice_of(form: SentForm) -> LetterFilter:
    """Which letters a form means: those that are ticked, or what the list matched. Raises RefusedError."""
    if form.get("which") == "all":
        reason = next((one for one in DEAD_REASONS if one == form.get("of")), None)
        since, until = _moment(form.get("since_ms")), _moment(form.get("until_ms"))
        if since is None or until is None or (form.get("of") and reason is None):
            raise RefusedError("Load the page again: the form does not say which letters it lists.")
        topic = form.get("topic")
        return LetterFilter(
            reasons=frozenset() if reason is None else frozenset({reason}),
            topics=frozenset({topic}) if topic else frozenset(),
            since_ms=since,
            # Not what died after the page was read: nobody has seen that.
            until_ms=until,
        )
    places = {place_of(one) for one in form.all("letter")}
    found = frozenset(one for one in places if one is not None)
    if not found or None in places:
        words = "Choose letters of the list, or all that match it."
        raise refused_input("letter", words, "Nothing was sent back.")
    return LetterFilter(places=found)


def notice_of(viewer: str, report: RedriveReport, *, is_tried: bool) -> Notice:
    """What was sent, what was refused and why."""
    letters = number_of(report.redriven, "letter")
    verb = "would be sent" if is_tried else noun_of(report.redriven, "was sent", "were sent")
    lines = []
    if report.already:
        lines.append(f"{report.already} had been sent back before.")
    lines += refusals(report)
    lines += [f"There is no dead letter {name}." for name in report.not_found]
    if report.redriven == MOST_REDRIVEN:
        lines.append("There may be more: the oldest come first.")
    return Notice(viewer, f"{letters} {verb} back, {report.bytes} bytes.", tuple(lines))


async def _redrive(
    settings: KafkaSettings, choice: LetterFilter, signature: Signature, *, is_tried: bool
) -> RedriveReport:
    try:
        async with asyncio.timeout(_PATIENCE_S), _redriving:
            return await redrive(
                settings,
                choice,
                signature,
                max_times=_MOST_TIMES,
                limit=MOST_REDRIVEN,
                dry_run=is_tried,
                progress=no_progress,
            )
    except (TransientError, FatalError, TimeoutError) as error:
        raise no_answer(error, "The letters were not all sent back; try again.") from error


def _moment(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


ROUTES: Final = [Route("/dead-letters/redrive", send_back, methods=["POST"])]
