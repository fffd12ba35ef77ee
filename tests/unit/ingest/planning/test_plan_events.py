"""A sighting carries the hash of its event, which the books have in common where they know it."""

from typing import Any

from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import FakeRecord, partition_of
from worker.domain.books.platforms import Platform
from worker.domain.events import event_hash
from worker.ingest.planning.plan import Planner


class Silent:
    def resolved(self, *verdict: Any) -> str:
        return "resolved"

    def dead(self, *verdict: Any) -> str:
        return "dead"


def events(platform: Platform, markets: Any, **event: Any) -> list[int]:
    record = FakeRecord(value=observation(platform, markets, **event))
    planned = Planner(Silent(), max_message_bytes=100_000).plan(
        record, partition_of(record), FOOTBALL
    )
    return [sighting.event for sighting in planned.sightings]


UNKNOWN = [sportybet("900001", prices={"Yes": "2"})]


def test_two_books_that_know_the_common_id_see_one_event() -> None:
    one = events("sportybet", UNKNOWN, id="sr:match:1", sportradar_id="1")
    other = events("bet9ja", {"S_NEW_1": "2"}, id="77", sportradar_id="1")
    assert one == other == [event_hash("1")]


def test_without_it_an_event_is_its_own_books() -> None:
    assert events("sportybet", UNKNOWN, id="7") == [event_hash("sportybet:7")]
