"""Families of missed markets: the same but for numbers, and suggested for the same market but for numbers.

"Multi 1-2" to "Multi 4-5" are one family, so an editor decides about them together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from worker.storage.insight.evidence import StoredSuggestion

_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)?")


def family_of(one: StoredSuggestion) -> str:
    """The key of a suggestion's family: what the market is called and what it may be, with # for numbers."""
    called = one.market_name or one.external_market_id
    return " = ".join(
        _NUMBER.sub("#", text)
        for text in (one.source, " ".join(called.casefold().split()), one.canonical_id)
    )


def members(
    among: Iterable[StoredSuggestion], first: StoredSuggestion
) -> tuple[list[StoredSuggestion], list[StoredSuggestion]]:
    """The suggestions of the family of ``first`` that can be decided with it, and those that are not sure.

    Only ``first`` may be one that is not confident: it was named.
    """
    key = family_of(first)
    named = (first.source, first.external_market_id)
    sure: list[StoredSuggestion] = []
    others: list[StoredSuggestion] = []
    for one in among:
        if one.rank != 1 or family_of(one) != key:
            continue
        is_sure = one.is_confident or (one.source, one.external_market_id) == named
        (sure if is_sure else others).append(one)
    return sure, others


def by_mapping(
    family: Iterable[StoredSuggestion],
) -> dict[str, list[StoredSuggestion]]:
    """The members of a family by the mapping that they extend."""
    found: dict[str, list[StoredSuggestion]] = {}
    for one in family:
        found.setdefault(one.canonical_id, []).append(one)
    return found
