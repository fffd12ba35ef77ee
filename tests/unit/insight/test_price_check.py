"""The check before a save judges a few mappings quickly, and says what judging all of them would say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from random import Random
from typing import Any

import pytest

from tests.support.boards import JUDGE, STARTED, generated_boards
from tests.support.markets import CATALOGUE
from worker.domain.books.lines import COLUMN_KINDS
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.index import MappingIndex
from worker.domain.line_rule import LineRule
from worker.domain.mapping import Mapping
from worker.insight.alarms import LEAST_EVENTS
from worker.insight.goal_model import FittedModels
from worker.insight.price_check import MOST_EVENTS, PriceFinding, check_prices, unpacked_event
from worker.insight.targets import mapped_rows
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.stored import UnreadableBoardsError, pack, pack_together
from worker.insight.watching.window import MOST_APART, WatchedEvent, boards_together
from worker.storage.insight.evidence import StoredEvent

NAMES = (
    *("1x2_ft", "1x2_1h", "btts_ft", "btts_2h", "over_under_ft", "over_under_1h"),
    *("double_chance_ft", "handicap_3way_ft", "corners_1x2_ft", "corners_over_under_ft"),
)
SOUND = {one.canonical_id: one for one in CATALOGUE if one.canonical_id in NAMES}
CHANGES = 5

Catalogue = dict[str, Mapping]


@pytest.fixture(scope="module")
def watched() -> list[WatchedEvent]:
    """Events with their boards; one of three bookmakers' boards is of another moment now and then."""
    rng, found = Random(4), dict[str, WatchedEvent]()
    for board in generated_boards(seed=4, events=16):
        known = found.get(board.event) or WatchedEvent(board.event, "Reds", "Blues", None, {})
        at = STARTED + (2 * MOST_APART if rng.random() < 0.05 else timedelta(seconds=1))
        stored = pack(board, at)
        found[board.event] = replace(known, boards={**known.boards, board.platform: stored})
    return [one for one in found.values() if one.is_watched]


@pytest.fixture(scope="module")
def stored(watched: list[WatchedEvent]) -> list[StoredEvent]:
    return [
        StoredEvent(one.event, one.home, one.away, None, one.seen_at, pack_together(one.boards))
        for one in watched
    ]


def judged_with_all(
    watched: list[WatchedEvent], mappings: Catalogue, names: set[str]
) -> list[PriceFinding]:
    """What comes out when all mappings are judged, as the insight process does, with every model fitted."""
    index = MappingIndex(mappings.values())
    changed = [mappings[name] for name in names]
    events = list(
        islice(
            (
                event
                for event in watched
                if any(
                    mapped_rows(board, one, index).rows
                    for board in boards_together(event)
                    for one in changed
                )
            ),
            MOST_EVENTS,
        )
    )
    verdicts = EventVerdicts(replace(JUDGE, models=FittedModels(0)), index, mappings, events)
    for event in verdicts.update(events):
        verdicts.look(event)
    rows = verdicts.evidence()
    suspects = verdicts.suspects(rows)
    found: dict[tuple[str, Platform], PriceFinding] = {}
    for row in rows:
        key = (row.canonical_id, row.platform)
        if row.canonical_id in names:
            if key not in found:
                raised = verdicts.alarm(key) if key in suspects else None
                near = len(verdicts.events_of(key))
                judged_on = verdicts.judged_events(key) if key in suspects else near
                found[key] = PriceFinding(
                    *key, [], None if raised is None else raised.alarm, judged_on
                )
            found[key] = found[key]._replace(comparisons=[*found[key].comparisons, row])
    return list(found.values())


def swapped(rng: Random, mapping: Mapping, platform: Platform) -> Mapping:
    """With the labels of two outcomes exchanged."""
    column = LABEL_COLUMNS[platform]
    outcomes = list(mapping.outcomes)
    one, other = rng.sample(range(len(outcomes)), 2)
    labels: list[dict[str, Any]] = [{column: outcomes[n].on(platform)} for n in (other, one)]
    outcomes[one] = replace(outcomes[one], **labels[0])
    outcomes[other] = replace(outcomes[other], **labels[1])
    return replace(mapping, outcomes=tuple(outcomes))


def another_market(rng: Random, mapping: Mapping, platform: Platform) -> Mapping:
    """With the id that another market has at the bookmaker."""
    market_id: dict[str, Any] = {ID_COLUMNS[platform]: SOUND[rng.choice(NAMES)].id_on(platform)}
    return replace(mapping, **market_id)


def another_line(rng: Random, mapping: Mapping, _platform: Platform) -> Mapping:
    """With the line read in another way."""
    kind = rng.choice([one for one in COLUMN_KINDS if one != mapping.line_rule.kind])
    return replace(mapping, line_rule=LineRule(kind, mapping.line_rule.fixed))


def not_sold(_rng: Random, mapping: Mapping, platform: Platform) -> Mapping:
    """Without the bookmaker."""
    market_id: dict[str, Any] = {ID_COLUMNS[platform]: None}
    return replace(mapping, **market_id)


KINDS: tuple[Callable[[Random, Mapping, Platform], Mapping], ...] = (
    swapped,
    another_market,
    another_line,
    not_sold,
)


def as_said(found: list[PriceFinding]) -> list[Any]:
    """All that a comparison led to, with numbers as far as they do not depend on the order of a sum."""
    return [
        (
            one.canonical_id,
            one.platform,
            one.events,
            None if one.alarm is None else _rounded(one.alarm._asdict()),
            [_rounded(row._asdict()) for row in one.comparisons],
        )
        for one in found
        if one.comparisons
    ]


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 9) if isinstance(value, float) else value
        for name, value in values.items()
    }


@pytest.mark.parametrize("seed", range(CHANGES))
def test_the_verdicts_are_those_of_judging_all_mappings(
    seed: int, watched: list[WatchedEvent], stored: list[StoredEvent]
) -> None:
    rng = Random(seed)
    after = dict(SOUND)
    names = set(rng.sample(NAMES, rng.choice((1, 1, 2))))
    for name in sorted(names):
        after[name] = KINDS[seed % len(KINDS)](rng, after[name], rng.choice(PLATFORMS))
    quickly = check_prices(stored, after, names, JUDGE)
    assert as_said(quickly) == as_said(judged_with_all(watched, after, names))


def test_sound_mappings_are_compared_and_a_swap_is_contradicted(
    watched: list[WatchedEvent], stored: list[StoredEvent]
) -> None:
    sound = check_prices(stored, SOUND, {"btts_ft"}, JUDGE)
    assert {one.platform for one in sound} == set(PLATFORMS)
    assert {one.alarm for one in sound} == {None}
    after = {**SOUND, "btts_ft": swapped(Random(0), SOUND["btts_ft"], "sportybet")}
    found = check_prices(stored, after, {"btts_ft"}, JUDGE)
    assert {one.platform for one in found if one.alarm is not None} == {"sportybet"}


def test_a_swap_on_too_few_events_raises_no_alarm_and_its_events_are_counted(
    stored: list[StoredEvent],
) -> None:
    after = {**SOUND, "btts_ft": swapped(Random(0), SOUND["btts_ft"], "sportybet")}
    found = check_prices(stored[: LEAST_EVENTS - 1], after, {"btts_ft"}, JUDGE)
    assert {one.alarm for one in found} == {None}
    (swap,) = [one for one in found if one.platform == "sportybet"]
    most = max(row.events for row in swap.comparisons)
    assert most <= swap.events < LEAST_EVENTS
    enough = check_prices(stored, after, {"btts_ft"}, JUDGE)
    (swap,) = [one for one in enough if one.platform == "sportybet"]
    assert swap.alarm is not None
    assert swap.events == swap.alarm.events >= LEAST_EVENTS


def test_a_bookmaker_where_nothing_could_be_compared_has_a_finding_of_no_event(
    stored: list[StoredEvent],
) -> None:
    elsewhere = replace(SOUND["btts_ft"], sportybet_id="999999", betpawa_id=None)
    found = check_prices(stored, {**SOUND, "btts_ft": elsewhere}, {"btts_ft"}, JUDGE)
    assert [one.platform for one in found] == ["bet9ja", "sportybet"]
    assert found[1] == PriceFinding("btts_ft", "sportybet", (), None, 0)
    nowhere = replace(elsewhere, bet9ja_key=None)
    found = check_prices(stored, {**SOUND, "btts_ft": nowhere}, {"btts_ft"}, JUDGE)
    assert found == [PriceFinding("btts_ft", "sportybet", (), None, 0)]
    live = replace(nowhere, scope=nowhere.scope._replace(phase="live"))
    found = check_prices(stored, {**SOUND, "btts_ft": live}, {"btts_ft"}, JUDGE)
    assert [one.is_watched for one in found] == [False]


def test_an_event_is_unpacked_with_the_boards_of_one_moment(
    watched: list[WatchedEvent], stored: list[StoredEvent]
) -> None:
    for one, packed in zip(watched, stored, strict=True):
        unpacked = unpacked_event(packed)
        assert unpacked.boards == list(boards_together(one))
        assert unpacked.event.together.keys() == one.together.keys()
    assert any(len(one.together) < len(one.boards) for one in watched)


def test_an_event_without_boards_cannot_be_read() -> None:
    packed = pack_together({})
    with pytest.raises(UnreadableBoardsError, match="no boards"):
        unpacked_event(StoredEvent("1", None, None, None, STARTED, packed))
