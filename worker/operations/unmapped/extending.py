"""Extending a mapping by what a bookmaker sells: another id, or other labels of an id that it has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.draft import draft_of_players
from worker.domain.labels import fold
from worker.domain.mapping import MappingError, MappingFault
from worker.domain.participants import PLAYER, holds_player
from worker.domain.scope import FOOTBALL, ExternalName, parse_external_id

MappingState = dict[str, Any]


def extended(
    state: MappingState, platform: Platform, named: ExternalName, outcomes: Mapping[str, str]
) -> MappingState:
    """A copy of a mapping's JSON form that reads a market too; ``outcomes`` has the outcome of each label.

    A mapping that has the id gets the labels. Else the id goes into the bookmaker's column if that is free
    and the market is known by its id alone, or it becomes a further id. The result is still to be parsed.

    Raises MappingError for a mapping of another sport, without one of the outcomes, or with several further
    ids that the labels may belong to.
    """
    copy = deepcopy(dict(state))
    scope = copy.get("scope") or {}
    require_sport(scope, named)
    fixed = _fixed(platform, named)
    if named.qualifier is None:
        labelled = _with_labels(copy, platform, named, outcomes)
        if labelled is not None:
            return labelled
    if not scope and named.phase is None and not fixed and copy[ID_COLUMNS[platform]] is None:
        return _in_columns(copy, platform, named.market_id, outcomes)
    further = further_ids(copy)
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


def require_sport(scope: object, named: ExternalName) -> None:
    """Raise MappingError for a market of another sport than a mapping is for."""
    sport = scope.get("sport", FOOTBALL) if isinstance(scope, dict) else FOOTBALL
    if sport != named.sport:
        reason = f"the market was missed in {named.sport}"
        raise MappingError([MappingFault("scope.sport", abbreviate(sport), reason)])


def further_ids(state: Mapping[str, Any]) -> list[Any]:
    """The further ids in the JSON form of a mapping. Raises MappingError where they are no list."""
    further = state.get("also") or []
    if not isinstance(further, list):
        raise MappingError([MappingFault("also", abbreviate(further), "cannot be read")])
    return further


def extended_by_players(
    state: MappingState,
    platform: Platform,
    external_market_id: str,
    samples: Iterable[dict[str, Any]],
) -> MappingState:
    """A copy of the JSON form of a mapping with players that reads a market of players too.

    An id that it has already is switched on. Labels go to the outcomes that have them elsewhere; one with
    the placeholder of a name goes to the outcome that has a placeholder. What fits none is left out.

    Raises MappingError for a mapping of another sport.
    """
    copy = deepcopy(dict(state))
    named = parse_external_id(external_market_id)
    require_sport(copy.get("scope"), named)
    further = further_ids(copy)
    made = draft_of_players(platform, external_market_id, None, samples)
    (entry,) = made["also"]
    if named.phase is not None:
        entry["phase"] = named.phase
    for one in further:
        if isinstance(one, dict) and (one.get("platform"), one.get("id")) == (
            platform,
            entry["id"],
        ):
            one["active"] = True
            return copy
    known: dict[str, str] = {}
    for label, outcome in reversed(list(_all_labels(copy))):
        known[fold(label)] = outcome
        if holds_player(label):
            known[PLAYER] = outcome
    labels: dict[str, list[str]] = {}
    for row in made["outcome_mapping"]:
        label = row[LABEL_COLUMNS[platform]]
        found = known.get(fold(label)) or (known.get(PLAYER) if holds_player(label) else None)
        if found is not None:
            labels.setdefault(found, []).append(label)
    copy["also"] = [*further, entry | {"active": True, "labels": labels}]
    return copy


def _all_labels(state: MappingState) -> Iterator[tuple[str, str]]:
    """Each label of a mapping at any bookmaker, with its outcome."""
    for row in state["outcome_mapping"]:
        for column in LABEL_COLUMNS.values():
            if row.get(column) is not None:
                yield row[column], row["canonical_id"]
    for one in state.get("also") or []:
        for outcome, labels in (one.get("labels") or {}).items():
            for label in labels:
                yield label, outcome


def _with_labels(
    state: MappingState, platform: Platform, named: ExternalName, outcomes: Mapping[str, str]
) -> MappingState | None:
    """The mapping with more labels of an id that it has; None where it has not."""
    further = [
        one
        for one in state.get("also") or []
        if isinstance(one, dict)
        and (one.get("platform"), one.get("id")) == (platform, named.market_id)
    ]
    if state[ID_COLUMNS[platform]] == named.market_id:
        if not further and _fits_in_columns(state, platform, outcomes):
            return _in_columns(state, platform, named.market_id, outcomes)
        further.append(_moved(state, platform))
        # An outcome needs a label in some column; without the id in its column this one reads nothing.
        for label, outcome in outcomes.items():
            _label_once(state, LABEL_COLUMNS[platform], outcome, label)
    if len(further) > 1:
        reason = "has several such ids: set the label of one of them"
        raise MappingError([MappingFault("also", abbreviate(named.market_id), reason)])
    if not further:
        return None
    known: dict[str, list[str]] = further[0].get("labels") or _labels_in_columns(state, platform)
    for label, outcome in outcomes.items():
        labels = known.setdefault(outcome, [])
        if not any(_is_same(platform, one, label) for one in labels):
            labels.append(label)
    further[0]["labels"] = known
    return state


def _label_once(state: MappingState, column: str, outcome: str, label: str) -> None:
    for row in state["outcome_mapping"]:
        if row.get("canonical_id") == outcome and row.get(column) is None:
            row[column] = label


def _fits_in_columns(state: MappingState, platform: Platform, outcomes: Mapping[str, str]) -> bool:
    """Whether each outcome has no other label yet: a column holds one."""
    column = LABEL_COLUMNS[platform]
    known = {row.get("canonical_id"): row.get(column) for row in state["outcome_mapping"]}
    is_single = len(set(outcomes.values())) == len(outcomes)
    return is_single and all(
        known.get(outcome) is None or _is_same(platform, known[outcome], label)
        for label, outcome in outcomes.items()
    )


def _is_same(platform: Platform, known: object, label: str) -> bool:
    """Whether a label of the mapping is this one, as the bookmaker's labels are compared."""
    if not isinstance(known, str) or not BOOKS[platform].folds_labels:
        return known == label
    return fold(known) == fold(label)


def _moved(state: MappingState, platform: Platform) -> MappingState:
    """A further id in place of the one in the bookmaker's column, which holds one label of each outcome."""
    rule = state.get("line_rule") or {}
    entry: MappingState = {
        "platform": platform,
        "id": state[ID_COLUMNS[platform]],
        "active": True,
        "fixed": (rule.get("fixed") or {}).get(platform),
        "free": rule.get("free"),
        "labels": _labels_in_columns(state, platform),
        "outcome_ids": _ids_in_columns(state, platform),
    }
    entry = {name: value for name, value in entry.items() if value}
    state[ID_COLUMNS[platform]] = None
    state["also"] = [*(state.get("also") or []), entry]
    return entry


def _labels_in_columns(state: MappingState, platform: Platform) -> dict[str, list[str]]:
    column = LABEL_COLUMNS[platform]
    rows = state["outcome_mapping"]
    return {row["canonical_id"]: [row[column]] for row in rows if row.get(column) is not None}


def _ids_in_columns(state: MappingState, platform: Platform) -> dict[str, list[str]]:
    column = OUTCOME_ID_COLUMNS.get(platform)
    rows = state["outcome_mapping"] if column is not None else []
    return {row["canonical_id"]: row[column] for row in rows if row.get(column)}


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
        if not _is_same(platform, row.get(LABEL_COLUMNS[platform]), label):
            row[LABEL_COLUMNS[platform]] = label
    return state | {ID_COLUMNS[platform]: market_id}
