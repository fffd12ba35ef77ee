"""What a suggestion relies on: what the mapping meant when it was judged. Pure.

A suggestion is of a version of its mapping, and outlives changes that do not touch it. It was judged by the
outcomes and the line of the mapping, by how the bookmaker's own ids are read (another id that is this very
bet speaks against it), and by the prices of the other bookmakers. So these must mean what they meant; of
another bookmaker there may be more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.labels import fold
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.mapping import claims_of

_SoldId = tuple[Platform, str]


class _Reading(NamedTuple):
    """What a label, or an id of an outcome, of a bookmaker means in one of its markets."""

    sold: tuple[object, ...]
    text: str
    outcome: str
    is_outcome_id: bool


def changes_that_touch(then: MarketMapping, now: MarketMapping, platform: Platform) -> list[str]:
    """Say what has changed of all on which a suggestion for a market of this bookmaker relies."""
    found: list[str] = []
    if then.scope != now.scope:
        found.append("it is of another sport or phase")
    if then.participant != now.participant:
        found.append("it is sold for each player" if now.participant else "it has no players now")
    if then.traits != now.traits:
        found.append("it has other traits")
    outcomes = sorted({one.canonical_id for one in now.outcomes})
    if sorted({one.canonical_id for one in then.outcomes}) != outcomes:
        found.append(f"its outcomes are {', '.join(outcomes)}")
    if _line_of(then, platform) != _line_of(now, platform):
        found.append("it has another line rule")
    return found + list(_other_ids(_readings(then), _readings(now), platform))


def _other_ids(
    then: Mapping[_SoldId, set[_Reading]],
    now: Mapping[_SoldId, set[_Reading]],
    platform: Platform,
) -> Iterator[str]:
    """The ids that are read otherwise, in words."""
    for market in sorted({*then, *now}):
        before, after = then.get(market, set()), now.get(market, set())
        may_grow = market[0] != platform
        if before == after or (may_grow and before <= after):
            continue
        named = " ".join(market)
        if not after:
            yield f"it no longer reads {named}"
        elif not before:
            yield f"it reads {named} now"
        else:
            yield f"it reads {named} otherwise"


def _readings(mapping: MarketMapping) -> dict[_SoldId, set[_Reading]]:
    """All that a mapping reads, by bookmaker and id, whether the id is in a column or a further one."""
    found: dict[_SoldId, set[_Reading]] = {}
    for claim in claims_of(mapping):
        book, rule = BOOKS[claim.platform], claim.rule
        fixed = tuple(sorted(rule.fixed_on(claim.platform).items()))
        sold = (claim.scope, rule.kind, fixed, rule.free, rule.source, rule.constant)
        known = found.setdefault((claim.platform, claim.market_id), set())
        for label, outcome in claim.labels:
            text = fold(label) if book.folds_labels else label
            known.add(_Reading(sold, text, outcome.canonical_id, is_outcome_id=False))
        for outcome_id, outcome in claim.outcome_ids:
            known.add(_Reading(sold, outcome_id, outcome.canonical_id, is_outcome_id=True))
    return found


def _line_of(mapping: MarketMapping, platform: Platform) -> tuple[object, ...]:
    rule = mapping.line_rule
    return rule.kind, dict(rule.fixed_on(platform)), rule.free
