"""The editor: a mapping by hand, for a missed market or as it is, and what saving it would do."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, urlencode

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from worker.cli.shipped import shipped_meaning
from worker.console.changing import (
    ContradictedError,
    MappingEdit,
    RefusedMappingError,
    make_change,
    refusals,
    refused_mapping,
    try_change,
)
from worker.console.context import (
    Console,
    RefusedError,
    allowed,
    console_of,
    form_of,
    not_answered,
    page,
    refused_input,
    said,
    viewer_of,
)
from worker.console.drafting import (
    ProposalOf,
    change_draft,
    draft_notice,
    is_four_eyes,
    look_at,
    open_sets_of,
    order_of,
    proposal_for,
    save_draft,
    wants_draft,
)
from worker.console.editor.faults import faults_of_form
from worker.console.editor.form import (
    NEW_ROW,
    PAIR_NAMES,
    EditorFields,
    as_sent,
    fields_of,
    mapping_of,
    values_of,
)
from worker.console.editor.further import CHOICES as FURTHER_CHOICES
from worker.console.editor.meaning import VERDICT_FIELDS, WORD_FIELDS, derived_verdicts
from worker.console.faults import FormState, RefusedForm
from worker.console.forms import SentForm
from worker.console.notices import Notice
from worker.console.pages.case import known_of
from worker.console.pages.deciding import change_notice, publish_again_after, whole
from worker.console.pages.following import case_path, key_of, next_path
from worker.console.pages.repairing import repaired_values
from worker.console.pairing import LineReading, line_readings, loose_labels, read_sightings
from worker.console.rendering import render
from worker.console.republishing import wanted_by
from worker.console.together import market_text, missed, read_markets
from worker.domain.books.lines import COLUMN_KINDS
from worker.domain.books.platforms import is_platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.draft import draft, draft_of_players
from worker.domain.mapping import MappingError
from worker.domain.meaning.vocabulary import SETTLEMENTS, SPORTS
from worker.domain.participants import PARTICIPANT_KINDS
from worker.domain.scope import PHASES, parse_external_id
from worker.operations.mappings import editing
from worker.operations.mappings.editing import AppliedChange
from worker.operations.unmapped import triage
from worker.operations.unmapped.case import read_case
from worker.operations.unmapped.extending import extended, extended_by_players
from worker.operations.unmapped.together import drafted_together
from worker.operations.unmapped.view import QueueView, view_of
from worker.runtime.index.covering import markets_of
from worker.storage import audit, mappings, misses
from worker.storage.changes import drafts, sets
from worker.storage.changes.drafts import Proposal, StoredDraft
from worker.storage.editing import Edit
from worker.storage.errors import StorageError
from worker.storage.insight import evidence
from worker.storage.mappings import StoredMapping
from worker.storage.misses import QueueKey, UnknownMiss

_MOST_NAMES: Final = 2000


class EditorBeginning(NamedTuple):
    """What the form begins with: values, the mapping that they change, and the draft that they are of.

    ``markets`` are those that are mapped together, if they are several.
    """

    values: Mapping[str, Any]
    row: StoredMapping | None = None
    drafted: StoredDraft | None = None
    markets: Sequence[QueueKey] = ()


@allowed("edit")
async def show(request: Request) -> Response:
    """The form: a draft of a missed market, a mapping that shall read one as well, or a mapping as it is."""
    query = request.query_params
    key, into = key_of(query), query.get("into", query.get("id", "")).replace("\0", "").strip()
    together = read_markets(query.getlist("m"))
    refused: RefusedForm | None = None
    async with console_of(request).databases.reading() as connection:
        if together:
            begun = await _together(connection, together)
        elif query.get("draft"):
            begun = await _stored_draft(connection, query.get("draft", ""))
            key = begun.drafted.keys[0] if begun.drafted and begun.drafted.keys else key
        else:
            of_players = query.get("players") == "yes"
            try:
                row = await mappings.get(connection, into) if into else None
                if into and row is None:
                    raise refused_input("into", f"There is no mapping {into}.", "Not opened.", 404)
                values = await _beginning(connection, key, row, of_players=of_players)
            except RefusedError as error:
                if not (key[0] and into):
                    raise
                # It was chosen in the form of the missed market: that is shown again.
                refused = error.on_form("/edit?into", SentForm(query.multi_items()))
                row = None
                values = await _beginning(connection, key, row, of_players=of_players)
            begun = EditorBeginning(values, row)
            if query.get("alarm"):
                values = await repaired_values(connection, query.get("alarm", ""), row)
                begun = begun._replace(values=values)
    return await _editor(request, fields_of(begun.values), query, begun, refused=refused)


async def _together(connection: AsyncConnection, keys: Sequence[QueueKey]) -> EditorBeginning:
    """One new mapping of several missed markets."""
    found = await missed(connection, keys)
    try:
        values = drafted_together(found)
    except MappingError as error:
        faults = tuple(map(str, error.faults))
        raise RefusedError("One mapping cannot read these markets.", lines=faults) from error
    return EditorBeginning(values, markets=keys)


async def _stored_draft(connection: AsyncConnection, number: str) -> EditorBeginning:
    """A draft that was written before, to be changed."""
    with refusals():
        found = await drafts.get_draft(connection, whole(number) or 0)
    if not isinstance(found.mapping, dict):
        raise RefusedError(f"Draft {found.id} has no fields to change.")
    row = await mappings.get(connection, found.canonical_id)
    return EditorBeginning(found.mapping, row, found)


async def _beginning(
    connection: AsyncConnection, key: QueueKey, row: StoredMapping | None, *, of_players: bool
) -> dict[str, Any]:
    """What the form begins with; ``of_players``: the market is sold for each player."""
    if not key[0]:
        return {} if row is None else row._asdict()
    try:
        miss = await misses.get_miss(connection, key)
    except UnknownMiss as error:
        raise RefusedError("This market was never missed.", 404, lines=(f"{error}.",)) from error
    if not is_platform(miss.source):
        raise RefusedError(f"{miss.source} is not a bookmaker that can be mapped.")
    if row is None:
        make = draft_of_players if of_players else draft
        return make(miss.source, miss.external_market_id, miss.market_name, miss.samples)
    named = parse_external_id(miss.external_market_id)
    known = {one.canonical_id: one for one in await evidence.read_suggestions(connection, key)}
    suggested = known.get(row.canonical_id)
    outcomes = suggested.outcomes if suggested is not None else {}
    try:
        if row.participant is not None:
            return extended_by_players(
                row._asdict(), miss.source, miss.external_market_id, miss.samples
            )
        return extended(
            row._asdict(), miss.source, named, outcomes if isinstance(outcomes, dict) else {}
        )
    except MappingError as error:
        faults = tuple(map(str, error.faults))
        words = f"This mapping cannot read the market: {'; '.join(faults)}"
        raise refused_input("into", words, "Not opened.") from error


@allowed("edit")
async def check(request: Request) -> Response:
    """What saving would do: faults, conflicts, what prices say, what becomes covered and what does not."""
    console, form = console_of(request), form_of(request)
    return await console.newest.answer(
        request, viewer_of(request).name, form.get("tab"), lambda: _checked(request, console, form)
    )


async def _checked(request: Request, console: Console, form: SentForm) -> Response:
    values: dict[str, Any] = {
        "refused": None,
        "tried": None,
        "readings": await _readings(console, form),
    }
    try:
        if form.get("draft") or await is_four_eyes(console):
            # Nobody can make the change to see what it does: it is looked at by reading alone.
            values["tried"] = await look_at(console, proposal_of(form))
        else:
            values["tried"] = await try_change(
                console,
                "edit",
                edit_of(form),
                actor=viewer_of(request).name,
                reason="tried in the console",
            )
    except RefusedError as error:
        values["refused"] = _refused_form(form, error)
    return HTMLResponse(render("editor_check.html", **values))


async def _readings(console: Console, form: SentForm) -> list[LineReading]:
    """What the form's line rule reads from the samples of its ids; nothing of a form that has faults."""
    try:
        mapping = mapping_of(form)
    except MappingError:
        return []
    markets = markets_of([mapping])
    if not markets:
        return []
    async with console.databases.reading() as connection:
        return line_readings(mapping, await misses.misses_of(connection, markets))


@allowed("edit")
async def pair(request: Request) -> Response:
    """Put the labels that were paired into the table: what the page's script does without asking."""
    form = form_of(request)
    try:
        fields = fields_of(values_of(form))
    except MappingError as faults:
        error = refused_mapping(faults, "The labels cannot be paired so.")
        return await _as_it_was_sent(request, form, as_sent(form), error)
    return await _as_it_was_sent(request, form, fields)


@allowed("edit")
async def save(request: Request) -> Response:
    """Save it as `unmapped map`, `mappings create`, `mappings update` or `drafts create` would."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    sent = dict(form)
    key, view = key_of(sent), view_of(sent)
    try:
        if form.get("draft"):
            return await _save_stored_draft(request, form)
        four_eyes = await is_four_eyes(console)
        if wants_draft(sent, four_eyes=four_eyes):
            order = order_of(sent, four_eyes=four_eyes)
            saved = await save_draft(
                console, proposal_of(form), order, actor=viewer, reason=form.get("reason")
            )
            where = f"/change-set?id={saved.change_set_id}"
            if key[0]:
                where = await next_path(request, view, key)
            return said(request, where, draft_notice(viewer, saved))
        again = await wanted_by(console, form)
        made = await make_change(
            console,
            "edit",
            edit_of(form),
            actor=viewer,
            reason=form.get("reason"),
            force=form.get("force") == "yes",
        )
    except StorageError as error:
        return await _as_it_was_sent(request, form, as_sent(form), not_answered(error))
    except RefusedError as error:
        return await _as_it_was_sent(request, form, as_sent(form), error)
    back = f"/mapping?id={made.change.canonical_id}"
    if key[0]:
        back = await next_path(request, view, key)
    lines = (
        *made.not_judged,
        *publish_again_after(console, again, made.change, viewer, form.get("reason")),
    )
    return said(request, back, change_notice(viewer, made.change, back, lines))


async def _save_stored_draft(request: Request, form: SentForm) -> Response:
    viewer = viewer_of(request).name
    number = whole(form.get("draft"))
    if number is None:
        raise RefusedError("There is no such draft.", 404)
    saved = await change_draft(
        console_of(request),
        number,
        lambda: mapping_of(form),
        _version(form),
        actor=viewer,
        reason=form.get("reason"),
    )
    notice = Notice(viewer, f"Draft {number} is changed. Propose the change set when it is ready.")
    return said(request, f"/change-set?id={saved.change_set_id}", notice)


def proposal_of(form: SentForm) -> ProposalOf:
    """The draft that a sent form asks for. Its faults come up when it runs."""
    key = key_of(dict(form))
    number = whole(form.get("draft"))

    async def proposal(connection: AsyncConnection) -> Proposal:
        keys = [key] if key[0] else list(read_markets(form.all("m")))
        if number is not None:
            keys = (await drafts.get_draft(connection, number)).keys
        return await proposal_for(
            connection,
            mapping_of(form),
            into=form.get("into"),
            version=_version(form),
            keys=keys,
        )

    return proposal


def _version(form: SentForm) -> int | None:
    """The version that the form changes: the one that was seen, or a newer one that was looked at since."""
    return whole(form.get("rebase")) or whole(form.get("version"))


async def _as_it_was_sent(
    request: Request, form: SentForm, fields: EditorFields, error: RefusedError | None = None
) -> Response:
    """The form with what was typed, and with what is wrong with it: nobody types it twice."""
    drafted = None
    async with console_of(request).databases.reading() as connection:
        into = form.get("into")
        row = await mappings.get(connection, into) if into else None
        if form.get("draft"):
            drafted = (await _stored_draft(connection, form.get("draft"))).drafted
    begun = EditorBeginning({}, row, drafted, read_markets(form.all("m")))
    return await _editor(request, fields, dict(form), begun, sent=form, error=error)


def _refused_form(form: SentForm, error: RefusedError) -> RefusedForm:
    """What is wrong, each fault of the mapping with the input that it is about."""
    if isinstance(error, RefusedMappingError):
        faults = faults_of_form(error.of_mapping, as_sent(form))
        error = RefusedError(error.sentence, error.status, faults=faults)
    return error.on_form("/edit", form)


def edit_of(form: SentForm) -> MappingEdit:
    """The operation that a sent form asks for. Its faults come up when it runs."""
    key, into = key_of(dict(form)), form.get("into")
    version = whole(form.get("version"))

    async def change(edit: Edit) -> AppliedChange:
        mapping = mapping_of(form)
        if key[0] and into:
            return await triage.map_as(edit, key, into, mapping, version)
        if key[0]:
            return await triage.map_new(edit, key, mapping)
        if into:
            return await editing.update(edit, into, lambda _: mapping, version)
        return await editing.create(edit, mapping)

    return change


async def _editor(
    request: Request,
    fields: EditorFields,
    query: Mapping[str, str],
    begun: EditorBeginning,
    *,
    sent: SentForm | None = None,
    error: RefusedError | None = None,
    refused: RefusedForm | None = None,
) -> Response:
    """The page of the form: as it begins, or as it was sent, with what is wrong with it."""
    row, drafted = begun.row, begun.drafted
    key, view = key_of(query), view_of(query)
    if drafted is not None and drafted.keys:
        key = drafted.keys[0]
    async with console_of(request).databases.reading() as connection:
        names = await mappings.canonical_ids(connection, limit=_MOST_NAMES)
        policy = await sets.read_policy(connection)
        open_sets = await open_sets_of(connection, viewer_of(request).name)
        seen = await read_sightings(connection, fields)
        reasons = await audit.recent_reasons(connection)
        known = await _known_of(connection, key)
    loose = await loose_labels(fields, seen)
    meaning = await asyncio.to_thread(shipped_meaning, fields.canonical_id)
    derived = await asyncio.to_thread(derived_verdicts, meaning, fields.outcome_names)
    hidden = parse_qsl(view.query(source=key[0], market=key[1])) if key[0] else []
    if begun.markets:
        hidden = [*parse_qsl(view.query()), *(("m", market_text(one)) for one in begun.markets)]
    if sent is not None and error is not None:
        refused = _refused_form(sent, error)
    kept = None if sent is None else refused or RefusedForm("/edit", sent, "", ())
    chosen = () if sent is None else zip(*map(sent.all, PAIR_NAMES), strict=False)
    base, name = (None, "") if row is None else (row.version, row.canonical_id)
    if drafted is not None:
        base, name = drafted.base_version, drafted.canonical_id
        hidden.append(("draft", str(drafted.id)))
    if base is not None:
        # Of a form that was sent, the version is the one that its sender saw.
        hidden += [("into", name), ("version", query.get("version") or str(base))]
    return page(
        request,
        "editor.html",
        refused=refused,
        form=FormState("/edit", kept),
        fields=fields,
        places={
            **{
                str(at): one.canonical_id
                for at, one in enumerate(fields.outcomes)
                if one.canonical_id
            },
            NEW_ROW: "a new outcome",
        },
        pairs={(column, label): place for place, column, label in chosen},
        hidden=hidden,
        row=row,
        drafted=drafted,
        key=key,
        markets=begun.markets,
        known=known,
        view=view,
        back=_back(view, key, begun),
        names=names,
        four_eyes=policy.four_eyes,
        loose=loose,
        recent_reasons=reasons,
        open_sets={str(one.id): f"{one.id} {one.name or ''}".strip() for one in open_sets},
        columns=ID_COLUMNS,
        labels=LABEL_COLUMNS,
        kinds=COLUMN_KINDS,
        sports=SPORTS,
        phases=PHASES,
        participants=PARTICIPANT_KINDS,
        words=WORD_FIELDS,
        verdicts=VERDICT_FIELDS,
        settlements=SETTLEMENTS,
        derived=derived,
        choices=FURTHER_CHOICES,
        is_contradicted=isinstance(error, ContradictedError),
        reason=query.get("reason", ""),
        tab=secrets.token_hex(8),
        newer=row.version if drafted and row and row.version != base else None,
    )


async def _known_of(connection: AsyncConnection, key: QueueKey) -> dict[str, Any] | None:
    """What its case shows of the market that the form is for; None where there is none any more."""
    if not key[0]:
        return None
    try:
        return known_of(await read_case(connection, key))
    except UnknownMiss:
        return None


def _back(view: QueueView, key: QueueKey, begun: EditorBeginning) -> str:
    if begun.drafted is not None:
        return f"/change-set?id={begun.drafted.change_set_id}"
    if key[0]:
        return case_path(view, key)
    if begun.markets:
        return f"/queue?{view.query()}"
    return (
        "/mappings"
        if begun.row is None
        else f"/mapping?{urlencode({'id': begun.row.canonical_id})}"
    )


ROUTES: Final = [
    Route("/edit", show, methods=["GET"]),
    Route("/edit", save, methods=["POST"]),
    Route("/edit/check", check, methods=["POST"]),
    Route("/edit/pair", pair, methods=["POST"]),
]
