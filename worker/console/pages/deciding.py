"""Decisions in one step: accept a suggestion, switch a mapping off, delete or restore it, undo a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.changing import ContradictedError, MappingEdit, make_change, make_unchecked
from worker.console.context import (
    Console,
    RefusedError,
    allowed,
    console_of,
    form_of,
    local_path,
    page,
    said,
    viewer_of,
)
from worker.console.drafting import (
    draft_notice,
    is_four_eyes,
    order_of,
    save_draft,
    wants_draft,
)
from worker.console.notices import Notice, UndoStep
from worker.console.pages.case import content_of
from worker.console.pages.following import case_path, key_of, next_path
from worker.console.republishing import publish_again, wanted_by
from worker.operations.drafts.drafting import deleted_mapping, suggested_mapping, switched_mapping
from worker.operations.mappings import editing
from worker.operations.mappings.backfill import Backfill
from worker.operations.mappings.editing import AppliedChange
from worker.operations.mappings.undoing import undo
from worker.operations.unmapped import triage
from worker.operations.unmapped.view import view_of
from worker.storage.audit import last_version
from worker.storage.changes.drafts import Proposal
from worker.storage.editing import Edit
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredSuggestion


def publish_again_after(
    console: Console, wanted: Backfill | None, done: AppliedChange, actor: str, reason: str
) -> tuple[str, ...]:
    """Begin to publish again what a change concerns, if that is wanted; return what is said of it."""
    return publish_again(
        console, wanted, done.markets, done.canonical_id, actor=actor, reason=reason
    )


def change_notice(viewer: str, done: AppliedChange, back: str, more: Sequence[str] = ()) -> Notice:
    """What is said after a mapping was changed, with the way back."""
    verbs = {"CREATE": "created", "UPDATE": "changed", "DELETE": "deleted", "NONE": "as it was"}
    verb = verbs.get(done.action, done.action.lower() + "d")
    lines = [f"{source} {market} is mapped now." for source, market in done.covered]
    lines += [f"{source} {market} is open again." for source, market in done.reopened]
    lines += [f"{left}." for left in done.left_open]
    version = done.version
    undo_step = None
    if done.action != "NONE" and version is not None:
        fields = (("canonical_id", done.canonical_id), ("version", str(version)), ("back", back))
        undo_step = UndoStep("/undo", fields)
    at = "" if version is None else f", at version {version}"
    return Notice(viewer, f"{done.canonical_id} is {verb}{at}.", (*lines, *more), undo_step)


@allowed("edit")
async def accept(request: Request) -> Response:
    """Map a missed market as suggested, by the operation of `suggestions accept`; go on to the next one."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    values = dict(form)
    key, view = key_of(values), view_of(values)
    rank, seen = whole(form.get("rank")), form.get("seen")
    if rank is None:
        raise RefusedError("There is no such suggestion.")

    async def seen_suggestion(connection: AsyncConnection) -> StoredSuggestion:
        found = {one.rank: one for one in await evidence.read_suggestions(connection, key)}
        suggested = found.get(rank)
        # What is accepted is what was seen: suggestions are made again all the time.
        if suggested is None or content_of(suggested) != seen:
            raise triage.NoSuggestionError("the suggestion has changed since you saw it")
        return suggested

    async def change(edit: Edit) -> AppliedChange:
        await seen_suggestion(edit.connection)
        return await triage.map_suggested(edit, key, rank)

    async def proposal(connection: AsyncConnection) -> Proposal:
        return await suggested_mapping(connection, await seen_suggestion(connection))

    reason = form.get("reason") or f"suggested, rank {rank}, accepted in the console"
    four_eyes = await is_four_eyes(console)
    if wants_draft(values, four_eyes=four_eyes):
        order = order_of(values | {"propose": "yes"}, four_eyes=four_eyes)
        saved = await save_draft(console, proposal, order, actor=viewer, reason=reason)
        where = await next_path(request, view, key)
        return said(request, where, draft_notice(viewer, saved))
    again = await wanted_by(console, form)
    try:
        made = await make_change(
            console,
            "edit",
            change,
            actor=viewer,
            reason=reason,
            force=form.get("force") == "yes",
        )
    except ContradictedError as error:
        fields = [(name, value) for name, value in form if name not in {"csrf", "reason", "force"}]
        return page(
            request,
            "contradicted.html",
            status=error.status,
            lines=error.lines,
            action="/case/accept",
            fields=fields,
            back=case_path(view, key),
        )
    where = await next_path(request, view, key)
    lines = (
        *made.not_judged,
        *publish_again_after(console, again, made.change, viewer, reason),
    )
    return said(request, where, change_notice(viewer, made.change, case_path(view, key), lines))


@allowed("edit")
async def take_back(request: Request) -> Response:
    """Undo the last change of a mapping, by a change that is audited as every other."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    name, version = form.get("canonical_id"), whole(form.get("version"))
    if version is None:
        raise RefusedError("There is no such version.")
    done = await make_unchecked(
        console,
        "edit",
        lambda edit: undo(edit, name, version),
        actor=viewer,
        reason=f"undoes version {version}",
    )
    back = local_path(form.get("back") or "/queue")
    lines = [f"{source} {market} is mapped again." for source, market in done.covered]
    lines += [f"{source} {market} is open again." for source, market in done.reopened]
    sentence = f"Version {version} of {name} is undone."
    return said(request, back, Notice(viewer, sentence, tuple(lines)))


@allowed("edit")
async def switch(request: Request) -> Response:
    """Switch a mapping on or off, delete it, or restore it as it was before it was deleted."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    name, version = form.get("id"), whole(form.get("version"))
    decision, values = form.get("decision"), dict(form)
    if version is None:
        raise RefusedError("There is no such decision.")
    changes: dict[str, MappingEdit] = {
        "activate": lambda edit: editing.set_active(edit, name, version, is_active=True),
        "deactivate": lambda edit: editing.set_active(edit, name, version, is_active=False),
        "delete": lambda edit: _delete(edit, name, version),
        "restore": lambda edit: undo(edit, name, version),
    }
    change = changes.get(decision)
    if change is None:
        raise RefusedError("There is no such decision.")
    back = f"/mapping?id={name}"

    async def proposal(connection: AsyncConnection) -> Proposal:
        if decision == "delete":
            return await deleted_mapping(connection, name, version)
        return await switched_mapping(connection, name, version, is_active=decision == "activate")

    four_eyes = await is_four_eyes(console)
    if four_eyes and decision != "restore":
        order = order_of(values, four_eyes=four_eyes)
        reason = form.get("reason")
        saved = await save_draft(console, proposal, order, actor=viewer, reason=reason)
        return said(request, back, draft_notice(viewer, saved))
    again = await wanted_by(console, form)
    made = await make_change(console, "edit", change, actor=viewer, reason=form.get("reason"))
    lines = (
        *made.not_judged,
        *publish_again_after(console, again, made.change, viewer, form.get("reason")),
    )
    return said(request, back, change_notice(viewer, made.change, back, lines))


async def _delete(edit: Edit, name: str, version: int) -> AppliedChange:
    """Delete a mapping; the version is that of the deletion, by which it can be undone."""
    done = await editing.delete(edit, name, version)
    return done._replace(version=await last_version(edit.connection))


def whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


ROUTES: Final = [
    Route("/case/accept", accept, methods=["POST"]),
    Route("/undo", take_back, methods=["POST"]),
    Route("/mapping/switch", switch, methods=["POST"]),
]
