"""A mapping from which one bookmaker has been taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from worker.domain.books.platforms import Platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS, OUTCOME_ID_COLUMNS
from worker.domain.mapping import Mapping


def without(mapping: Mapping, platform: Platform) -> Mapping | None:
    """The mapping without a bookmaker's ids and labels; None where no other bookmaker has it.

    The outcomes of the canonical market stay: they say what can be bet on, not what anybody calls it.
    """
    also = tuple(one for one in mapping.also if one.platform != platform)
    if not also and all(mapping.id_on(other) is None for other in ID_COLUMNS if other != platform):
        return None
    unlabelled: dict[str, Any] = {LABEL_COLUMNS[platform]: None}
    if platform in OUTCOME_ID_COLUMNS:
        unlabelled[OUTCOME_ID_COLUMNS[platform]] = ()
    unclaimed: dict[str, Any] = {ID_COLUMNS[platform]: None}
    outcomes = tuple(replace(one, **unlabelled) for one in mapping.outcomes)
    return replace(mapping, outcomes=outcomes, also=also, **unclaimed)
