"""From an alarm to the editor: the form begins with what the odds say instead.

What an alarm says is not always a mapping. Labels that belong to other outcomes are moved there. Where the
odds fit another market, the bookmaker's id is taken out of this one: the market is missed then, and the
queue has it with its suggestions. How a line is read is left to the editor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.console.context import RefusedError
from worker.domain.books.lines import LINE_KINDS, LineKind
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.bounded_json import objects_in
from worker.domain.labels import fold, readings
from worker.storage.insight import alarms
from worker.storage.insight.alarms import StoredAlarm, UnknownAlarm
from worker.storage.mappings import StoredMapping

State = dict[str, Any]

_LARGEST_ID: Final = 2**63 - 1
_LONGEST_ID: Final = len(str(_LARGEST_ID))
_LONGEST_REASON: Final = 500
# What the form begins with, by the kind of the alarm.
REPAIRS: Final = {
    "assignment": "The editor opens with the labels at these outcomes.",
    "market": "The editor opens without the bookmaker's id: the market waits in the queue then.",
    "line": "The editor opens with the reason; how the line is read is changed by hand.",
    "proof": "The editor opens with the reason; what is read in the wrong way is changed by hand.",
}


def alarm_number(text: str | None) -> int:
    """Read the number of an alarm. Raises RefusedError."""
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
    if text is None or not is_number or int(text) > _LARGEST_ID:
        raise RefusedError("There is no such alarm.", 404)
    return int(text)


async def repaired_values(
    connection: AsyncConnection, number: str, row: StoredMapping | None
) -> State:
    """A mapping's fields as the odds of its alarm have it. Raises RefusedError if it is not about the row."""
    try:
        (alarm,) = await alarms.get_alarms(connection, [alarm_number(number)])
    except UnknownAlarm as error:
        raise RefusedError("There is no such alarm.", 404) from error
    if row is None or (row.canonical_id, row.version) != (alarm.canonical_id, alarm.version):
        raise RefusedError(
            "There is nothing to repair.",
            409,
            lines=(f"Alarm {alarm.id} is about version {alarm.version} of {alarm.about}.",),
        )
    return repaired(row._asdict(), alarm)


def reason_of(alarm: StoredAlarm) -> str:
    """The reason of a change that an alarm leads to."""
    return f"alarm {alarm.id}: {alarm.reason}"[:_LONGEST_REASON]


def repaired(state: Mapping[str, Any], alarm: StoredAlarm) -> State:
    """A copy of a mapping's JSON form, as the odds have it. It may have faults, which the editor says."""
    copy = deepcopy(dict(state))
    platform, instead = alarm.platform, alarm.outcomes_instead
    if not is_platform(platform):
        return copy
    if alarm.kind == "market":
        _take_out(copy, platform)
    elif alarm.kind == "assignment" and isinstance(instead, dict):
        _assign(copy, platform, instead)
    return copy


def _take_out(state: State, platform: Platform) -> None:
    state[ID_COLUMNS[platform]] = None
    for row in objects_in(state.get("outcome_mapping")):
        for column in _columns(platform):
            row.pop(column, None)
    rule = state.get("line_rule")
    if isinstance(rule, dict) and isinstance(rule.get("fixed"), dict):
        rule["fixed"].pop(platform, None)
    further = objects_in(state.get("also"))
    state["also"] = [one for one in further if one.get("platform") != platform] or None


def _assign(state: State, platform: Platform, instead: Mapping[str, Any]) -> None:
    """Move each label, and the bookmaker's ids of its outcome, to the outcome that it should have.

    What would come second into a place for one is left out: the editor offers it among the labels to pair.
    """
    rule = state.get("line_rule")
    kind: LineKind = "none"
    if isinstance(rule, dict) and BOOKS[platform].shows_lines:
        kind = next((one for one in LINE_KINDS if one == rule.get("kind")), "none")
    by_label: dict[str, str] = {}
    for label, outcome in instead.items():
        texts = [label]
        if BOOKS[platform].folds_labels:
            texts = [one.words for one in readings(label, kind)]
        by_label |= {text: outcome for text in texts if text not in by_label}

    def target_of(label: object, outcome: str) -> str:
        text = str(label)
        return by_label.get(fold(text) if BOOKS[platform].folds_labels else text, outcome)

    rows = {str(row.get("canonical_id")): row for row in objects_in(state.get("outcome_mapping"))}
    label_column = LABEL_COLUMNS[platform]
    moved: dict[str, State] = {}
    for name, row in rows.items():
        held = {column: row.pop(column) for column in _columns(platform) if row.get(column)}
        target = target_of(held[label_column], name) if label_column in held else name
        moved.setdefault(target if target in rows else name, held)
    for name, held in moved.items():
        rows[name].update(held)
    for one in objects_in(state.get("also")):
        if one.get("platform") == platform and isinstance(one.get("labels"), dict):
            _assign_further(one, target_of)


def _assign_further(entry: State, target_of: Callable[[object, str], str]) -> None:
    labels: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    for outcome, listed in entry["labels"].items():
        for label in listed:
            targets[outcome] = target_of(label, outcome)
            labels.setdefault(targets[outcome], []).append(label)
    entry["labels"] = labels
    if isinstance(entry.get("outcome_ids"), dict):
        ids: dict[str, list[str]] = {}
        for outcome, listed in entry["outcome_ids"].items():
            ids.setdefault(targets.get(outcome, outcome), []).extend(listed)
        entry["outcome_ids"] = ids


def _columns(platform: Platform) -> list[str]:
    """The keys of an outcome that hold what one bookmaker calls it."""
    ids = OUTCOME_ID_COLUMNS.get(platform)
    return [LABEL_COLUMNS[platform], *([] if ids is None else [ids])]
