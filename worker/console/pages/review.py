"""Review and History: change sets, what is decided about them, and taking them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.cli.words import number_of
from worker.console.context import (
    Console,
    RefusedError,
    allowed,
    console_of,
    form_of,
    page,
    refused_input,
    said,
    viewer_of,
    without_reason,
)
from worker.console.forms import SentForm
from worker.console.notices import Notice
from worker.console.pages.case import ExampleEvent, example_of
from worker.console.republishing import publish_again, wanted_by
from worker.domain.diff import diff
from worker.domain.mapping import MappingError
from worker.operations.changes.applying import ChangesRefused, WrongState, approve, send_back
from worker.operations.changes.reverting import NotReverted, revert
from worker.operations.drafts.drafting import fields_of, propose, withdraw
from worker.operations.mappings.price_verdicts import not_judged
from worker.storage import mappings
from worker.storage.changes import drafts, effects, sets
from worker.storage.changes.drafts import StoredDraft
from worker.storage.changes.effects import TouchedMiss
from worker.storage.changes.sets import OPEN_STATES, STATES, UnknownChangeSet
from worker.storage.changes.sets_sql import SHORTEST_KEY
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.insight import evidence

_MOST: Final = 50
# A change set may hold very many: more than these are counted, and shown by the command.
_MOST_CHANGES: Final = 200
# Events as examples: of the first misses of these drafts, and how many of each.
_MOST_WITH_EXAMPLES: Final = 10
_EXAMPLES: Final = 2
_LARGEST_ID: Final = 2**63 - 1
_LONGEST_ID: Final = len(str(_LARGEST_ID))


@allowed("read")
async def list_open(request: Request) -> Response:
    """What waits for somebody: proposed change sets first, then drafts and those that were sent back."""
    async with console_of(request).databases.reading() as connection:
        waiting = await sets.list_change_sets(connection, states=["PROPOSED"], limit=_MOST)
        others = [state for state in OPEN_STATES if state != "PROPOSED"]
        written = await sets.list_change_sets(connection, states=others, limit=_MOST)
        policy = await sets.read_policy(connection)
    return page(request, "review.html", waiting=waiting, written=written, policy=policy)


@allowed("read")
async def history(request: Request) -> Response:
    """All change sets, the newest first; direct changes and imports are among them."""
    query = request.query_params
    state, containing = query.get("state"), _text(query.get("q"))
    is_short = 0 < len(containing) < SHORTEST_KEY
    filters: dict[str, Any] = {
        "states": [state] if state in STATES else None,
        "person": _text(query.get("by")) or None,
        "canonical_id": _text(query.get("mapping")) or None,
        "containing": containing,
        "before": _whole(query.get("before")),
    }
    refused = None
    if is_short:
        error = refused_input(
            "q", f"Search for {SHORTEST_KEY} characters or more.", "Not searched."
        )
        refused = error.on_form("/history", SentForm(query.multi_items()))
    async with console_of(request).databases.reading() as connection:
        rows = await sets.list_change_sets(
            connection, limit=0 if is_short else _MOST + 1, **filters
        )
        known = await effects.read_effects(connection, [one.id for one in rows[:_MOST]], most=_MOST)
    return page(
        request,
        "history.html",
        rows=rows[:_MOST],
        effects=known,
        older=rows[_MOST - 1].id if len(rows) > _MOST else None,
        states=STATES,
        state=state if state in STATES else None,
        by=filters["person"],
        mapping=filters["canonical_id"],
        containing=containing,
        refused=refused,
    )


@allowed("read")
async def show(request: Request) -> Response:
    """One change set: what it is to change or has changed, field by field, and what was said."""
    number = _number(request.query_params.get("id"))
    try:
        async with console_of(request).databases.reading() as connection:
            values = await _read(connection, number)
    except UnknownChangeSet as error:
        raise RefusedError("There is no such change set.", 404) from error
    return page(request, "change_set.html", **values)


async def _read(connection: AsyncConnection, number: int) -> dict[str, Any]:
    found = await sets.get_change_set(connection, number)
    made = await sets.versions_of(connection, number, limit=_MOST_CHANGES)
    held: Sequence[StoredDraft] = ()
    if not made:
        held = await drafts.list_drafts(connection, limit=_MOST_CHANGES, change_set_id=number)
    rows = await mappings.get_all(connection, [one.canonical_id for one in held])
    proposed = []
    for one in held:
        row = rows.get(one.canonical_id)
        version = None if row is None else row.version
        proposed.append((one, fields_of(one, row), version == one.base_version))
    examples: dict[int, list[ExampleEvent]] = {}
    for one in held[:_MOST_WITH_EXAMPLES]:
        for key in one.keys[:1]:
            samples = await evidence.read_samples(connection, "miss", key)
            examples[one.id] = [example_of(sample) for sample in samples[:_EXAMPLES]]
    in_all = found.versions if made else found.drafts
    effect = (await effects.read_effects(connection, [number])).get(number) if made else None
    touched: Sequence[TouchedMiss] = ()
    if effect is not None and (effect.covered or effect.reopened):
        touched = await effects.touched_misses(connection, number, limit=_MOST)
    return {
        "found": found,
        "effect": effect,
        "touched": touched,
        "examples": examples,
        "comments": await sets.read_comments(connection, number),
        "policy": await sets.read_policy(connection),
        "proposed": proposed,
        "left_out": in_all - len(made or held),
        "made": [(one, diff(one.old_value, one.new_value)) for one in made],
    }


@allowed("edit")
async def author_decides(request: Request) -> Response:
    """Propose, withdraw, comment on or revert a change set, as `marketmap drafts` and `changes` do."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    number, decision = _number(form.get("id")), form.get("decision")
    engine = console.databases.deciding("edit")
    try:
        if decision == "propose":
            async with transaction(engine) as connection:
                await propose(connection, number, actor=viewer)
            words = f"Change set {number} is proposed."
        elif decision == "withdraw":
            async with transaction(engine) as connection:
                await withdraw(connection, number, actor=viewer, reason=_reason(form))
            words = f"Change set {number} is withdrawn."
        elif decision == "comment":
            async with transaction(engine) as connection:
                await sets.get_change_set(connection, number)
                await sets.add_comment(connection, number, _reason(form), actor=viewer)
            words = "The comment is kept."
        elif decision == "revert":
            return await _revert(request, console, engine, number, form)
        else:
            raise RefusedError("There is no such decision.")
    except (UnknownChangeSet, StorageRefused) as error:
        raise _refused(error) from error
    return await _done(request, console, number, words)


async def _revert(
    request: Request, console: Console, engine: AsyncEngine, number: int, form: SentForm
) -> Response:
    reason, viewer = _reason(form), viewer_of(request).name
    again = await wanted_by(console, form)
    try:
        done = await revert(
            engine,
            number,
            actor=viewer,
            reason=reason,
            rest=form.get("rest") == "yes",
            forced=reason if form.get("force") == "yes" else None,
        )
    except (ChangesRefused, MappingError, NotReverted, WrongState) as error:
        raise _refused(error) from error
    waits = "" if done.approval else " It waits for somebody else's approval."
    words = f"Change set {done.change_set.id} takes change set {number} back.{waits}"
    lines: tuple[str, ...] = tuple(f"{one.reason}: it is left as it is." for one in done.left)
    if done.approval is not None:
        markets, of = done.approval.applied.markets, f"change set {done.change_set.id}"
        lines += publish_again(console, again, markets, of, actor=viewer, reason=reason)
    elif again is not None:
        lines += ("Nothing is published again before it is approved.",)
    return await _done(request, console, done.change_set.id, words, lines)


@allowed("approve")
async def reviewer_decides(request: Request) -> Response:
    """Approve a change set or send it back, as `marketmap changes` does."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    number, revision = _number(form.get("id")), _whole(form.get("revision"))
    if revision is None:
        raise RefusedError("Load the page again: the form does not say which revision was read.")
    engine = console.databases.deciding("approve")
    comment = (form.get("reason") or "").strip()
    lines: tuple[str, ...] = ()
    try:
        if form.get("decision") == "approve":
            again = await wanted_by(console, form)
            is_forced = form.get("force") == "yes"
            done = await approve(
                engine,
                number,
                actor=viewer,
                comment=comment,
                expected_revision=revision,
                forced=_reason(form) if is_forced else None,
            )
            lines = (
                *not_judged(done.verdicts),
                *(f"{left}." for left in done.applied.left_open),
                *publish_again(
                    console,
                    again,
                    done.applied.markets,
                    f"change set {number}",
                    actor=viewer,
                    reason=done.change_set.reason or "",
                ),
            )
            mapped, reopened = len(done.applied.covered), len(done.applied.reopened)
            words = (
                f"Change set {number} is approved: {number_of(mapped, 'miss', 'misses')} mapped, "
                f"{reopened:,} open again."
            )
        elif form.get("decision") == "send-back":
            await send_back(
                engine, number, actor=viewer, comment=_reason(form), expected_revision=revision
            )
            words = f"Change set {number} is sent back."
        else:
            raise RefusedError("There is no such decision.")
    except (UnknownChangeSet, ChangesRefused, MappingError, WrongState, StorageRefused) as error:
        raise _refused(error) from error
    return await _done(request, console, number, words, lines)


async def _done(
    request: Request, console: Console, number: int, words: str, lines: tuple[str, ...] = ()
) -> Response:
    console.metrics.decided()
    await console.live.changed_here()
    return said(request, f"/change-set?id={number}", Notice(viewer_of(request).name, words, lines))


def _refused(error: Exception) -> RefusedError:
    if isinstance(error, UnknownChangeSet):
        return RefusedError("There is no such change set.", 404)
    if isinstance(error, ChangesRefused):
        lines = tuple(dict.fromkeys(str(one) for one in error.refusals))
        return RefusedError("Nothing was changed.", 409, lines=lines)
    if isinstance(error, MappingError):
        return RefusedError("Nothing was changed.", 409, lines=tuple(map(str, error.faults)))
    return RefusedError("Nothing was changed.", 409, lines=(f"{error}.",))


def _reason(form: SentForm) -> str:
    reason = (form.get("reason") or "").strip()
    if not reason:
        raise without_reason()
    return reason


def _text(given: str | None) -> str:
    return (given or "").strip()[:200].replace("\0", "")


def _whole(given: str | None) -> int | None:
    if not given or not given.isascii() or not given.isdigit() or len(given) > _LONGEST_ID:
        return None
    number = int(given)
    return number if number <= _LARGEST_ID else None


def _number(given: str | None) -> int:
    number = _whole(given)
    if number is None:
        raise RefusedError("There is no such change set.", 404)
    return number


ROUTES: Final = [
    Route("/review", list_open, methods=["GET"]),
    Route("/history", history, methods=["GET"]),
    Route("/change-set", show, methods=["GET"]),
    Route("/change-set/author", author_decides, methods=["POST"]),
    Route("/change-set/review", reviewer_decides, methods=["POST"]),
]
