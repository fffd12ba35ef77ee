"""What-if: what a form of the editor, or the drafts of a change set, would do to the last observations."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.changing import refusals
from worker.console.context import (
    Console,
    RefusedError,
    allowed,
    console_of,
    form_of,
    part_or_page,
    viewer_of,
)
from worker.console.forecasts import MINUTES, ForecastShown, forecast
from worker.console.forms import SentForm
from worker.console.pages.deciding import whole
from worker.console.pages.editor import proposal_of
from worker.operations.changes.what_if_command import draft_of_set
from worker.operations.drafts.drafting import NothingToChangeError
from worker.operations.drafts.effect import read_draft
from worker.operations.what_if.draft import Draft


@allowed("edit")
async def of_form(request: Request) -> Response:
    """Of the mapping as it is in the form."""
    form = form_of(request)
    console = console_of(request)
    return await console.newest.answer(
        request, viewer_of(request).name, form.get("tab"), lambda: _of_form(request, console, form)
    )


async def _of_form(request: Request, console: Console, form: SentForm) -> Response:
    try:
        with refusals():
            async with console.databases.reading() as connection:
                try:
                    draft = await read_draft(connection, [await proposal_of(form)(connection)])
                except NothingToChangeError:
                    draft = Draft({}, {}, 0)
        shown = await forecast(console, draft)
    except RefusedError as error:
        shown = refused(error)
    return _answer(request, shown, "")


@allowed("read")
async def of_change_set(request: Request) -> Response:
    """Of all drafts of a change set together."""
    console, number = console_of(request), whole(request.query_params.get("id", ""))
    if number is None:
        raise RefusedError("There is no such change set.", 404)
    with refusals():
        async with console.databases.reading() as connection:
            draft = await draft_of_set(connection, number)

    async def answer() -> Response:
        try:
            shown = await forecast(console, draft)
        except RefusedError as error:
            shown = refused(error)
        return _answer(request, shown, f"/change-set?id={number}")

    return await console.newest.answer(request, viewer_of(request).name, "", answer)


def refused(error: RefusedError) -> ForecastShown:
    """What is shown in its place when there is no forecast."""
    return ForecastShown(missing=" ".join([error.sentence, *error.lines]).rstrip("."))


def _answer(request: Request, shown: ForecastShown, back: str) -> Response:
    values = {"shown": shown, "minutes": MINUTES, "back": back}
    return part_or_page(request, "what_if.html", "what_if_page.html", **values)


ROUTES: Final = [
    Route("/edit/what-if", of_form, methods=["POST"]),
    Route("/change-set/what-if", of_change_set, methods=["GET"]),
]
