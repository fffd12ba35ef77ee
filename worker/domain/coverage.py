"""Whether mappings cover a market that was missed, judged by its newest sample.

A sample holds labels as one event had them, without the names of its teams: a label that holds a name cannot
be recognised here. So what is unknown is named, and the caller decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.rows import MissReason
from worker.domain.index import MappingIndex
from worker.domain.markets import Market, Meaning, PlayerMarket
from worker.domain.scope import EventScope, ExternalName, parse_external_id


class _Seen(NamedTuple):
    """An outcome of a sample; older samples hold no ids."""

    label: str | None
    qualifier: str | None
    outcome_id: str | None


class Coverage(NamedTuple):
    """``unread`` are the qualifiers of sampled rows that are no mapped market, '' for a row without one.

    Labels are the sampled ones, in order. ``is_market``: each sampled row is a mapped market.
    ``players`` are those of the unknown ones that may name a player, where the market is sold for each.
    """

    unread: tuple[str, ...]
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    players: tuple[str, ...] = ()

    @property
    def is_market(self) -> bool:
        return not self.unread


def coverage(
    index: MappingIndex, source: str, external_market_id: str, samples: object
) -> Coverage:
    """What ``index`` makes of a missed market. ``samples`` are those of the miss, of any shape."""
    if not is_platform(source):
        return Coverage(unread=("",), known=(), unknown=())
    name = parse_external_id(external_market_id)
    seen = list(_samples(samples)) or [_Seen(None, name.qualifier, None)]
    # Without a mark of a phase it was seen in any. Once the phases differ, each is missed under its own mark.
    phases = ("prematch", "live") if name.phase is None else (name.phase,)
    found = [
        _coverage(index, source, name, seen, EventScope(name.sport, is_live=phase == "live"))
        for phase in phases
    ]
    return min(found, key=lambda one: (len(one.unread), len(one.unknown)))


def _coverage(
    index: MappingIndex,
    platform: Platform,
    name: ExternalName,
    seen: list[_Seen],
    scope: EventScope,
) -> Coverage:
    unread: dict[str, None] = {}
    known: dict[str, None] = {}
    unknown: dict[str, None] = {}
    players: dict[str, None] = {}
    for label, qualifier, outcome_id in seen:
        meaning = index.meaning(platform, name.market_id, qualifier, scope)
        market = _market(meaning)
        if market is None:
            unread[qualifier or ""] = None
        if label is not None:
            found = market is not None and market.slot(label, None, None, outcome_id)
            (known if found else unknown)[label] = None
            if not found and isinstance(meaning, PlayerMarket) and meaning.may_name_player(label):
                players[label] = None
    return Coverage(tuple(unread), tuple(known), tuple(unknown), tuple(players))


def _market(meaning: Meaning) -> Market | None:
    """The market that a row is. A sample has no ids, so no label of it names a player."""
    if isinstance(meaning, PlayerMarket):
        return meaning.market
    return meaning if isinstance(meaning, Market) else None


def is_covered(found: Coverage, reason: MissReason | None) -> bool:
    """Whether the miss is done with: its market is mapped, and if labels were missed, so are they all."""
    return found.is_market and (reason != "NO_MATCHING_OUTCOMES" or not found.unknown)


def _samples(samples: object) -> Iterator[_Seen]:
    for sample in samples if isinstance(samples, list) else []:
        label: Any = sample.get("label") if isinstance(sample, dict) else None
        if isinstance(label, str):
            yield _Seen(label, _text(sample.get("qualifier")), _text(sample.get("id")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
