from worker.domain.events import MOST_HASHES, event_hash, union


def test_a_hash_is_the_same_in_every_process_and_fits_an_integer() -> None:
    assert event_hash("68995116") == 1144193789
    assert all(0 <= event_hash(str(number)) < 2**31 for number in range(1000))


def test_any_text_has_a_hash() -> None:
    assert event_hash("") != event_hash("\ud800")


def test_of_many_events_the_smallest_hashes_are_kept_in_order() -> None:
    events = tuple(range(1000))
    assert union(events[500:564], events[:3]) == (0, 1, 2, *range(500, 500 + MOST_HASHES - 3))
