"""An index that is revised is the one that is built from the mappings it then has."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import FEED_LAWS
from tests.support.markets import mapping
from worker.domain.books.platforms import PLATFORMS
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.domain.markets import Market
from worker.domain.scope import EventScope, Scope

TENNIS = Scope("tennis", "live")
# Few names, ids, labels and priorities, so that revisions meet what is there.
MAPPING = st.builds(
    lambda number, ids, labels, priority, scope: replace(
        mapping(
            f"m{number}",
            labels,
            id=number,
            betpawa_id=ids[0],
            sportybet_id=ids[1],
            bet9ja_key=ids[2],
            priority=priority,
        ),
        scope=scope,
    ),
    st.integers(0, 4),
    st.tuples(*[st.sampled_from([None, "X", "Y"])] * 3),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True),
    st.sampled_from([0, 0, 5]),
    st.sampled_from([Scope(), Scope(), Scope(phase="live"), Scope(phase="prematch"), TENNIS]),
)
TABLE = st.lists(MAPPING, unique_by=lambda drawn: drawn.canonical_id)
EVENTS = [
    EventScope(sport, is_live=live) for sport in ("football", "tennis") for live in (False, True)
]
PLACES = [
    (platform, market_id, scope)
    for platform in PLATFORMS
    for market_id in ("X", "Y", "Z")
    for scope in EVENTS
]


def held(index: MappingIndex) -> Any:
    return {place: [claim.mapping for claim in index.claims(*place)] for place in PLACES}


def answers(index: MappingIndex) -> Any:
    """What every label of every market is; asking makes the index remember it."""
    return {
        (place, label): slot and (slot.canonical_id, slot.outcome)
        for place in PLACES
        for platform, market_id, scope in [place]
        for meaning in [index.meaning(platform, market_id, None, scope)]
        for label in ("a", "b", "c")
        for slot in [_slot(meaning, label)]
    }


def _slot(meaning: Any, label: str) -> Any:
    if not isinstance(meaning, Market):
        return None
    slot = meaning.slot(label, None, None)
    return slot and _Named(slot.claim.canonical_id, slot.outcome)


class _Named:
    def __init__(self, canonical_id: str, outcome: str) -> None:
        self.canonical_id = canonical_id
        self.outcome = outcome


def table_after(before: list[Mapping], change: list[Mapping], dropped: set[str]) -> list[Mapping]:
    names = {one.canonical_id for one in change} | dropped
    return [one for one in before if one.canonical_id not in names] + change


@FEED_LAWS
@given(TABLE, TABLE, st.sets(st.sampled_from([f"m{n}" for n in range(5)])))
def test_a_revised_index_is_the_one_built_anew(
    before: list[Mapping], change: list[Mapping], dropped: set[str]
) -> None:
    index = MappingIndex(before, 1)
    answers(index)
    names = {one.canonical_id for one in change} | dropped
    gone = [one for one in before if one.canonical_id in names]
    revised = index.revised(gone, change, 2)
    rebuilt = MappingIndex(table_after(before, change, dropped), 2)
    assert held(revised) == held(rebuilt)
    assert answers(revised) == answers(rebuilt)
    assert set(revised.conflicts()) == set(rebuilt.conflicts())
    assert (revised.size, revised.version) == (rebuilt.size, 2)


@FEED_LAWS
@given(TABLE, TABLE)
def test_the_index_that_was_revised_stays_as_it_was(
    before: list[Mapping], change: list[Mapping]
) -> None:
    index = MappingIndex(before, 1)
    was = (held(index), answers(index), index.size)
    index.revised(before, change, 2)
    assert (held(index), answers(index), index.size) == was


@FEED_LAWS
@given(TABLE, TABLE)
def test_conflicts_among_the_changed_are_those_that_one_of_them_has(
    before: list[Mapping], change: list[Mapping]
) -> None:
    table = table_after(before, change, set())
    index = MappingIndex(table, 1)
    names = {one.canonical_id for one in change}
    expected = {found for found in index.conflicts() if {found.winner, found.loser} & names}
    assert set(index.conflicts(change)) == expected


@FEED_LAWS
@given(TABLE)
def test_an_id_means_to_an_event_what_the_mappings_of_its_scope_alone_say(
    table: list[Mapping],
) -> None:
    index = MappingIndex(table)
    for platform, market_id, event in PLACES:
        alone = [
            one
            for one in table
            if one.scope.sport == event.sport and one.scope.phase in ("both", event.phase)
        ]
        claims = index.claims(platform, market_id, event)
        unscoped = MappingIndex([replace(one, scope=Scope()) for one in alone])
        assert [claim.canonical_id for claim in claims] == [
            claim.canonical_id for claim in unscoped.claims(platform, market_id)
        ]
