"""Extending a mapping by a bookmaker's market: its id, and the label of each outcome. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.mapping import MappingError, MappingFault
from worker.domain.scope import FOOTBALL, ExternalName

MappingState = dict[str, Any]


def extended(
    state: MappingState, platform: Platform, named: ExternalName, outcomes: Mapping[str, str]
) -> MappingState:
    """A copy of a mapping's JSON form that reads a market too; ``outcomes`` has the outcome of each label.

    The id goes into the bookmaker's column if that is free and the market is known by its id alone, else it
    becomes a further id. The result is still to be parsed.

    Raises MappingError for a mapping of another sport, or without one of the outcomes.
    """
    copy = deepcopy(dict(state))
    scope = copy.get("scope") or {}
    sport = scope.get("sport", FOOTBALL) if isinstance(scope, dict) else FOOTBALL
    if sport != named.sport:
        raise MappingError(
            [
                MappingFault(
                    "scope.sport", abbreviate(sport), f"the market was missed in {named.sport}"
                )
            ]
        )
    fixed = _fixed(platform, named)
    if not scope and named.phase is None and not fixed and copy[ID_COLUMNS[platform]] is None:
        return _in_columns(copy, platform, named.market_id, outcomes)
    further = copy.get("also") or []
    if not isinstance(further, list):
        raise MappingError([MappingFault("also", abbreviate(further), "cannot be read")])
    entry: MappingState = {"platform": platform, "id": named.market_id, "active": True}
    if named.phase is not None:
        entry["phase"] = named.phase
    if fixed:
        entry["fixed"] = fixed
    labels: dict[str, list[str]] = {}
    for label, outcome in outcomes.items():
        labels.setdefault(outcome, []).append(label)
    copy["also"] = [*further, entry | {"labels": labels}]
    return copy


def _fixed(platform: Platform, named: ExternalName) -> dict[str, str]:
    """The specifiers that belong to the market's name."""
    if named.qualifier is None:
        return {}
    return dict(BOOKS[platform].parse_qualifier(named.qualifier) or ())


def _in_columns(
    state: MappingState, platform: Platform, market_id: str, outcomes: Mapping[str, str]
) -> MappingState:
    rows = state["outcome_mapping"]
    known = {row.get("canonical_id"): row for row in rows}
    for label, outcome in outcomes.items():
        row = known.get(outcome)
        if row is None:
            reason = "is not an outcome of the mapping"
            raise MappingError([MappingFault("outcome", abbreviate(outcome), reason)])
        row[LABEL_COLUMNS[platform]] = label
    return state | {ID_COLUMNS[platform]: market_id}
