"""Changes of mappings from a page: by the operations that the commands use, with the same checks.

A change is made in two steps, as the commands make it. It is made once and taken back, and the prices of the
last events are compared with what it leads to; then it is made again, and refused if it leads to something
else by now. The comparison takes seconds of CPU: it runs in a thread, and holds no lock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple, TypeVar

from worker.console.context import Console, RefusedError, without_reason
from worker.console.faults import ChangeFault
from worker.console.sign_in.people import Permission
from worker.console.waited import in_thread
from worker.domain.conflicts import Rivalry
from worker.domain.mapping import Mapping, MappingError
from worker.operations.drafts.drafting import NothingToChangeError
from worker.operations.mappings.changing import ChangedMeanwhileError
from worker.operations.mappings.editing import AppliedChange, ConflictError, NoSuchStateError
from worker.operations.mappings.price_verdicts import (
    MOST_EVENTS,
    PriceComparison,
    PriceVerdict,
    active_mappings,
    compare_prices,
    contradictions,
    is_same_mapping,
    not_judged,
)
from worker.operations.unmapped.triage import NoSuggestionError, NotCoveredError
from worker.storage import mappings as stored_mappings
from worker.storage.changes.drafts import UnknownDraft
from worker.storage.changes.sets import UnknownChangeSet
from worker.storage.editing import DuplicateCanonicalId, Edit, StaleVersion, UnknownMapping, editing
from worker.storage.errors import StorageRefused
from worker.storage.insight import evidence
from worker.storage.misses import UnknownMiss

Result = TypeVar("Result")
# What somebody decides about is not there, or not any more.
GONE: Final = (
    *(UnknownMapping, UnknownMiss, UnknownDraft, UnknownChangeSet),
    *(NoSuggestionError, NoSuchStateError),
)
MappingEdit = Callable[[Edit], Awaitable[AppliedChange]]


class TriedChange(NamedTuple):
    """A change that was made and taken back: what it did, all mappings after it, and what prices say."""

    change: AppliedChange
    active: dict[str, Mapping]
    prices: PriceComparison

    @property
    def contradictions(self) -> Sequence[str]:
        return contradictions(self.prices.verdicts)


class MadeChange(NamedTuple):
    """A change that was made, and what was compared before it."""

    change: AppliedChange
    verdicts: Sequence[PriceVerdict]

    @property
    def not_judged(self) -> Sequence[str]:
        return not_judged(self.verdicts)


class RefusedMappingError(RefusedError):
    """A mapping cannot be as it was sent; the editor shows each fault at its input."""

    def __init__(
        self,
        sentence: str,
        status: int = HTTPStatus.BAD_REQUEST,
        *,
        of_mapping: Sequence[ChangeFault],
    ) -> None:
        super().__init__(sentence, status, lines=tuple(one.words for one in of_mapping))
        self.of_mapping = of_mapping


class ContradictedError(RefusedError):
    """The prices contradict a change; it can be made nevertheless, with a reason."""


async def try_change(
    console: Console, permission: Permission, edit: MappingEdit, *, actor: str, reason: str
) -> TriedChange:
    """Make a change, take it back, and say what prices say about it. Raises RefusedError."""

    async def attempt(
        one: Edit,
    ) -> tuple[AppliedChange, dict[str, Mapping], dict[str, Mapping]]:
        before = await active_mappings(one)
        done = await edit(one)
        return done, before, {} if done.action == "NONE" else await active_mappings(one)

    done, before, active = await _run(
        console, permission, attempt, actor=actor, reason=reason, dry_run=True
    )
    if done.canonical_id not in active:
        return TriedChange(done, active, PriceComparison())
    async with console.databases.reading() as connection:
        events = await evidence.read_events(connection, MOST_EVENTS)
    if not events:
        return TriedChange(done, active, PriceComparison())
    prices = await in_thread(partial(compare_prices, events, before, active, {done.canonical_id}))
    return TriedChange(done, active, prices)


async def make_change(
    console: Console,
    permission: Permission,
    edit: MappingEdit,
    *,
    actor: str,
    reason: str,
    force: bool = False,
) -> MadeChange:
    """Compare prices, then make a change. Raises RefusedError, ContradictedError unless it is forced."""
    if not reason.strip():
        raise without_reason()
    tried = await try_change(console, permission, edit, actor=actor, reason=reason)
    if tried.contradictions and not force:
        raise ContradictedError(
            "The prices contradict it; nothing was changed.",
            HTTPStatus.CONFLICT,
            lines=tuple(tried.contradictions),
        )
    name = tried.change.canonical_id
    expected = tried.active.get(name)

    async def as_tried(one: Edit) -> AppliedChange:
        done = await edit(one)
        if expected is not None:
            row = await stored_mappings.get(one.connection, name)
            if row is None or not is_same_mapping(row, expected):
                raise ChangedMeanwhileError(f"{name} was changed while its prices were compared")
        return done

    done = await _run(console, permission, as_tried, actor=actor, reason=reason, dry_run=False)
    console.metrics.decided()
    await console.live.changed_here()
    return MadeChange(done, tried.prices.verdicts)


async def make_unchecked(
    console: Console, permission: Permission, edit: MappingEdit, *, actor: str, reason: str
) -> AppliedChange:
    """Make a change without comparing prices: one that goes back to what was there. Raises RefusedError."""
    done = await _run(console, permission, edit, actor=actor, reason=reason, dry_run=False)
    console.metrics.decided()
    await console.live.changed_here()
    return done


async def _run(
    console: Console,
    permission: Permission,
    change: Callable[[Edit], Awaitable[Result]],
    *,
    actor: str,
    reason: str,
    dry_run: bool,
) -> Result:
    engine = console.databases.deciding(permission)
    with refusals():
        async with editing(engine, actor=actor, reason=reason or "tried", dry_run=dry_run) as edit:
            return await change(edit)


@contextmanager
def refusals() -> Iterator[None]:
    """Say in words why a change or a draft was refused."""
    try:
        yield
    except MappingError as error:
        raise refused_mapping(error) from error
    except ConflictError as error:
        raise conflict(error.rivalries) from error
    except DuplicateCanonicalId as error:
        raise RefusedMappingError(
            "Somebody else was first; nothing was changed.",
            HTTPStatus.CONFLICT,
            of_mapping=[ChangeFault(f"{error}.", "canonical_id")],
        ) from error
    except (StaleVersion, ChangedMeanwhileError) as error:
        advice = error.advice if isinstance(error, StaleVersion) else ""
        raise RefusedError(
            "Somebody else was first; nothing was changed.",
            HTTPStatus.CONFLICT,
            lines=tuple(filter(None, (f"{error}.", advice))),
        ) from error
    except GONE as error:
        raise RefusedError(
            "It is not there any more; nothing was changed.",
            HTTPStatus.NOT_FOUND,
            lines=(f"{error}.",),
        ) from error
    except (NotCoveredError, NothingToChangeError, StorageRefused) as error:
        raise RefusedError(
            "Nothing was changed.", HTTPStatus.CONFLICT, lines=(f"{error}.",)
        ) from error


def refused_mapping(
    error: MappingError, sentence: str = "The mapping cannot be used; nothing was changed."
) -> RefusedMappingError:
    """The refusal of a mapping that has faults."""
    return RefusedMappingError(
        sentence, of_mapping=[ChangeFault(str(one), one.field) for one in error.faults]
    )


def conflict(found: Sequence[Rivalry]) -> RefusedMappingError:
    """The refusal of a mapping that claims what another one claims."""
    rivals = [ChangeFault(str(one), market=(one.platform, one.market_id)) for one in found]
    return RefusedMappingError(
        "It claims what another mapping claims; nothing was changed.",
        HTTPStatus.CONFLICT,
        of_mapping=[
            *rivals,
            ChangeFault("Change a label, a line rule or a priority of one."),
        ],
    )
