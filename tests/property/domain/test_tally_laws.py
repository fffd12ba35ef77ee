from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.books.platforms import PLATFORMS
from worker.domain.misses import MissKey, Sighting, Tally, merge, tally
from worker.domain.resolve import Miss

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def sighting(source: int, market_id: str, minute: int, offset: int) -> Sighting:
    missed = Miss(market_id, None, "UNKNOWN_MARKET", None, [])
    at = NOON + timedelta(minutes=minute)
    return Sighting(PLATFORMS[source], (missed,), at, 1, ("topic", 0, offset), offset // 4)


# A market is missed once in an observation, so no two sightings of one market share a record.
SIGHTINGS = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(["1", "2"]), st.integers(0, 3), st.integers(0, 40)
    ),
    unique_by=lambda drawn: drawn[3],
    max_size=12,
).map(lambda drawn: [sighting(*one) for one in drawn])


@LAWS
@given(SIGHTINGS, st.integers(0, 12))
def test_counting_in_parts_is_counting_the_whole(sightings: list[Sighting], cut: int) -> None:
    assert merge(tally(sightings[:cut]), tally(sightings[cut:])) == tally(sightings)


@LAWS
@given(SIGHTINGS)
def test_nothing_is_the_neutral_tally(sightings: list[Sighting]) -> None:
    counts = tally(sightings)
    assert merge(counts, {}) == merge({}, counts) == counts


@LAWS
@given(SIGHTINGS, st.integers(0, 12))
def test_merging_commutes(sightings: list[Sighting], cut: int) -> None:
    one, other = tally(sightings[:cut]), tally(sightings[cut:])
    assert merge(one, other) == merge(other, one)


@LAWS
@given(SIGHTINGS, st.integers(0, 12), st.integers(0, 12))
def test_merging_is_associative(sightings: list[Sighting], first: int, second: int) -> None:
    low, high = sorted((first, second))
    a, b, c = tally(sightings[:low]), tally(sightings[low:high]), tally(sightings[high:])
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@LAWS
@given(SIGHTINGS, st.randoms())
def test_the_order_of_sightings_does_not_change_the_tally(
    sightings: list[Sighting], order: object
) -> None:
    mixed = list(sightings)
    order.shuffle(mixed)  # type: ignore[attr-defined]  # random.Random
    assert tally(mixed) == tally(sightings)


@LAWS
@given(SIGHTINGS)
def test_a_tally_counts_every_sighting_and_spans_their_times(sightings: list[Sighting]) -> None:
    counts: Tally = tally(sightings)
    keys: set[MissKey] = {(one.source, one.missed[0].external_market_id) for one in sightings}
    assert counts.keys() == keys
    for key, count in counts.items():
        mine = [one for one in sightings if (one.source, one.missed[0].external_market_id) == key]
        times = [one.observed_at for one in mine]
        assert (count.occurrences, count.first_seen_at, count.last_seen_at) == (
            len(mine),
            min(times),
            max(times),
        )
        assert count.newest == max(mine, key=lambda one: (one.observed_at, one.at))
