"""Comparisons as arrays come to what the same comparisons come to as objects."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from worker.insight.boards import MarketLine
from worker.insight.distances import Distance
from worker.insight.grades import AGREES
from worker.insight.watching import comparisons
from worker.insight.watching.comparisons import Comparisons, EvidenceKey, EvidenceRow

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
Found = Mapping[EvidenceKey, Sequence[Distance]]


def found_on(dice: random.Random, lines: Sequence[str]) -> Found:
    """Some comparisons of an event: of two books, and with the model."""
    found: dict[EvidenceKey, list[Distance]] = {}
    for name in dice.sample(["1x2_ft", "over_under_ft", "btts_ft"], 2):
        keys: list[EvidenceKey] = [(name, "bet9ja", "betpawa"), (name, "sportybet", "model")]
        for key in keys:
            market = MarketLine(name, dice.choice(lines))
            found[key] = [
                Distance(market, outcome, dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95))
                for outcome in dice.sample(["home", "draw", "away"], dice.randint(1, 3))
            ]
    return found


def naive(events: Mapping[str, Found], key: EvidenceKey) -> EvidenceRow:
    """The row of a key, worked out from the objects."""
    name, platform, against = key
    turned = (name, against, platform)
    on = {
        event: [*found.get(key, ()), *found.get(turned, ())]  # type: ignore[arg-type]  # the model is no platform
        for event, found in events.items()
    }
    rows = {event: distances for event, distances in on.items() if distances}
    sizes = sorted(one.size for distances in rows.values() for one in distances)
    event, worst = max(
        ((event, one) for event, distances in rows.items() for one in distances),
        key=lambda pair: pair[1].size,
    )
    is_turned = key not in events[event]
    chance, reference = worst.chance, worst.reference
    return EvidenceRow(
        *key,
        events=len(rows),
        comparisons=len(sizes),
        prices=len({(one.key.line, one.outcome) for each in rows.values() for one in each}),
        median=median(sizes),
        p90=quantile(sizes, 0.9),
        mean=sum(sizes) / len(sizes),
        worst={
            "event": event,
            "line": worst.key.line,
            "outcome": worst.outcome,
            "chance": round(reference if is_turned else chance, 4),
            "reference": round(chance if is_turned else reference, 4),
            "size": round(worst.size, 4),
        },
        last_verified_at=max(
            (
                seen_at(event)
                for event, distances in rows.items()
                if median(one.size for one in distances) <= AGREES
            ),
            default=None,
        ),
    )


def quantile(ranked: Sequence[float], share: float) -> float:
    at = share * (len(ranked) - 1)
    low = int(at)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (at - low) * (ranked[high] - ranked[low])


def seen_at(event: str) -> datetime:
    return NOON + timedelta(minutes=int(event))


@pytest.mark.parametrize("seed", range(5))
def test_every_row_is_that_of_the_same_comparisons_as_objects(seed: int) -> None:
    dice = random.Random(seed)
    events = {str(number): found_on(dice, ["0.5", "1.5", "2.5"]) for number in range(12)}
    kept = Comparisons()
    for event, found in events.items():
        kept.put(event, seen_at(event), found_on(dice, ["9.5"]))  # replaced by the next
        kept.put(event, seen_at(event), found)
    rows = kept.rows(events, {"1x2_ft", "over_under_ft"})
    assert [row[:3] for row in rows] == sorted(row[:3] for row in rows)
    assert {row.canonical_id for row in rows} == {"1x2_ft", "over_under_ft"}
    assert {row[1:3] for row in rows} == {
        ("bet9ja", "betpawa"),
        ("betpawa", "bet9ja"),
        ("sportybet", "model"),
    }
    for row in rows:
        expected = naive(events, row[:3])
        exact = {"median", "p90", "mean"}
        for field in EvidenceRow._fields:
            wanted = getattr(expected, field)
            assert getattr(row, field) == (pytest.approx(wanted) if field in exact else wanted)


def test_only_the_events_that_are_asked_for_count() -> None:
    dice = random.Random(1)
    kept = Comparisons()
    for number in range(4):
        kept.put(str(number), NOON, found_on(dice, ["2.5"]))
    kept.forget("3")
    assert "3" not in kept
    assert {
        row.events for row in kept.rows(["0", "3"], {"1x2_ft", "over_under_ft", "btts_ft"})
    } == {1}
    assert kept.rows(["3"], {"1x2_ft"}) == []
    names = [key[0] for key in found_on(random.Random(1), ["2.5"])]
    assert kept.events_with(names[0], "sportybet", ["3", "0"]) == ["0"]
    assert kept.events_with(names[0], "betpawa", ["0"]) == ["0"]
    assert kept.events_with("corners_ft", "betpawa", ["0"]) == []


def test_an_event_without_comparisons_is_one_that_was_looked_at() -> None:
    kept = Comparisons()
    kept.put("0", NOON, {})
    assert "0" in kept
    assert kept.rows(["0"], {"1x2_ft"}) == []


def test_lines_that_no_event_has_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "_SPARE_PRICES", 10)
    dice, same = random.Random(2), random.Random(2)
    kept, events = Comparisons(), {}
    for number in range(200):
        line = f"{number}.5"
        event = str(number % 3)
        kept.put(event, seen_at(event), found_on(dice, [line]))
        events[event] = found_on(same, [line])
        assert len(kept._prices) <= 60
    for row in kept.rows(events, {"1x2_ft", "over_under_ft", "btts_ft"}):
        expected = naive(events, row[:3])
        assert (row.prices, row.worst) == (expected.prices, expected.worst)


def test_the_first_events_of_a_mapping_are_those_on_which_its_bookmaker_was_compared() -> None:
    def distance(name: str) -> list[Distance]:
        return [Distance(MarketLine(name, None), "home", 0.4, 0.5)]

    kept = Comparisons()
    kept.put("a", NOON, {("1x2_ft", "bet9ja", "betpawa"): distance("1x2_ft")})
    kept.put("b", NOON, {("btts_ft", "bet9ja", "model"): distance("btts_ft")})
    for event in ("c", "d"):
        kept.put(event, NOON, {("1x2_ft", "bet9ja", "model"): distance("1x2_ft")})
    assert kept.first_events(["d", "unknown", "a", "b", "c"], 2) == {
        ("1x2_ft", "bet9ja"): ("d", "a"),
        ("1x2_ft", "betpawa"): ("a",),
        ("btts_ft", "bet9ja"): ("b",),
    }
