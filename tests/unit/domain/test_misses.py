from datetime import UTC, datetime, timedelta

from tests.support.markets import run, sportybet
from worker.domain.books.rows import ParsedRow, Selection
from worker.domain.misses import MOST_SAMPLES, Sighting, merge, sample, tally
from worker.domain.resolve import Miss

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def sighting(
    market_id: str = "60180", minute: int = 0, offset: int = 0, partition: int = 0
) -> Sighting:
    missed = Miss(market_id, "Early Goals", "UNKNOWN_MARKET", None, [])
    at = NOON + timedelta(minutes=minute)
    return Sighting("sportybet", (missed,), at, 7, ("topic", partition, offset), event=offset)


def test_each_observation_is_one_occurrence() -> None:
    counts = tally([sighting(offset=1), sighting(offset=2), sighting("1191", offset=2)])
    assert {key: count.occurrences for key, count in counts.items()} == {
        ("sportybet", "60180"): 2,
        ("sportybet", "1191"): 1,
    }


def test_first_and_last_sighting_are_by_time_not_by_arrival() -> None:
    count = tally(
        [sighting(minute=5, offset=1), sighting(minute=1, offset=2), sighting(minute=9, offset=3)]
    )["sportybet", "60180"]
    assert (count.first_seen_at, count.last_seen_at) == (
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=9),
    )


def test_the_newest_sighting_is_kept_and_at_one_time_the_later_record() -> None:
    late, later = sighting(minute=9, offset=3), sighting(minute=9, offset=4)
    assert tally([later, late, sighting(minute=2, offset=8)])["sportybet", "60180"].newest is later


def test_an_event_that_is_seen_again_is_one_event() -> None:
    counts = tally([sighting(offset=5), sighting(offset=3), sighting(offset=5, partition=1)])
    assert counts["sportybet", "60180"].events == (3, 5)


def test_merging_leaves_both_tallies_as_they_were() -> None:
    one, other = tally([sighting(offset=1)]), tally([sighting(offset=2)])
    assert merge(one, other)["sportybet", "60180"].occurrences == 2
    assert one["sportybet", "60180"].occurrences == 1


def test_a_sample_holds_labels_odds_and_where_they_were_seen() -> None:
    found = run(
        "sportybet",
        [sportybet("999999", "minsnr=10|total=0.5", prices={"Over": "2.10", "Under": "x"})],
    )
    (missed,) = found.missed
    assert sample(missed.rows) == [
        {"label": "Over", "odds": 2.1, "qualifier": "minsnr=10|total=0.5"},
        {"label": "Under", "odds": None, "qualifier": "minsnr=10|total=0.5"},
    ]


def test_a_sample_has_ids_if_they_are_asked_for() -> None:
    ids = ["5001", None, "5" * 81]
    selections = [
        Selection(label, None, "2", active=True, id=outcome_id)
        for label, outcome_id in zip("abc", ids, strict=True)
    ]
    rows = [ParsedRow("1", None, None, selections)]
    assert [one.get("id") for one in sample(rows, with_ids=True)] == ["5001", None, None]
    assert all("id" not in one for one in sample(rows))


def test_a_sample_is_bounded_in_number_and_in_length() -> None:
    rows = [
        ParsedRow("1", "q" * 900, None, [Selection("l" * 900 + str(n), None, "2", active=True)])
        for n in range(99)
    ]
    kept = sample(rows)
    assert len(kept) == MOST_SAMPLES
    assert all(len(one["label"]) == len(one["qualifier"] or "") == 80 for one in kept)


def test_a_sample_of_a_market_without_outcomes_is_empty() -> None:
    assert sample([ParsedRow("1", None, None, [])]) == []
