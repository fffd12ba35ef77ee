"""The bookmakers' own ids of outcomes, taken from what they sent: `python -m worker.lab.outcome_ids FILE...`.

Reads replies of bookmakers, and lists of SportyBet's markets (`id`, `specifiers`, `outcomes` by id). Wherever
the label of an outcome is known to the shipped catalogue, also under an id that ships switched off, the id
next to it goes into the catalogue. An id next to the labels of two outcomes of one mapping is evidence of
neither: it is left out, and reported.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from schemas.raw_reply import observation_from_reply, platform_of
from worker.cli.shipped import shipped_catalogue
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import OUTCOME_ID_COLUMNS
from worker.domain.books.rows import Rejection
from worker.domain.catalogue import dump_entries, load_entries
from worker.domain.further_ids import FurtherId
from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.domain.mapping import Mapping
from worker.domain.markets import Market, Slot
from worker.domain.resolve import Observation, platform_rows
from worker.domain.scope import event_scope
from worker.lab.coverage.agreement import switched_on

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class NamedOutcome(NamedTuple):
    """An id of an outcome in a market, and what the label next to it names under a mapping."""

    platform: Platform
    market_id: str
    canonical_id: str
    outcome: str
    outcome_id: str
    is_known: bool = False  # to the mapping, whichever of its lists of labels was read


def named_outcomes(document: Any, index: MappingIndex) -> Iterator[NamedOutcome]:
    """Every id in a reply, or in a list of markets, that has a label that the index knows."""
    if isinstance(document, list):
        yield from _of_list(document, index)
    elif platform_of(document) in OUTCOME_ID_COLUMNS:
        yield from _of_reply(document, index)


def _of_reply(reply: Any, index: MappingIndex) -> Iterator[NamedOutcome]:
    seen = observation_from_reply(reply, _ANY_TIME)
    names = teams(seen.event.home, seen.event.away)
    scope = event_scope(seen.event.sport, live=seen.event.live)
    for row in platform_rows(Observation(seen.platform, seen.markets)):
        if isinstance(row, Rejection):
            continue
        meaning = index.meaning(seen.platform, row.market_id, row.qualifier, scope)
        if isinstance(meaning, Market):
            for each in row.selections:
                slot = meaning.slot(each.label, each.shown_line, names)
                yield from _named(seen.platform, row.market_id, meaning, slot, each.id)


def _of_list(markets: list[Any], index: MappingIndex) -> Iterator[NamedOutcome]:
    for market in markets:
        outcomes = market["outcomes"]
        for specifier in market.get("specifiers") or [None]:
            meaning = index.meaning("sportybet", market["id"], specifier)
            if isinstance(meaning, Market) and isinstance(outcomes, dict):
                for outcome_id, label in outcomes.items():
                    slot = meaning.slot(label, None, None)
                    yield from _named("sportybet", market["id"], meaning, slot, outcome_id)


def _named(
    platform: Platform, market_id: str, market: Market, slot: Slot | None, outcome_id: str | None
) -> Iterator[NamedOutcome]:
    """Nothing of labels with lines of their own: there an id names an outcome at one line."""
    if slot is not None and outcome_id is not None and not slot.claim.has_lines_in_labels:
        claim, outcome = slot.claim, slot.outcome
        named = [
            one.by_id[outcome_id].canonical_id
            for one, _ in market.accepted
            if one.mapping is claim.mapping and outcome_id in one.by_id
        ]
        is_known = outcome in named
        yield NamedOutcome(platform, market_id, claim.canonical_id, outcome, outcome_id, is_known)


def with_ids(
    mappings: Iterable[Mapping], seen: Iterable[NamedOutcome]
) -> tuple[list[Mapping], list[str]]:
    """The mappings with the ids that were seen, and a sentence on each id that is left out."""
    named: defaultdict[_Key, set[str]] = defaultdict(set)
    new: set[_Key] = set()
    for platform, market_id, canonical_id, outcome, outcome_id, is_known in seen:
        key = platform, market_id, canonical_id, outcome_id
        named[key].add(outcome)
        if not is_known:
            new.add(key)
    ids: defaultdict[_Key, set[str]] = defaultdict(set)
    left_out = []
    for key, outcomes in sorted(named.items()):
        platform, market_id, canonical_id, outcome_id = key
        if len(outcomes) > 1:
            said = " and ".join(sorted(outcomes))
            left_out.append(f"{platform} {outcome_id} in {canonical_id}: names {said}")
        elif key in new:
            ids[platform, market_id, canonical_id, min(outcomes)].add(outcome_id)
    return [_with_ids(mapping, ids) for mapping in mappings], left_out


# Platform, its id of the market, canonical market; then an outcome or the platform's id of one.
_Key = tuple[Platform, str, str, str]


def _with_ids(mapping: Mapping, ids: dict[_Key, set[str]]) -> Mapping:
    outcomes = []
    for outcome in mapping.outcomes:
        known: dict[str, Any] = {}
        for platform, column in OUTCOME_ID_COLUMNS.items():
            market_id = mapping.id_on(platform) or ""
            key = (platform, market_id, mapping.canonical_id, outcome.canonical_id)
            known[column] = _together(outcome.ids_on(platform), ids.get(key, set()))
        outcomes.append(replace(outcome, **known))
    also = tuple(_further_with_ids(mapping, one, ids) for one in mapping.also)
    return replace(mapping, outcomes=tuple(outcomes), also=also)


def _further_with_ids(mapping: Mapping, one: FurtherId, ids: dict[_Key, set[str]]) -> FurtherId:
    """The ids of an outcome under a further id, which is not the one in the column."""
    if one.id == mapping.id_on(one.platform):
        return one
    names = [*(each.canonical_id for each in mapping.outcomes), *mapping.further_outcomes]
    found = {
        name: together
        for name in names
        if (
            together := _together(
                one.outcome_ids.get(name, ()),
                ids.get((one.platform, one.id, mapping.canonical_id, name), set()),
            )
        )
    }
    return replace(one, outcome_ids=found)


def _together(known: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*known, *found}, key=_by_number))


def _by_number(outcome_id: str) -> tuple[int, str]:
    return len(outcome_id), outcome_id


def main(files: Iterable[str]) -> None:
    source = shipped_catalogue()
    entries = load_entries(source.read_text(encoding="utf-8"))
    index = MappingIndex(switched_on(entry.mapping for entry in entries))
    seen = [
        named
        for file in files
        for named in named_outcomes(json.loads(Path(file).read_text(encoding="utf-8")), index)
    ]
    mappings, left_out = with_ids([entry.mapping for entry in entries], seen)
    changed = [
        entry._replace(mapping=mapping) for entry, mapping in zip(entries, mappings, strict=True)
    ]
    source.write_text(dump_entries(changed), encoding="utf-8")
    for sentence in left_out:
        sys.stdout.write(f"{sentence}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
