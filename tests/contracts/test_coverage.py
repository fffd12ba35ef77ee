"""Coverage of the shipped catalogue on real replies, and that bookmakers agree on what it says.

The bounds are goals: a catalogue that covers less, or that joins what is not one bet, has become worse.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from tests.support.payloads import MISSING, PAYLOADS
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.lab.coverage.agreement import switched_on
from worker.lab.coverage.entries import SoldEntry, entries
from worker.lab.coverage.measured import EventBooks, counted, measure
from worker.lab.coverage.replies import replies

FILES = sorted(PAYLOADS.glob("*.*.json"))
pytestmark = pytest.mark.skipif(not FILES, reason=MISSING)

LEAST: Final[dict[Platform, float]] = {"sportybet": 0.97, "bet9ja": 0.95, "betpawa": 0.98}
# Keys of Bet9ja in play of which the meaning is known, and those that are left out.
KNOWN_LIVE = 17
ALL_LIVE = 23


@pytest.fixture(scope="module")
def events() -> list[EventBooks]:
    return measure(PAYLOADS, CATALOGUE)


def football(events: list[EventBooks], platform: Platform) -> Iterator[SoldEntry]:
    for event in events:
        if event.sport == "football" and not event.is_live:
            for one, found in zip(event.platforms, event.found, strict=True):
                yield from found if one == platform else ()


@pytest.mark.parametrize("platform", LEAST)
def test_nearly_all_entries_of_football_before_the_match_are_resolved(
    events: list[EventBooks], platform: Platform
) -> None:
    share = counted(football(events, platform), players=False).share
    assert share is not None
    assert share >= LEAST[platform]


@pytest.mark.parametrize("platform", LEAST)
def test_nearly_all_entries_are_resolved_with_those_of_players(
    events: list[EventBooks], platform: Platform
) -> None:
    share = counted(football(events, platform), players=True).share
    assert share is not None
    assert share >= 0.95


def test_nothing_of_football_before_the_match_is_refused(events: list[EventBooks]) -> None:
    refused = [
        entry
        for platform in LEAST
        for entry in football(events, platform)
        if entry.verdict in ("refused", "in part")
    ]
    assert refused == []


def test_what_several_bookmakers_sell_before_a_match_of_football_is_resolved_on_each(
    events: list[EventBooks],
) -> None:
    found = [
        event.comparable(players=False)
        for event in events
        if event.sport == "football" and not event.is_live
    ]
    sold = sum(one.sold for one in found)
    assert sold >= 190
    assert sum(one.resolved for one in found) / sold >= 0.99


def test_what_bookmakers_sell_in_play_has_keys_that_are_known_and_switched_off() -> None:
    (live,) = (
        one.observation
        for one in replies(PAYLOADS)
        if one.observation.platform == "bet9ja" and one.observation.scope.is_live
    )
    shipped = entries(live, MappingIndex(CATALOGUE))
    assert {entry.verdict for entry in shipped} == {"missed"}
    assert len(shipped) == ALL_LIVE
    activated = entries(live, MappingIndex(switched_on(CATALOGUE)))
    assert sum(entry.verdict == "resolved" for entry in activated) == KNOWN_LIVE


def test_what_is_missed_of_football_is_switched_off_or_left_out(events: list[EventBooks]) -> None:
    text = (CATALOGUE_FILE.parent / "left_out.json").read_text(encoding="utf-8")
    explained = {(one["platform"], one["id"]) for one in json.loads(text)["left_out"]} | {
        (further.platform, further.id)
        for mapping in CATALOGUE
        for further in mapping.also
        if not further.active
    }
    missed = {
        (platform, entry.market_id)
        for event in events
        if event.sport == "football"
        for platform, found in zip(event.platforms, event.found, strict=True)
        for entry in found
        if entry.verdict != "resolved"
    }
    assert len(missed) > 40
    assert missed <= explained


def test_further_ids_in_play_that_are_switched_on_one_by_one_are_resolved() -> None:
    """Each alone, as an editor does it."""
    (live,) = (
        one.observation
        for one in replies(PAYLOADS)
        if one.observation.platform == "bet9ja" and one.observation.scope.is_live
    )
    found = set()
    for mapping in CATALOGUE:
        for further in mapping.also:
            if further.platform == "bet9ja" and further.id.startswith("LIVES_"):
                assert (further.grade, further.active, further.phase) == ("C", False, "live")
                on = replace(mapping, also=(replace(further, active=True),))
                resolved = entries(live, MappingIndex([on]))
                found |= {entry.market_id for entry in resolved if entry.verdict == "resolved"}
    assert len(found) == KNOWN_LIVE


# Distances in logits, without margin, over all that two bookmakers sell of one event.
AGREE: Final = {"p50": 0.06, "p90": 0.2}


def test_bookmakers_agree_on_what_they_both_sell(events: list[EventBooks]) -> None:
    compared = 0
    for event in events:
        for pair, distances in event.agreement():
            sizes = sorted(one.size for one in distances)
            if len(sizes) >= 20:
                compared += len(sizes)
                assert sizes[len(sizes) // 2] <= AGREE["p50"], (event.name, pair)
                assert sizes[int(len(sizes) * 0.9)] <= AGREE["p90"], (event.name, pair)
    assert compared > 1300


def test_no_mapping_of_another_sport_is_met_by_football(events: list[EventBooks]) -> None:
    sports = {one.canonical_id: one.scope.sport for one in CATALOGUE}
    met: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        for found in event.found:
            for entry in found:
                met[event.sport] |= {sports[place.partition("\0")[0]] for place in entry.places}
    assert met == {"football": {"football"}, "basketball": {"basketball"}, "tennis": {"tennis"}}


def test_no_two_ids_of_one_bookmaker_say_different_things_of_one_bet() -> None:
    """Two ids of one mapping that are both sold have equal prices, or the market would be refused."""
    index = MappingIndex(CATALOGUE)
    for reply in replies(PAYLOADS):
        found = entries(reply.observation, index)
        refused = [one for one in found if one.verdict == "refused" and one.code == "INVALID_ODDS"]
        assert refused == []
