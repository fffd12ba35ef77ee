"""After changes of mappings the verdicts are those that are made from nothing under the new mappings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import pytest

from tests.support.boards import JUDGE, STARTED, generated_boards
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.further_ids import FurtherId
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.insight import judging
from worker.insight.boards import Board, MarketLine, Quoted
from worker.insight.distances import between_books
from worker.insight.margin import Method
from worker.insight.watching import judgement
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.stored import pack, unpack
from worker.insight.watching.window import WatchedEvent

# Some of them are fitted by the goal model, some share an id, and some are compared by their lines.
NAMES: Final = (
    "1x2_ft",
    "1x2_1h",
    "1x2_2up_ft",
    "btts_ft",
    "over_under_ft",
    "over_under_1h",
    "double_chance_ft",
    "odd_even_ft",
    "correct_score_ft",
    "multigoals_ft",
    "exact_goals_ft",
    "last_corner_ft",
)
EVENTS: Final = 5
Mappings = dict[str, MarketMapping]


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, MarketMapping]:
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    return {one.canonical_id: one for one in shipped if one.canonical_id in NAMES}


@lru_cache(maxsize=1)
def watched() -> tuple[WatchedEvent, ...]:
    found: dict[str, WatchedEvent] = {}
    for board in generated_boards(seed=5, events=EVENTS):
        known = found.get(board.event) or WatchedEvent(board.event, "Reds", "Blues", None, {})
        stored = pack(board, STARTED + timedelta(seconds=len(known.boards)))
        found[board.event] = replace(known, boards={**known.boards, board.platform: stored})
    return tuple(one for one in found.values() if len(one.boards) > 1)


def without_an_id(dice: random.Random, one: MarketMapping) -> MarketMapping:
    gone: dict[str, Any] = {dice.choice(["betpawa_id", "sportybet_id", "bet9ja_key"]): None}
    return replace(one, **gone)


def without_a_label(dice: random.Random, one: MarketMapping) -> MarketMapping:
    column = dice.choice(["betpawa_name", "sportybet_desc", "bet9ja_suffix"])
    at = dice.randrange(len(one.outcomes))
    changed: dict[str, Any] = {column: None}
    outcomes = [replace(o, **changed) if n == at else o for n, o in enumerate(one.outcomes)]
    return replace(one, outcomes=tuple(outcomes))


def swapped(dice: random.Random, one: MarketMapping) -> MarketMapping:
    column = dice.choice(["betpawa_name", "sportybet_desc", "bet9ja_suffix"])
    first, second, *others = one.outcomes
    to_second: dict[str, Any] = {column: getattr(second, column)}
    to_first: dict[str, Any] = {column: getattr(first, column)}
    return replace(
        one, outcomes=(replace(first, **to_second), replace(second, **to_first), *others)
    )


def with_the_id_of_another(dice: random.Random, one: MarketMapping) -> MarketMapping:
    """It takes the other's prices where the labels are the same."""
    other = catalogue()[dice.choice(NAMES)]
    if other.sportybet_id is None:
        return one
    further = FurtherId("sportybet", other.sportybet_id)
    return replace(one, also=(*one.also, further), priority=one.priority + 1)


def as_it_was(_: random.Random, one: MarketMapping) -> MarketMapping:
    return catalogue()[one.canonical_id]


CHANGES: Final[tuple[Callable[[random.Random, MarketMapping], MarketMapping], ...]] = (
    without_an_id,
    without_a_label,
    swapped,
    with_the_id_of_another,
    as_it_was,
    as_it_was,
)


def changed(dice: random.Random, mappings: Mappings) -> Mappings:
    """The mappings with one or two of them changed, gone, or there again."""
    found = dict(mappings)
    for name in dice.sample(NAMES, dice.choice([1, 1, 2])):
        if name not in found:
            found[name] = catalogue()[name]
        elif dice.random() < 0.15 and len(found) > 5:
            del found[name]
        else:
            found[name] = dice.choice(CHANGES)(dice, found[name])
    return found


def index_of(before: MappingIndex, old: Mappings, new: Mappings, version: int) -> MappingIndex:
    gone = [one for name, one in old.items() if new.get(name) != one]
    added = [one for name, one in new.items() if old.get(name) != one]
    return before.revised(gone, added, version)


def seen_again(dice: random.Random, event: WatchedEvent) -> WatchedEvent:
    """The event with a new board of one bookmaker, on which some markets are sold no longer."""
    platform = dice.choice(sorted(event.boards))
    board = unpack(event.event, platform, event.boards[platform])
    rows = tuple(row for row in board.rows if dice.random() < 0.9)
    stored = pack(Board(board.event, platform, board.teams, rows), STARTED + timedelta(minutes=2))
    return replace(event, boards={**event.boards, platform: stored})


def looked_at(verdicts: EventVerdicts, events: list[WatchedEvent]) -> EventVerdicts:
    for event in verdicts.update(events):
        verdicts.look(event)
    return verdicts


def by_key(rows: list[EvidenceRow]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Comparisons lie in another order, so sums of them may differ in their last bits."""
    return {
        (row.canonical_id, row.platform, row.against): row._asdict()
        | {"mean": pytest.approx(row.mean, rel=1e-9)}
        for row in rows
    }


def assert_same(one: EventVerdicts, other: EventVerdicts) -> None:
    found, expected = by_key(one.evidence()), by_key(other.evidence())
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row == {**expected[key], "mean": row["mean"]}
        assert expected[key]["mean"] == row["mean"].expected
    assert one.missed() == other.missed()
    assert one.mapped == other.mapped


@pytest.mark.parametrize("seed", range(12))
def test_changes_come_to_what_the_last_mappings_come_to_from_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Few boards, so that a change of what is fitted may show another margin.
    monkeypatch.setattr(judgement, "_LEARNT_FROM", 4)
    dice = random.Random(seed)
    events, mappings = list(watched()), dict(catalogue())
    index = MappingIndex(mappings.values())
    verdicts = EventVerdicts(JUDGE, index, mappings, events)
    looked_at(verdicts, events)
    for version in range(1, dice.randint(2, 5)):
        new = changed(dice, mappings)
        index, mappings = index_of(index, mappings, new, version), new
        verdicts.follow(index, mappings)
        # The next change may come before all events were looked at, and an event may be seen meanwhile.
        at = dice.randrange(2, len(events))
        if dice.random() < 0.3:
            events[at] = seen_again(dice, events[at])
        waiting = verdicts.update(events)
        for event in waiting[: dice.randint(0, len(waiting))]:
            verdicts.look(event)
    looked_at(verdicts, events)
    again = EventVerdicts(JUDGE, MappingIndex(mappings.values()), mappings, events)
    assert_same(verdicts, looked_at(again, events))
    # What is kept for the next change is the same as well.
    new = changed(dice, mappings)
    for each in (verdicts, again):
        each.follow(index_of(index, mappings, new, 99), new)
        looked_at(each, events)
    assert_same(verdicts, again)


def test_a_mapping_that_shares_an_id_with_a_changed_one_is_compared_again() -> None:
    events, mappings = list(watched()), dict(catalogue())
    index = MappingIndex(mappings.values())
    verdicts = looked_at(EventVerdicts(JUDGE, index, mappings, events), events)
    taken = FurtherId("sportybet", str(mappings["1x2_ft"].sportybet_id))
    half = replace(mappings["1x2_1h"], also=(taken,), sportybet_id=None, priority=1000)
    new = {**mappings, "1x2_1h": half}
    verdicts.follow(index_of(index, mappings, new, 1), new)
    looked_at(verdicts, events)
    assert ("1x2_ft", "sportybet", "model") not in by_key(verdicts.evidence())
    again = EventVerdicts(JUDGE, MappingIndex(new.values()), new, events)
    assert_same(verdicts, looked_at(again, events))


def test_a_change_that_is_taken_back_before_an_event_was_looked_at_changes_nothing() -> None:
    events, mappings = list(watched()), dict(catalogue())
    index = MappingIndex(mappings.values())
    verdicts = looked_at(EventVerdicts(JUDGE, index, mappings, events), events)
    new = {**mappings, "1x2_ft": replace(mappings["1x2_ft"], sportybet_id=None)}
    other = index_of(index, mappings, new, 1)
    verdicts.follow(other, new)
    verdicts.follow(index_of(other, new, mappings, 2), mappings)
    looked_at(verdicts, events)
    assert ("sportybet", "1") in verdicts.mapped
    again = EventVerdicts(JUDGE, index, mappings, events)
    assert_same(verdicts, looked_at(again, events))


def test_if_a_bookmaker_spreads_its_margin_otherwise_everything_is_compared_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_size(boards: Iterable[Mapping[MarketLine, Quoted]], *_: Any) -> Method:
        names = {key.canonical_id for quoted in boards for key in quoted}
        return "power" if "btts_ft" in names else "proportional"

    monkeypatch.setattr(judging, "usual_method", by_size)
    events, mappings = list(watched()), dict(catalogue())
    index = MappingIndex(mappings.values())
    verdicts = looked_at(EventVerdicts(JUDGE, index, mappings, events), events)
    new = {name: one for name, one in mappings.items() if name != "btts_ft"}
    verdicts.follow(index_of(index, mappings, new, 1), new)
    assert verdicts.evidence() == []
    again = EventVerdicts(JUDGE, MappingIndex(new.values()), new, events)
    assert_same(looked_at(verdicts, events), looked_at(again, events))


def test_after_a_change_that_touches_nothing_else_other_comparisons_are_not_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events, mappings = list(watched()), dict(catalogue())
    index = MappingIndex(mappings.values())
    verdicts = looked_at(EventVerdicts(JUDGE, index, mappings, events), events)
    compared: list[str] = []

    def watching(one: Any, other: Any) -> Any:
        compared.extend(key.canonical_id for key in one.keys() & other.keys())
        return between_books(one, other)

    monkeypatch.setattr(judgement, "between_books", watching)
    new = {**mappings, "odd_even_ft": swapped(random.Random(1), mappings["odd_even_ft"])}
    verdicts.follow(index_of(index, mappings, new, 1), new)
    assert len(verdicts.update(events)) == len(events)
    looked_at(verdicts, events)
    assert set(compared) == {"odd_even_ft"}


def test_what_is_suggested_after_a_change_is_what_is_suggested_from_nothing() -> None:
    events = list(watched())
    missing = {**catalogue(), "btts_ft": replace(catalogue()["btts_ft"], sportybet_id=None)}
    missing["odd_even_ft"] = replace(missing["odd_even_ft"], betpawa_id=None)
    index = MappingIndex(missing.values())
    verdicts = looked_at(EventVerdicts(JUDGE, index, missing, events), events)
    verdicts.suggest(("sportybet", "29"))  # boards are read, and kept
    accepted = {**missing, "odd_even_ft": catalogue()["odd_even_ft"]}
    verdicts.follow(index_of(index, missing, accepted, 1), accepted)
    looked_at(verdicts, events)
    again = EventVerdicts(JUDGE, MappingIndex(accepted.values()), accepted, events)
    looked_at(again, events)
    assert verdicts.suggest(("sportybet", "29")) == again.suggest(("sportybet", "29"))
