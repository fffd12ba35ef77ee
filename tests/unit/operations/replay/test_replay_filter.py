from collections import Counter
from typing import Any

import pytest

from schemas import REPLAY_HEADER
from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import FakeRecord, place
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planner
from worker.operations.replay.replay_filter import (
    MarketName,
    ReplayedBatch,
    ReplayFilter,
    ReplayVerdict,
    Verdicts,
    outcome,
)

MARKETS: Any = [
    sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"}),
    sportybet("8", "goalnr=2", prices={"Home": "2", "None": "3"}),
    sportybet("900001", prices={"Yes": "2"}),
    sportybet("18", "total=2.5", prices={"Over 2.5": "0.5", "Under 2.5": "2"}),
]


def resolved_with(choice: ReplayFilter, *values: bytes, max_bytes: int = 10**6) -> ReplayedBatch:
    encoder = Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="group",
        max_bytes=max_bytes,
        max_dead_bytes=10**6,
        replay_id="r1",
    )
    planner: Planner[ReplayVerdict] = Planner(Verdicts(encoder, choice), max_message_bytes=10**6)
    records = [FakeRecord(offset=number, value=value) for number, value in enumerate(values)]
    return outcome(planner.plan(record, place(), FOOTBALL) for record in records)


@pytest.mark.parametrize(
    "market_id",
    ["1", "8?goalnr=2", "8", "900001", "18"],
    ids=["resolved", "qualified", "any", "missed", "refused"],
)
def test_an_event_is_taken_for_a_market_that_it_holds(market_id: str) -> None:
    choice = ReplayFilter(markets=[MarketName("sportybet", market_id)])
    assert len(resolved_with(choice, observation("sportybet", MARKETS)).outputs) == 1


@pytest.mark.parametrize(
    ("platform", "market_id"),
    [("sportybet", "9"), ("sportybet", "8?goalnr=3"), ("sportybet", "90000"), ("bet9ja", "1")],
)
def test_an_event_without_the_market_is_passed_over(platform: str, market_id: str) -> None:
    found = resolved_with(
        ReplayFilter(markets=[MarketName(platform, market_id)]), observation("sportybet", MARKETS)
    )
    assert (found.outputs, found.passed_over) == ([], 1)


def test_one_of_several_markets_is_enough() -> None:
    choice = ReplayFilter(markets=[MarketName("bet9ja", "S_1X2"), MarketName("sportybet", "1")])
    assert len(resolved_with(choice, observation("sportybet", MARKETS)).outputs) == 1


def test_only_the_platforms_that_are_chosen_are_taken() -> None:
    assert (
        resolved_with(ReplayFilter(["bet9ja"]), observation("sportybet", MARKETS)).passed_over == 1
    )
    assert (
        len(resolved_with(ReplayFilter(["sportybet"]), observation("sportybet", MARKETS)).outputs)
        == 1
    )


def test_what_is_published_names_the_replay_and_its_source() -> None:
    (output,) = resolved_with(ReplayFilter(), observation("sportybet", MARKETS)).outputs
    assert dict(output.headers)[REPLAY_HEADER] == b"r1"
    assert dict(output.headers)["marketmap-id"] == f"{place().topic_id}/0/0".encode()


def test_no_record_becomes_a_dead_letter() -> None:
    found = resolved_with(
        ReplayFilter(), b"{", b"", observation("sportybet", MARKETS), max_bytes=10
    )
    assert found.outputs == []
    assert found.unreadable == Counter({"INVALID_JSON": 1, "EMPTY": 1, "RESULT_TOO_LARGE": 1})


def test_a_choice_comes_back_from_its_document() -> None:
    choice = ReplayFilter(
        ("sportybet",), (MarketName("sportybet", "8?goalnr=2"), MarketName("bet9ja", "S:X"))
    )
    for one in (choice, choice._replace(to_topic="odds.then")):
        assert ReplayFilter.from_document(one.as_document()) == one
