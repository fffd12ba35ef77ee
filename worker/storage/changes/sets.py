"""Change sets: named groups of proposed changes, from the first draft to the approval and the revert.

Theory of operation. A change set is DRAFT, PROPOSED, SENT_BACK, WITHDRAWN, APPROVED or REVERTED. Which step
is legal, who took it, and whether four eyes have seen it, is the business of the database: a trigger
decides, for those who use plain SQL as well. An illegal step raises StorageRefused, and nothing is changed.

A change that nobody proposed, such as one by `marketmap mappings update`, is recorded as a change set too:
the audit trigger adds one for each transaction that changes mappings. It is direct, and has been APPROVED
from the start. So the change sets are all changes since there are change sets, with one number each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypedDict, Unpack

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.audit import AuditRow
from worker.storage.changes import sets_sql as sql
from worker.storage.errors import driver_errors_translated
from worker.storage.mappings_sql import SIGN

ChangeState = Literal["DRAFT", "PROPOSED", "SENT_BACK", "WITHDRAWN", "APPROVED", "REVERTED"]
STATES: Final[tuple[ChangeState, ...]] = (
    "DRAFT",
    "PROPOSED",
    "SENT_BACK",
    "WITHDRAWN",
    "APPROVED",
    "REVERTED",
)
# Those that somebody still has to do something about.
OPEN_STATES: Final[tuple[ChangeState, ...]] = ("DRAFT", "PROPOSED", "SENT_BACK")
# Those in which drafts may be added, changed and removed.
EDITABLE_STATES: Final[tuple[ChangeState, ...]] = ("DRAFT", "SENT_BACK", "WITHDRAWN")
LONGEST_NAME: Final = 200
LONGEST_TEXT: Final = 2000
# The number of newest change sets in which a text is looked for first.
_NEWEST: Final = 5000


class ChangeSet(NamedTuple):
    """A change set. `revision` counts how often it was proposed: a reviewer decides about one of them.

    A direct one has no name and no drafts. `actor` and `login` are who wrote it, `decided_*` who approved
    it, sent it back or withdrew it. `drafts` is how many it holds; `versions` how many versions of mappings
    it made, the last of them `last_version`, and `canonical_id` the first mapping of those by name.
    `forced` is why it was approved although prices contradict it. `reverted_by` is the newest change set
    that takes it back: in whole if this one is REVERTED, else in part. `authors` are the names and logins of
    all who ever wrote in it or proposed it; where four eyes are required, none of them approves it.
    """

    id: int
    name: str | None
    reason: str | None
    state: ChangeState
    is_direct: bool
    reverts: int | None
    revision: int
    actor: str
    login: str
    created_at: datetime
    proposed_at: datetime | None
    proposed_by: str | None
    proposed_login: str | None
    decided_at: datetime | None
    decided_by: str | None
    decided_login: str | None
    forced: str | None
    drafts: int
    versions: int
    last_version: int | None
    canonical_id: str | None
    reverted_by: int | None
    authors: Sequence[str] = ()


class Comment(NamedTuple):
    """What somebody said about a change set."""

    id: int
    change_set_id: int
    comment: str
    actor: str
    login: str
    created_at: datetime


class ReviewPolicy(NamedTuple):
    """Whether four eyes are required, and who decided so; nobody did while the others are None."""

    four_eyes: bool = False
    reason: str | None = None
    actor: str | None = None
    login: str | None = None
    created_at: datetime | None = None


class ChangeSetFilters(TypedDict, total=False):
    """The filters of a list; a change set has to satisfy all that are given.

    `states` None is all; `person` wrote, proposed or decided it; `canonical_id` is a mapping that it changes;
    `containing` is a text in the name or the reason; `before` is a number: older ones.
    """

    states: Collection[str] | None
    person: str | None
    canonical_id: str | None
    containing: str
    before: int | None


class UnknownChangeSet(LookupError):  # noqa: N818 (it names what was found: nothing)
    """There is no change set of that number."""

    def __init__(self, change_set_id: int) -> None:
        super().__init__(f"there is no change set {change_set_id}")
        self.change_set_id = change_set_id


async def list_change_sets(
    connection: AsyncConnection, *, limit: int = 50, **filters: Unpack[ChangeSetFilters]
) -> Sequence[ChangeSet]:
    """Return the newest change sets for which all filters hold, the newest first.

    A frequent text is soon found among the newest ones of all, and a rare one by its index. One that is
    too short for the index is looked for in all of them.
    """
    predicates, values = _filtered(**filters)
    values |= {"limit": limit}
    if len(filters.get("containing", "")) < sql.SHORTEST_KEY:
        return await _read(connection, sql.list_of(predicates), values)
    newest = sql.list_of_newest(predicates)
    found = await _read(connection, newest, values | {"window": _NEWEST})
    if len(found) < limit:
        await _read_tables(connection, is_allowed=False)
        found = await _read(connection, sql.list_by_keys(predicates), values)
        await _read_tables(connection, is_allowed=True)
    return found


async def _read_tables(connection: AsyncConnection, *, is_allowed: bool) -> None:
    """Allow the planner to read a table from end to end, or let it take an index in any case."""
    with driver_errors_translated():
        await connection.execute(sql.READ_TABLES, {"value": "on" if is_allowed else "off"})


async def _read(
    connection: AsyncConnection, statement: TextClause, values: dict[str, Any]
) -> Sequence[ChangeSet]:
    with driver_errors_translated():
        return [ChangeSet(*row) for row in await connection.execute(statement, values)]


async def count_change_sets(
    connection: AsyncConnection, **filters: Unpack[ChangeSetFilters]
) -> int:
    """Return how many change sets `list_change_sets` would list without a limit."""
    predicates, values = _filtered(**filters)
    with driver_errors_translated():
        return int(await connection.scalar(sql.count_of(predicates), values) or 0)


def _filtered(**filters: Unpack[ChangeSetFilters]) -> tuple[Sequence[str], dict[str, Any]]:
    """The predicates of the filters that are given, and their parameters."""
    states = filters.get("states")
    of_each: dict[str, tuple[str, Any]] = {
        "states": (sql.STATES, None if states is None else list(states)),
        "person": (sql.PERSON, filters.get("person")),
        "canonical_id": (sql.CANONICAL_ID, filters.get("canonical_id")),
        "containing": (sql.CONTAINING, filters.get("containing") or None),
        "before": (sql.BEFORE, filters.get("before")),
    }
    given = {name: one for name, one in of_each.items() if one[1] is not None}
    predicates = [predicate for predicate, _ in given.values()]
    return predicates, {name: value for name, (_, value) in given.items()}


async def get_change_set(connection: AsyncConnection, change_set_id: int) -> ChangeSet:
    """Return one change set. Raises UnknownChangeSet."""
    with driver_errors_translated():
        row = (await connection.execute(sql.GET, {"id": change_set_id})).one_or_none()
    if row is None:
        raise UnknownChangeSet(change_set_id)
    return ChangeSet(*row)


async def lock_change_set(connection: AsyncConnection, change_set_id: int) -> ChangeSet:
    """Return one change set that nobody else changes until this transaction ends. Raises UnknownChangeSet."""
    with driver_errors_translated():
        await connection.execute(sql.LOCK, {"id": change_set_id})
    return await get_change_set(connection, change_set_id)


async def create_change_set(
    connection: AsyncConnection,
    name: str,
    *,
    actor: str,
    reason: str,
    reverts: int | None = None,
) -> int:
    """Open a change set and return its number. Raises StorageRefused for a name or a reason out of bounds."""
    values = {"name": name, "reason": reason, "reverts": reverts}
    with driver_errors_translated():
        await sign(connection, actor, reason)
        return int(await connection.scalar(sql.CREATE, values) or 0)


async def rename_change_set(
    connection: AsyncConnection, change_set_id: int, name: str, *, actor: str, reason: str
) -> None:
    """Change its name and its reason, while it can be edited. Raises StorageRefused."""
    with driver_errors_translated():
        await sign(connection, actor, reason)
        await connection.execute(sql.RENAME, {"id": change_set_id, "name": name, "reason": reason})


async def move_change_set(
    connection: AsyncConnection,
    change_set_id: int,
    state: ChangeState,
    *,
    actor: str,
    forced: str | None = None,
) -> None:
    """Take it to another state, signed. Raises StorageRefused for a step that is not legal."""
    with driver_errors_translated():
        await sign(connection, actor, "")
        await connection.execute(sql.MOVE, {"id": change_set_id, "state": state, "forced": forced})


async def versions_of(
    connection: AsyncConnection, change_set_id: int, *, limit: int | None = None
) -> Sequence[AuditRow]:
    """Return every change that a change set made, or the first ones; none before it is approved."""
    with driver_errors_translated():
        rows = await connection.execute(sql.VERSIONS, {"id": change_set_id, "limit": limit})
        return [AuditRow.read(row) for row in rows]


async def add_comment(
    connection: AsyncConnection, change_set_id: int, comment: str, *, actor: str
) -> None:
    """Say something about a change set. Raises StorageRefused for a comment out of bounds."""
    with driver_errors_translated():
        await sign(connection, actor, comment)
        await connection.execute(sql.COMMENT, {"id": change_set_id, "comment": comment})


async def read_comments(connection: AsyncConnection, change_set_id: int) -> Sequence[Comment]:
    """Return what was said about it, oldest first."""
    with driver_errors_translated():
        rows = await connection.execute(sql.COMMENTS, {"id": change_set_id})
        return [Comment(*row) for row in rows]


async def read_policy(connection: AsyncConnection) -> ReviewPolicy:
    """Return whether four eyes are required."""
    with driver_errors_translated():
        row = (await connection.execute(sql.POLICY)).one_or_none()
    return ReviewPolicy() if row is None else ReviewPolicy(*row)


async def set_policy(
    connection: AsyncConnection, *, four_eyes: bool, actor: str, reason: str
) -> None:
    """Require four eyes from now on, or no longer."""
    with driver_errors_translated():
        await sign(connection, actor, reason)
        await connection.execute(sql.SET_POLICY, {"four_eyes": four_eyes, "reason": reason})


async def sign(connection: AsyncConnection, actor: str, reason: str) -> None:
    """Name who does what follows in this transaction, and why; the triggers read it."""
    await connection.execute(SIGN, {"actor": actor, "reason": reason})
