"""What each canonical market means, as data: the markets of the catalogue that this version shipped with.

An installation may have mappings of its own, and change those of the catalogue. Then the traits in
`mappings.changes` are what holds there; what is here is known without a connection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class CanonicalMarket:
    """A canonical market.

    ``sport`` and ``phase`` (``prematch``, ``live`` or ``both``) say which events have it; ``period``,
    ``subject`` and ``counts`` what it is about; ``line`` which kind of line it has.

    ``exhaustive``  in every match an outcome wins, or the stake is returned.
    ``exclusive``   in no match do two outcomes win.
    ``push``        for some result the stake is returned.
    ``outcomes``    each with the expression that tells when it wins, or None.
    ``void``        when the stake is returned, or None.
    ``residuals``   outcomes that are what the others leave over, each with the name of the list of others.
    ``active``      whether the catalogue has it in use.

    A verdict is None where it is not known. The page "The markets" explains the expressions.
    """

    canonical_id: str
    name: str
    family: str
    sport: str
    phase: str
    period: str
    subject: str
    counts: str
    line: str
    exhaustive: bool | None
    exclusive: bool | None
    push: bool | None
    settlement: str | None
    outcomes: Mapping[str, str | None]
    void: str | None
    residuals: Mapping[str, str]
    active: bool

    @property
    def is_one_book(self) -> bool:
        """Whether its outcomes make up one book, so that their inverse odds add up to 1 and a margin."""
        return self.exhaustive is True and self.exclusive is True

    def compares(self, outcome: str) -> bool:
        """Whether an outcome is the same bet at every bookmaker, whatever else a bookmaker lists.

        An outcome that an expression describes is. Without one, a residual is not, and any other outcome is.
        """
        if outcome not in self.outcomes:
            return False
        if self.outcomes[outcome] is not None:
            return True
        has_expressions = any(when is not None for when in self.outcomes.values())
        return outcome not in self.residuals and not has_expressions


@cache
def canonical_markets() -> Mapping[str, CanonicalMarket]:
    """The markets by canonical id."""
    text = files(__package__).joinpath("markets.json").read_text(encoding="utf-8")
    found = json.loads(text)["markets"]
    return MappingProxyType({name: _market(name, fields) for name, fields in found.items()})


def canonical_market(canonical_id: str) -> CanonicalMarket | None:
    """One market; None if the catalogue does not have it."""
    return canonical_markets().get(canonical_id)


def _market(canonical_id: str, fields: dict[str, Any]) -> CanonicalMarket:
    read_only: dict[str, Any] = {
        name: MappingProxyType(value) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    return CanonicalMarket(canonical_id, **read_only)
