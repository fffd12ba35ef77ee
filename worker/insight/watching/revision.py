"""What a change of mappings touches on an event that was compared before, so that the rest is kept. Pure.

How it works. A row is read by the claims to its id alone. So a change of mappings touches the rows of the ids
that the changed mappings claim, before or after it, and of canonical markets those that claim such an id: the
changed ones, and others that share an id with them. Of a board on which those are quoted as before, nothing
has changed. Of the others three things follow from the whole board, and are kept of it (`KeptBoard`):

- the goal model, which is fitted again if a market that is fitted has changed;
- the usual overround, from those of all markets. It says what the markets cost that have none of their own,
  so if it has changed, these are read again too;
- what is missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.mapping import claims_of
from worker.domain.meaning.catalogue import MarketMeaning
from worker.insight.boards import Board, MarketLine, Quoted, read, usual_of
from worker.insight.goal_model import FITTED_FAMILIES, GoalModel
from worker.insight.judging import Judge, Reading

ClaimedIds = Mapping[Platform, frozenset[str]]


@dataclass(frozen=True, eq=False, slots=True)
class Basis:
    """The mappings under which something was found, and their index."""

    index: MappingIndex
    mappings: Mapping[str, MarketMapping]


class BasisChange(NamedTuple):
    """What differs between two bases.

    ``ids`` are those whose rows may be read in another way, ``names`` the markets that may be quoted
    otherwise, ``read_by`` the ids of all rows that may be read as one of these.
    """

    before: Basis
    after: Basis
    ids: ClaimedIds
    names: frozenset[str]
    read_by: ClaimedIds


def change(before: Basis, after: Basis) -> BasisChange:
    """Compare two bases."""
    old, new = before.mappings, after.mappings
    changed = {
        name
        for name in old.keys() | new.keys()
        if old.get(name) is not new.get(name) and old.get(name) != new.get(name)
    }
    ids = _claimed(changed, before, after)
    sharing = {
        claim.canonical_id
        for platform, claimed in ids.items()
        for market_id in claimed
        for basis in (before, after)
        for claim in basis.index.claims(platform, market_id)
    }
    names = frozenset(changed | sharing)
    return BasisChange(before, after, ids, names, _claimed(names, before, after))


def _claimed(names: Iterable[str], *bases: Basis) -> ClaimedIds:
    """The ids that the mappings of these names claim."""
    found: dict[Platform, set[str]] = {platform: set() for platform in PLATFORMS}
    for name in names:
        for basis in bases:
            mapping = basis.mappings.get(name)
            for claim in () if mapping is None else claims_of(mapping):
                found[claim.platform].add(claim.market_id)
    return {platform: frozenset(claimed) for platform, claimed in found.items()}


def with_ids(board: Board, ids: Collection[str]) -> Board:
    """The board with the rows of these ids alone."""
    return replace(board, rows=tuple(row for row in board.rows if row.market_id in ids))


def quoted_among(
    board: Board, index: MappingIndex, names: Collection[str]
) -> dict[MarketLine, Quoted]:
    """Of what a board quotes, the markets of these names."""
    return {key: one for key, one in read(board, index).items() if key.canonical_id in names}


def are_fitted(names: Iterable[str], meanings: Mapping[str, MarketMeaning]) -> bool:
    """Whether a goal model may be fitted to some of these markets, and margins be learnt from them."""
    return any(name in meanings and meanings[name].family in FITTED_FAMILIES for name in names)


class KeptBoard(NamedTuple):
    """What is kept of a reading that was compared.

    ``overrounds`` are those of the markets ``sold_whole``, one for each line. ``by_usual`` are the markets of
    which some line has none of its own.
    """

    model: GoalModel | None
    sold_whole: tuple[str, ...]
    overrounds: NDArray[np.float64]
    by_usual: tuple[str, ...]


def kept_of(reading: Reading, overrounds: Mapping[MarketLine, float]) -> KeptBoard:
    """What is kept of a reading."""
    by_usual = {key.canonical_id for key, one in reading.fair.items() if not one.is_whole}
    return KeptBoard(
        reading.model,
        tuple(key.canonical_id for key in overrounds),
        np.array(list(overrounds.values()), dtype=np.float64),
        tuple(by_usual),
    )


class RevisedBoard(NamedTuple):
    """The markets ``names`` of a board, read again, and what is kept of the whole board now."""

    reading: Reading
    names: frozenset[str]
    kept: KeptBoard


def revised(board: Board, kept: KeptBoard, one: BasisChange, judge: Judge) -> RevisedBoard | None:
    """What a change touches of a board; None if the whole board has to be read again."""
    index, names = one.after.index, one.names
    if are_fitted(names, judge.meanings):
        return None
    quoted = quoted_among(with_ids(board, one.read_by[board.platform]), index, names)
    others = [name not in names for name in kept.sold_whole]
    own = judge.overrounds(quoted)
    sold_whole = (
        *(name for name, is_other in zip(kept.sold_whole, others, strict=True) if is_other),
        *(key.canonical_id for key in own),
    )
    overrounds = np.concatenate([kept.overrounds[others], list(own.values())])
    usual = usual_of(overrounds.tolist())
    if usual != usual_of(kept.overrounds.tolist()):
        names |= frozenset(kept.by_usual)
        ids = _claimed(names, one.after)[board.platform]
        quoted = quoted_among(with_ids(board, ids), index, names)
    reading = judge.read_again(board, quoted, usual, kept.model)
    by_usual = {name for name in kept.by_usual if name not in names}
    by_usual |= {key.canonical_id for key, each in reading.fair.items() if not each.is_whole}
    return RevisedBoard(
        reading, names, KeptBoard(kept.model, sold_whole, overrounds, tuple(by_usual))
    )
