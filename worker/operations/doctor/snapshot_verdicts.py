"""What to say of snapshots that are held, and of those that a login may not see. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.operations.doctor.findings import Finding, fine, warning
from worker.storage.access.snapshots import HiddenTransaction, SnapshotHolder, Snapshots

# What `pg_dump` of these tables takes; beyond the number of transactions a batch takes visibly longer.
LONG_S: Final = 300.0
MANY_TRANSACTIONS: Final = 10_000

_MOST_NAMED: Final = 3
_EFFECT: Final = "dead rows stay, and counting slows down"


def judge_snapshots(
    look: Snapshots, lasting: Sequence[HiddenTransaction], between_s: float, login: str
) -> list[Finding]:
    """``lasting`` are the hidden transactions that were open in two looks, ``between_s`` apart."""
    old = [holder for holder in look.holders if is_old(holder, look)]
    found = [
        warning(
            "snapshots",
            f"{holder} holds a snapshot, {holder.transactions:,} transactions old: {_EFFECT}",
            _remedy(holder),
        )
        for holder in old[:_MOST_NAMED]
    ]
    if len(old) > _MOST_NAMED:
        more = f"{len(old) - _MOST_NAMED} more hold an old snapshot"
        found.append(warning("snapshots", more, "end the oldest first, and run this again"))
    if lasting:
        found.append(_not_visible(lasting, between_s, login))
    return found or [fine("snapshots", _all_well(look, between_s))]


def is_old(holder: SnapshotHolder, look: Snapshots) -> bool:
    """A slot that nobody uses does no harm before much has been changed: it counts by transactions alone."""
    if holder.transactions >= MANY_TRANSACTIONS:
        return True
    if holder.kind == "slot" or holder.since is None:
        return False
    return (look.now - holder.since).total_seconds() >= LONG_S


def _remedy(holder: SnapshotHolder) -> str:
    quoted = "'" + holder.name.replace("'", "''") + "'"
    match holder.kind:
        case "session":
            return (
                "is it at work? If not, as an administrator:"
                f" SELECT pg_terminate_backend({holder.name})"
            )
        case "prepared":
            return f"as its owner: COMMIT PREPARED {quoted} or ROLLBACK PREPARED {quoted}"
        case "slot":
            return (
                "start its consumer; if that is gone for good, as an administrator:"
                f" SELECT pg_drop_replication_slot({quoted})"
            )


def _not_visible(lasting: Sequence[HiddenTransaction], between_s: float, login: str) -> Finding:
    named = "; ".join(map(str, lasting[:_MOST_NAMED]))
    more = f" and {len(lasting) - _MOST_NAMED} more" if len(lasting) > _MOST_NAMED else ""
    message = (
        f"{named}{more}: a transaction is open for more than {between_s:g} s;"
        f" {login} may not see since when, and what snapshot it holds"
    )
    return warning(
        "snapshots",
        message,
        f"as an administrator: GRANT pg_read_all_stats TO {login}; run this again",
    )


def _all_well(look: Snapshots, between_s: float) -> str:
    oldest = look.holders[0].transactions if look.holders else 0
    seen = f"none is held for long: the oldest is {oldest:,} transactions old"
    if look.hidden_sessions == 1:
        seen += f"; 1 session of other logins is hidden, and has no transaction {_open(look, between_s)}"
    elif look.hidden_sessions:
        others = f"{look.hidden_sessions} sessions of other logins are hidden"
        seen += f"; {others}, and none has a transaction {_open(look, between_s)}"
    if look.hidden_standbys:
        seen += f"; not visible: {look.hidden_standbys} standby without a slot, by its feedback"
    return seen


def _open(look: Snapshots, between_s: float) -> str:
    """What two looks have shown if the first saw a transaction, and one look otherwise."""
    return f"open for {between_s:g} s" if look.hidden else "open"
