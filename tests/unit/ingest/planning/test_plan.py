from collections import ChainMap, Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import TOPIC_ID, FakeRecord, partition_of, place
from worker.domain.misses import tally
from worker.domain.resolve import Resolution
from worker.ingest.planning.plan import CountedShare, MarketCount, Plan, Planned, Planner, combine
from worker.ingest.reading.clock import NO_GUARD, ClockGuard
from worker.ingest.reading.read import read_typed
from worker.ingest.reading.record_ids import NO_IDS, RecordIds

MARKETS = [
    sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"}),
    sportybet("900001", prices={"Yes": "2"}),
    sportybet("29", prices={"Yes": "nonsense"}),
]
GOOD = observation("sportybet", MARKETS)
OTHER_SHAPE = observation("sportybet", [{"marketType": {"id": "3743"}}])
VALUES = st.sampled_from(
    [GOOD, OTHER_SHAPE, b"no json", b"", None, observation("bet9ja", {"S_NEW_1": "2"})]
)


class Words:
    """An encoder whose outputs are words; it finds an observation of the event `large` too large.

    ``ids`` are those of the newest dead letter.
    """

    ids: RecordIds = NO_IDS

    def resolved(
        self,
        source_id: str,
        record: object,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> str | None:
        if envelope["event"]["id"] == "large":
            return None
        return f"{source_id} resolved {len(resolution.markets)} under {version}"

    def dead(self, source_id: str, record: object, reason: str, detail: str, ids: RecordIds) -> str:
        assert detail
        self.ids = ids
        return f"{source_id} {reason}"


WORDS = Words()
PLANNER = Planner(WORDS, max_message_bytes=100_000)


def plan_one(value: bytes | None, offset: int = 4, partition: int = 0) -> Planned[str]:
    record = FakeRecord(value=value, offset=offset, partition=partition)
    return PLANNER.plan(record, partition_of(record), FOOTBALL)


@st.composite
def batches(draw: st.DrawFn) -> list[Planned[str]]:
    """Verdicts on records of two partitions, offsets ascending within each."""
    places = draw(st.lists(st.tuples(st.integers(0, 1), VALUES), max_size=8))
    return [plan_one(value, offset, partition) for offset, (partition, value) in enumerate(places)]


def merged(plans: list[Plan[str]]) -> Plan[str]:
    """Plans of consecutive parts as one."""
    return Plan(
        outputs=[output for plan in plans for output in plan.outputs],
        share=CountedShare(
            [verdict for plan in plans for verdict in plan.share.verdicts],
            [sighting for plan in plans for sighting in plan.sightings],
            dict(ChainMap(*[dict(plan.ends) for plan in reversed(plans)])),
        ),
        observations=sum((plan.observations for plan in plans), Counter()),
        outcomes=sum((plan.outcomes for plan in plans), Counter()),
        dead=sum((plan.dead for plan in plans), Counter()),
        ages=_joined_ages([plan.ages for plan in plans]),
    )


def _joined_ages(ages: list[Mapping[str, Sequence[float]]]) -> dict[str, list[float]]:
    joined: dict[str, list[float]] = defaultdict(list)
    for of_part in ages:
        for platform, seconds in of_part.items():
            joined[platform] += seconds
    return joined


def test_a_good_record_is_resolved_under_the_id_of_its_source() -> None:
    planned = plan_one(GOOD)
    assert planned.output == f"{TOPIC_ID}/0/4 resolved 1 under 7"
    assert planned.dead is None


def test_a_record_in_the_wire_format_of_a_schema_registry_is_resolved_alike() -> None:
    assert plan_one(b"\x00\x00\x00\x00\x2a" + GOOD) == plan_one(GOOD)


def test_its_misses_are_sightings_at_its_place_and_version() -> None:
    (sighting,) = plan_one(GOOD).sightings
    assert [missed.external_market_id for missed in sighting.missed] == ["900001"]
    assert sighting.at == ("observations.sportybet", 0, 4)
    assert sighting.mapping_version == 7
    assert sighting.observed_at.tzinfo is not None


def test_an_observation_that_is_published_twice_is_two() -> None:
    """Nothing tells a repetition of the sender's from a bookmaker that shows the same prices for longer."""
    first, second = plan_one(GOOD, offset=4), plan_one(GOOD, offset=5)
    assert first.output != second.output
    ((_, once),) = tally(first.sightings).items()
    ((_, twice),) = tally([*first.sightings, *second.sightings]).items()
    assert (once.occurrences, twice.occurrences) == (1, 2)


def test_its_markets_are_counted_by_what_became_of_them_and_why() -> None:
    assert dict(plan_one(GOOD).outcomes) == {
        MarketCount("sportybet", "resolved"): 1,
        MarketCount("sportybet", "missed", "UNKNOWN_MARKET"): 1,
        MarketCount("sportybet", "rejected", "INVALID_ODDS"): 1,
    }


def test_an_unreadable_record_is_a_dead_letter_and_misses_nothing() -> None:
    planned = plan_one(b"no json")
    assert (planned.output, planned.dead) == (f"{TOPIC_ID}/0/4 INVALID_JSON", "INVALID_JSON")
    assert (planned.sightings, planned.platform, planned.outcomes) == ((), None, {})


def test_markets_in_another_platforms_form_are_a_dead_letter() -> None:
    assert plan_one(OTHER_SHAPE).dead == "WRONG_SHAPE"


def test_one_market_that_can_be_read_makes_the_observation_a_good_one() -> None:
    assert (
        plan_one(observation("sportybet", [{"marketType": {}}, sportybet("900001")])).dead is None
    )


def test_an_observation_without_markets_is_a_good_one() -> None:
    assert plan_one(observation("sportybet", [])).dead is None


def test_a_result_that_is_too_large_is_a_dead_letter_and_counts_no_miss() -> None:
    planned = plan_one(observation("sportybet", MARKETS, id="large"))
    assert (planned.dead, planned.sightings) == ("RESULT_TOO_LARGE", ())


@pytest.mark.parametrize("more", [{}, {"unusual": 1}], ids=["typed", "decoded"])
@pytest.mark.parametrize(
    ("event", "markets", "reason"),
    [
        ("e1", [{"marketType": {"id": "3743"}}], "WRONG_SHAPE"),
        ("large", MARKETS, "RESULT_TOO_LARGE"),
        ("e2", MARKETS, "OBSERVED_IN_FUTURE"),
        ("e3", MARKETS, "DATABASE_REFUSED"),
    ],
)
def test_a_dead_letter_names_scrape_and_event_however_the_record_was_read(
    event: str, markets: list[Any], reason: str, more: dict[str, int]
) -> None:
    document = orjson.loads(observation("sportybet", markets, id=event))
    value = orjson.dumps(document | {"scrape_id": "noon"} | more)
    is_usual = not more and reason != "WRONG_SHAPE"
    assert (read_typed(value) is not None) == is_usual
    guard = ClockGuard(300, lambda: 0) if reason == "OBSERVED_IN_FUTURE" else NO_GUARD
    planner = Planner(WORDS, max_message_bytes=100_000, guard=guard)
    record = FakeRecord(value=value)
    if reason == "DATABASE_REFUSED":
        planner.refused(record, partition_of(record), "why")
    else:
        assert planner.plan(record, partition_of(record), FOOTBALL).dead == reason
    assert WORDS.ids == ("noon", event)


def test_a_record_that_nobody_can_read_is_refused_by_the_database_without_ids() -> None:
    record = FakeRecord(value=b"no json")
    PLANNER.refused(record, partition_of(record), "why")
    assert WORDS.ids == NO_IDS


def test_a_record_above_the_limit_is_not_even_parsed() -> None:
    assert plan_one(b"[" * 100_001).dead == "TOO_LARGE"


@LAWS
@given(batches(), st.integers(0, 8))
def test_the_plan_of_a_batch_is_the_plans_of_its_parts_together(
    batch: list[Planned[str]], cut: int
) -> None:
    assert combine(batch) == merged([combine(batch[:cut]), combine(batch[cut:])])


@LAWS
@given(batches())
def test_the_plan_of_a_batch_is_the_plans_of_its_records_together(
    batch: list[Planned[str]],
) -> None:
    assert combine(batch) == merged([combine([planned]) for planned in batch])


@LAWS
@given(batches())
def test_planning_again_gives_the_same(batch: list[Planned[str]]) -> None:
    assert combine(batch) == combine(batch)


@LAWS
@given(batches())
def test_every_record_has_one_output_and_moves_its_partitions_end(
    batch: list[Planned[str]],
) -> None:
    plan = combine(batch)
    assert len(plan.outputs) == len(batch)
    assert plan.ends == {planned.at: planned.offset + 1 for planned in batch}


@LAWS
@given(batches(), st.integers(0, 9), st.integers(0, 9))
def test_only_what_lies_at_or_above_its_partitions_watermark_is_counted(
    batch: list[Planned[str]], first: int, second: int
) -> None:
    watermarks = {place(0): first, place(1): second}
    counted = tally(combine(batch).share.sightings_from(watermarks))
    expected = tally(
        sighting
        for planned in batch
        if planned.offset >= watermarks[planned.at]
        for sighting in planned.sightings
    )
    assert counted == expected
