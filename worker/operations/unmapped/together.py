"""One mapping of several missed markets, which bookmakers sell under ids and labels of their own. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from worker.domain.books.platforms import is_platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.draft import draft
from worker.domain.labels import fold
from worker.domain.mapping import MappingError, MappingFault
from worker.domain.scope import Scope, parse_external_id
from worker.operations.unmapped.extending import MappingState
from worker.storage.misses import QueuedMiss


def drafted_together(missed: Sequence[QueuedMiss]) -> MappingState:
    """The JSON form of a mapping that reads all these markets, at least one; an editor finishes it.

    Its name and outcomes are those of the first market. A label of another one goes to the outcome that has
    the same label elsewhere; a label that fits none is left out. The first id of each bookmaker is in its
    column, any other is a further one.

    Raises MappingError for markets of several sports, or of nobody that can be mapped.
    """
    sold = [(one.source, one) for one in missed if is_platform(one.source)]
    if len(sold) < len(missed):
        strange = next(one.source for one in missed if not is_platform(one.source))
        reason = "is not a bookmaker that can be mapped"
        raise MappingError([MappingFault("platform", abbreviate(strange), reason)])
    scope = _scope(missed)
    made = [
        draft(platform, one.external_market_id, one.market_name, one.samples)
        for platform, one in sold
    ]
    state = made[0] | {
        **dict.fromkeys(ID_COLUMNS.values()),
        "line_rule": next((rule for one in made if (rule := _kind(one))), None),
        "scope": None if scope.is_default else scope._asdict(),
    }
    further: list[MappingState] = []
    for (platform, miss), one in zip(sold, made, strict=True):
        _pair(state, one, LABEL_COLUMNS[platform])
        entry = _further(miss, one, scope)
        column = ID_COLUMNS[platform]
        if scope.is_default and state[column] is None and "phase" not in entry:
            state[column] = entry["id"]
            if fixed := entry.get("fixed"):
                rule = state["line_rule"] or {}
                known = rule.get("fixed") or {}
                state["line_rule"] = rule | {"fixed": known | {platform: fixed}}
        elif entry not in further:
            further.append(entry)
    return state | {"also": further or None}


def _scope(missed: Sequence[QueuedMiss]) -> Scope:
    """What all are of: one sport, and one phase or both."""
    names = [parse_external_id(one.external_market_id) for one in missed]
    sports = sorted({one.sport for one in names})
    if len(sports) > 1:
        reason = "a mapping is for one sport"
        raise MappingError([MappingFault("scope.sport", abbreviate(", ".join(sports)), reason)])
    phases = {one.phase or "both" for one in names}
    return Scope(sports[0], phases.pop() if len(phases) == 1 else "both")


def _kind(made: MappingState) -> MappingState | None:
    """The kind of line that a draft has, without the specifiers of its bookmaker."""
    kind = (made["line_rule"] or {}).get("kind")
    return {"kind": kind} if kind else None


def _further(miss: QueuedMiss, made: MappingState, scope: Scope) -> MappingState:
    named = parse_external_id(miss.external_market_id)
    own = made.get("also") or [{}]
    fixed = own[0].get("fixed") or ((made["line_rule"] or {}).get("fixed") or {}).get(miss.source)
    entry: MappingState = {"platform": miss.source, "id": named.market_id, "active": True}
    if fixed:
        entry["fixed"] = fixed
    if named.phase not in (None, scope.phase):
        entry["phase"] = named.phase
    return entry


def _pair(state: MappingState, made: MappingState, column: str) -> None:
    """Put labels into the rows that have the same label, of any bookmaker, or its outcome."""
    for other in made["outcome_mapping"]:
        label = other[column]
        for row in state["outcome_mapping"]:
            labels = [row[one] for one in LABEL_COLUMNS.values() if row[one] is not None]
            is_same = fold(label) in map(fold, labels)
            if (is_same or row["canonical_id"] == other["canonical_id"]) and row[column] is None:
                row[column] = label
                break
