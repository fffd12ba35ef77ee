"""Alarms: raised by the insight process, decided about by editors.

Most are on mappings that the odds contradict: other bookmakers' odds or the goal model, which say what the
mapping is instead; or, of kind `proof`, the bookmaker's own. Those of kind `drift` are on the form of what a
bookmaker sends.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated
from worker.storage.insight import alarms_sql as sql
from worker.storage.mappings_sql import SIGN

AlarmStatus = Literal["OPEN", "ACKNOWLEDGED", "CLOSED"]
STATUSES: Final[tuple[AlarmStatus, ...]] = ("OPEN", "ACKNOWLEDGED", "CLOSED")
UNDECIDED: Final[tuple[AlarmStatus, ...]] = ("OPEN", "ACKNOWLEDGED")
# Who closes an alarm when its mapping has changed or the odds agree.
PROCESS: Final = "marketmap-insight"
# What a bookmaker sends may hold any number of labels, of any length. A mapping is repaired by what is
# stored: no other assignment of its labels has more of them, and no mapping a longer one.
MOST_LABELS: Final = 100
LONGEST_LABEL: Final = 255
LONGEST_REASON: Final = 2000


class StoredAlarm(NamedTuple):
    """An alarm. ``canonical_id_instead`` and ``outcomes_instead`` explain the odds better.

    One of kind `proof` has neither, and no distances: it says that the mapping is wrong, not what is right.
    One of kind `drift` is about no mapping: it has a ``sign``, and the hours in which the sign was seen.
    """

    id: int
    canonical_id: str | None
    platform: str
    version: int | None
    kind: str
    present: float | None
    better: float | None
    events: int
    canonical_id_instead: str | None
    outcomes_instead: Any
    reason: str
    status: str
    raised_at: datetime
    updated_at: datetime
    status_actor: str | None
    status_reason: str | None
    status_changed_at: datetime | None
    status_login: str | None
    sign: str | None
    first_hour: datetime | None
    last_hour: datetime | None

    @property
    def about(self) -> str:
        """The mapping, or what is another form now."""
        return self.canonical_id or f"form: {(self.sign or '').replace('_', ' ')}"


class OpenAlarms(NamedTuple):
    """How many alarms nobody has decided about: on mappings, and on the form of observations."""

    mappings: int
    drift: int


class StoredDrift(NamedTuple):
    """What an alarm on the form says of the past; a settled one was closed by a person."""

    sign: str
    first_hour: datetime
    last_hour: datetime
    is_open: bool
    is_settled: bool


class UnknownAlarm(LookupError):  # noqa: N818 (it names what was found: nothing)
    """There are no alarms of these ids."""


async def raise_alarm(connection: AsyncConnection, values: Mapping[str, Any]) -> bool:
    """Store an alarm; return whether it is new. Raised again it is refreshed, and its status stays."""
    parameters = {
        **values,
        "outcomes_instead": json.dumps(bounded_labels(values["outcomes_instead"])),
        "reason": _bounded(values["reason"], LONGEST_REASON),
    }
    with driver_errors_translated():
        await _sign_session(connection, "the odds contradict it again")
        row = (await connection.execute(sql.RAISE, {**parameters, "actor": PROCESS})).one_or_none()
        return row is not None and bool(row.is_new)


async def raise_proof(connection: AsyncConnection, values: Mapping[str, Any]) -> bool | None:
    """Store an alarm by proof; return whether it is new, None if nothing was written.

    Another alarm on the mapping stays as it is until it is closed.
    """
    parameters = {**values, "reason": _bounded(values["reason"], LONGEST_REASON)}
    with driver_errors_translated():
        await _sign_session(connection, "its own prices contradict it again")
        found = await connection.execute(sql.RAISE_PROOF, {**parameters, "actor": PROCESS})
        row = found.one_or_none()
        return None if row is None else bool(row.is_new)


async def close_outdated(connection: AsyncConnection, versions: Mapping[str, int]) -> int:
    """Close the alarms on versions of mappings that are no longer in use; return how many."""
    with driver_errors_translated():
        await _sign_session(connection, "the mapping was changed")
        closed = await connection.execute(sql.CLOSE_OTHERS, {"versions": json.dumps(versions)})
        return len(closed.all())


async def close_agreeing(connection: AsyncConnection, mappings: Iterable[tuple[str, str]]) -> int:
    """Close the alarms on mappings that the odds no longer contradict; return how many. None is by proof."""
    return await _close(
        connection, mappings, is_proof=False, reason="the odds no longer contradict it"
    )


async def close_unproved(connection: AsyncConnection, mappings: Iterable[tuple[str, str]]) -> int:
    """Close the alarms by proof on mappings that their own prices no longer contradict; return how many."""
    return await _close(
        connection, mappings, is_proof=True, reason="its own prices no longer contradict it"
    )


async def _close(
    connection: AsyncConnection,
    mappings: Iterable[tuple[str, str]],
    *,
    is_proof: bool,
    reason: str,
) -> int:
    given = sorted(mappings)
    names, platforms = [name for name, _ in given], [platform for _, platform in given]
    with driver_errors_translated():
        await _sign_session(connection, reason)
        closed = await connection.execute(
            sql.CLOSE_AGREEING,
            {"canonical_ids": names, "platforms": platforms, "is_proof": is_proof},
        )
        return len(closed.all())


async def list_drift(
    connection: AsyncConnection, platform: str, since: datetime
) -> Sequence[StoredDrift]:
    """Return the alarms on a bookmaker's form that are open, or had the sign at this time or later."""
    parameters = {"platform": platform, "since": since, "process": PROCESS}
    with driver_errors_translated():
        return [StoredDrift(*row) for row in await connection.execute(sql.LIST_DRIFT, parameters)]


async def raise_drift(
    connection: AsyncConnection,
    *,
    platform: str,
    sign: str,
    hour: datetime,
    events: int,
    reason: str,
) -> bool:
    """Store an alarm on a bookmaker's form; return whether it is new. One that is not closed goes on."""
    parameters = {"platform": platform, "sign": sign, "hour": hour, "events": events}
    with driver_errors_translated():
        await _sign_session(connection, "the form has changed again")
        found = await connection.execute(
            sql.RAISE_DRIFT,
            {**parameters, "reason": _bounded(reason, LONGEST_REASON), "process": PROCESS},
        )
        return found.one_or_none() is not None


async def close_drift(
    connection: AsyncConnection, platform: str, signs: Collection[str], hour: datetime
) -> int:
    """Close the alarms on a bookmaker's form with a sign that this hour has no more; return how many."""
    with driver_errors_translated():
        await _sign_session(connection, "the form is as before")
        closed = await connection.execute(
            sql.CLOSE_DRIFT, {"platform": platform, "signs": sorted(signs), "hour": hour}
        )
        return len(closed.all())


async def list_alarms(
    connection: AsyncConnection,
    *,
    statuses: Collection[str] = UNDECIDED,
    platform: str | None = None,
    kind: str | None = None,
    containing: str = "",
    limit: int = 30,
) -> tuple[Sequence[StoredAlarm], int]:
    """Return the alarms for which all filters hold, the newest first, and how many there are in all."""
    filters = {
        "statuses": list(statuses),
        "platform": platform,
        "kind": kind,
        "containing": containing,
    }
    with driver_errors_translated():
        rows = await connection.execute(sql.LIST, {**filters, "limit": limit})
        found = [StoredAlarm(*row) for row in rows]
        return found, int(await connection.scalar(sql.COUNT, filters) or 0)


async def count_open(connection: AsyncConnection) -> OpenAlarms:
    """Return how many alarms nobody has decided about."""
    with driver_errors_translated():
        return OpenAlarms(*(await connection.execute(sql.COUNT_OPEN)).one())


async def get_alarms(connection: AsyncConnection, ids: Collection[int]) -> Sequence[StoredAlarm]:
    """Return these alarms. Raises UnknownAlarm."""
    with driver_errors_translated():
        found = [StoredAlarm(*row) for row in await connection.execute(sql.GET, {"ids": list(ids)})]
    if unknown := sorted(set(ids) - {one.id for one in found}):
        raise UnknownAlarm(f"there is no alarm {', '.join(map(str, unknown))}")
    return found


async def change_alarms(
    connection: AsyncConnection,
    ids: Collection[int],
    status: AlarmStatus,
    *,
    actor: str,
    reason: str,
) -> Sequence[int]:
    """Set the status of alarms; return which had another. Raises UnknownAlarm."""
    await get_alarms(connection, ids)
    with driver_errors_translated():
        await connection.execute(SIGN, {"actor": actor, "reason": reason})
        changed = await connection.execute(sql.CHANGE, {"ids": list(ids), "status": status})
        return sorted(row.id for row in changed)


def bounded_labels(outcomes: Mapping[str, str]) -> dict[str, str]:
    """The outcomes of the first labels, in the order of these; of a long label its beginning."""
    kept = sorted(outcomes.items())[:MOST_LABELS]
    return {_bounded(label, LONGEST_LABEL): outcome for label, outcome in kept}


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


async def _sign_session(connection: AsyncConnection, reason: str) -> None:
    await connection.execute(sql.SIGN_SESSION, {"actor": PROCESS, "reason": reason})
