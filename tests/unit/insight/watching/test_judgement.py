"""Evidence counts events once; suggestions and alarms follow from the events and the mappings alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.boards import JUDGE, STARTED, generated_boards
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.judgement import (
    MOST_PRICES,
    MOST_SAMPLES,
    SUSPICIOUS,
    EventVerdicts,
    MappedMarket,
    MissedMarket,
)
from worker.insight.watching.stored import pack
from worker.insight.watching.window import WatchedEvent

NAMES = (
    "1x2_ft",
    "1x2_1h",
    "btts_ft",
    "btts_1h",
    "over_under_ft",
    "over_under_1h",
    "double_chance_ft",
)
EVENTS = 12


def catalogue() -> dict[str, MarketMapping]:
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    return {one.canonical_id: one for one in shipped if one.canonical_id in NAMES}


def swapped(mapping: MarketMapping) -> MarketMapping:
    """The mapping with the labels of SportyBet's two outcomes exchanged."""
    first, second = mapping.outcomes
    return replace(
        mapping,
        outcomes=(
            replace(first, sportybet_desc=second.sportybet_desc),
            replace(second, sportybet_desc=first.sportybet_desc),
        ),
    )


@pytest.fixture(scope="module")
def events() -> list[WatchedEvent]:
    found: dict[str, WatchedEvent] = {}
    for board in generated_boards(seed=3, events=EVENTS):
        known = found.get(board.event) or WatchedEvent(board.event, "Reds", "Blues", None, {})
        stored = pack(board, STARTED + timedelta(seconds=len(known.boards)))
        found[board.event] = replace(known, boards={**known.boards, board.platform: stored})
    return [one for one in found.values() if len(one.boards) > 1]


def verdicts(events: list[WatchedEvent], mappings: dict[str, MarketMapping]) -> EventVerdicts:
    made = EventVerdicts(JUDGE, MappingIndex(mappings.values()), mappings, events)
    for event in made.update(events):
        made.look(event)
    return made


@pytest.fixture(scope="module")
def sound(events: list[WatchedEvent]) -> EventVerdicts:
    return verdicts(events, catalogue())


def by_key(rows: list[EvidenceRow]) -> dict[tuple[str, str, str], EvidenceRow]:
    return {(one.canonical_id, one.platform, one.against): one for one in rows}


def test_each_event_counts_once_for_each_pair_of_bookmakers_and_the_model(
    sound: EventVerdicts, events: list[WatchedEvent]
) -> None:
    found = by_key(sound.evidence())
    together = sum({"sportybet", "betpawa"} <= set(one.boards) for one in events)
    row = found["1x2_ft", "sportybet", "betpawa"]
    assert row.events == together
    assert (row.comparisons, row.prices) == (3 * together, 3)
    assert row.median < 0.2
    assert row.last_verified_at is not None
    turned = found["1x2_ft", "betpawa", "sportybet"]
    assert (turned.events, turned.median, turned.p90) == (row.events, row.median, row.p90)
    assert turned.worst["chance"] == row.worst["reference"]
    assert found["1x2_ft", "sportybet", "model"].events >= together


def test_margins_are_learnt_again_while_few_boards_are_there(events: list[WatchedEvent]) -> None:
    few = EventVerdicts(JUDGE, MappingIndex(catalogue().values()), catalogue(), events[:3])
    assert not few.can_learn_more(events[:3])
    assert few.can_learn_more(events[:4])
    many = EventVerdicts(JUDGE, MappingIndex(catalogue().values()), catalogue(), events * 2)
    assert not many.can_learn_more(events * 3)


def test_a_swap_is_proved_on_a_few_events_and_not_on_one(
    sound: EventVerdicts, events: list[WatchedEvent]
) -> None:
    key: MappedMarket = ("over_under_ft", "sportybet")
    assert sound.proof(key, sound.proved_on()[key]) is None
    mappings = catalogue()
    mappings["over_under_ft"] = swapped(mappings["over_under_ft"])
    made = verdicts(events[:4], mappings)
    among = made.proved_on()[key]
    assert len(among) == 3
    found = made.proof(key, among)
    assert found is not None
    assert {one.event for one in found.samples} == set(found.agreed.events) <= set(among)
    assert found.samples[0].prices
    assert made.proof(key, among[:1]) is None
    assert {one for one in made.proved_on() if made.proof(one, made.proved_on()[one])} == {key}


def test_to_look_at_events_again_changes_nothing(
    sound: EventVerdicts, events: list[WatchedEvent]
) -> None:
    before = sound.evidence()
    assert sound.update(events) == []
    repeated = [replace(one) for one in events]
    assert len(sound.update(repeated)) == len(events)
    assert sound.evidence() == before  # until it is looked at again, what was found stays
    for event in sound.update(repeated):
        sound.look(event)
    assert sound.evidence() == before
    assert sound.update([*events[:-1], repeated[-1]]) == [one.event for one in events[:-1]]
    for event in sound.update(events):
        sound.look(event)


def test_an_event_that_is_no_longer_watched_is_evidence_no_more(
    events: list[WatchedEvent],
) -> None:
    made = verdicts(events, catalogue())
    made.update(events[:3])
    assert max(one.events for one in made.evidence()) == 3


def test_a_market_that_no_mapping_reads_is_suggested_with_examples(
    events: list[WatchedEvent],
) -> None:
    mappings = catalogue()
    mappings["btts_ft"] = replace(mappings["btts_ft"], sportybet_id=None)
    made = verdicts(events, mappings)
    key: MissedMarket = ("sportybet", "29")
    assert len(made.missed()[key]) >= 10
    judged = made.suggest(key)
    best = judged.suggestions[0]
    assert (best.candidate.canonical_id, best.is_confident) == ("btts_ft", True)
    assert best.candidate.outcomes == {"yes": "yes", "no": "no"}
    assert len(judged.samples) == MOST_SAMPLES
    for sample in judged.samples:
        assert {one["label"] for one in sample.prices} == {"Yes", "No"}
        assert 0 < len(sample.others) <= MOST_PRICES
        assert {one["platform"] for one in sample.others} <= {"betpawa", "bet9ja"}
    ranks = {one.candidate.canonical_id: one.rank for one in judged.suggestions}
    for sample in judged.samples:
        # A list that shows the first of them shows those of what the market most likely is.
        shown = [ranks[one["canonical_id"]] for one in sample.others]
        assert (shown[0], shown) == (1, sorted(shown))
    sureness = [one.confidence for one in judged.suggestions]
    assert sureness == sorted(sureness, reverse=True)
    assert ("sportybet", "29") not in made.mapped
    assert ("sportybet", "1") in made.mapped


def test_a_label_that_is_missing_in_a_mapped_market_is_suggested_for_that_market(
    events: list[WatchedEvent],
) -> None:
    mappings = catalogue()
    home, draw, away = mappings["1x2_ft"].outcomes
    unlabelled = replace(draw, sportybet_desc=None)
    mappings["1x2_ft"] = replace(mappings["1x2_ft"], outcomes=(home, unlabelled, away))
    made = verdicts(events, mappings)
    key: MissedMarket = ("sportybet", "1")
    assert len(made.missed()[key]) >= 10
    assert key not in made.mapped
    best = made.suggest(key).suggestions[0]
    assert best.candidate.canonical_id == "1x2_ft"
    assert best.candidate.outcomes == {"draw": "draw"}
    assert best.candidate.claimed_at == ()
    assert best.is_confident
    assert "row" in best.kinds


def test_a_label_of_another_line_is_no_miss(sound: EventVerdicts) -> None:
    """Every label of these markets is known; those that a worker would refuse are not suggested for."""
    known = {"1", "18", "29", "10", "60", "68", "75"}
    assert {key for key in sound.missed() if key[0] == "sportybet" and key[1] in known} == set()


def test_a_swapped_mapping_is_suspected_first_and_raises_the_alarm(
    events: list[WatchedEvent], sound: EventVerdicts
) -> None:
    mappings = catalogue()
    mappings["btts_ft"] = swapped(mappings["btts_ft"])
    made = verdicts(events, mappings)
    suspects = made.suspects(made.evidence())
    raised = made.alarm(("btts_ft", "sportybet"))
    assert ("btts_ft", "sportybet") in suspects
    assert raised is not None
    assert (raised.alarm.kind, raised.alarm.canonical_id_instead) == ("assignment", "btts_ft")
    assert raised.alarm.outcomes_instead == {"yes": "yes", "no": "no"}
    assert len(raised.samples) == MOST_SAMPLES
    for key in sound.suspects(sound.evidence()):
        assert sound.alarm(key) is None


def test_whoever_is_near_everything_is_no_suspect(sound: EventVerdicts) -> None:
    rows = sound.evidence()
    suspects = sound.suspects(rows)
    near = {(one.canonical_id, one.platform) for one in rows}
    near -= {(one.canonical_id, one.platform) for one in rows if one.mean > SUSPICIOUS}
    assert near
    assert not near & suspects.keys()
