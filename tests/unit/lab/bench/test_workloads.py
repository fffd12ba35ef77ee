from collections.abc import Sequence

import orjson
import pytest

from tests.support.markets import CATALOGUE
from tests.support.records import FakeRecord, place
from worker.domain.index import MappingIndex
from worker.lab.bench.peers.memory import fillers, planner_of
from worker.lab.bench.workloads import WORKLOADS, Sizes, Workload, make, of_size
from worker.lab.synthetic.expected import Generated, expected_miss_counts
from worker.lab.synthetic.oracle import check
from worker.settings.settings import Settings

SIZES = Sizes(events=16, small=1200, large=2)
Source = Sequence[Generated]


def differences(workload: Workload, index: MappingIndex) -> list[object]:
    planner = planner_of(Settings())
    found: list[object] = []
    for offset, message in enumerate(workload.messages):
        planned = planner.plan(FakeRecord(offset=offset, value=message.value), place(), index)
        found += check(message.seen.expected, orjson.loads(planned.output.value or b"{}"))
    return found


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_resolver_gives_the_truth_of_every_workload(name: str, source: Source) -> None:
    assert differences(make(name, source, SIZES), MappingIndex(CATALOGUE)) == []


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_the_same_each_time(name: str, source: Source) -> None:
    once, again = (make(name, source, SIZES) for _ in range(2))
    assert [message.value for message in once.messages] == [
        message.value for message in again.messages
    ]


def test_small_messages_hold_one_market(source: Source) -> None:
    small = make("small", source, SIZES)
    assert len(small.messages) == SIZES.small
    assert {message.markets for message in small.messages} == {1}
    assert {message.seen.platform for message in small.messages} == {
        "betpawa",
        "sportybet",
        "bet9ja",
    }


def test_nine_hot_markets_in_ten_are_missed_on_fifty_keys(source: Source) -> None:
    hot = make("hot", source, SIZES)
    assert len(expected_miss_counts(message.seen for message in hot.messages)) == 50
    mapped = sum(
        len({m.external_market_id for m in one.seen.expected.markets}) for one in hot.messages
    )
    assert 0 < mapped <= hot.markets / 9


def test_large_messages_are_as_large_as_the_largest_seen(source: Source) -> None:
    sizes = [len(message.value) for message in make("large", source, SIZES).messages]
    assert all(1_350_000 < size <= 1_420_000 for size in sizes)


@pytest.mark.parametrize("markets", [1, 10, 100, 1000])
def test_messages_of_a_size_hold_about_so_many_markets(markets: int, source: Source) -> None:
    cut = of_size(source, markets, total=1000)
    assert all(0.9 * markets <= message.markets <= markets for message in cut.messages)
    assert differences(cut, MappingIndex(CATALOGUE)) == []


def test_mappings_of_markets_that_nobody_sells_change_no_answer(source: Source) -> None:
    index = MappingIndex([*CATALOGUE, *fillers(CATALOGUE[0], 300)])
    assert index.size == len(CATALOGUE) + 300
    assert differences(make("scrape", source[:6], SIZES), index) == []


def test_a_workload_that_is_not_known_is_refused(source: Source) -> None:
    with pytest.raises(ValueError, match="tiny is not one of scrape, small"):
        make("tiny", source, SIZES)
