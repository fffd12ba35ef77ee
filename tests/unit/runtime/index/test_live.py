import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from worker.runtime.index.live import LiveIndex, RowChange, build_index


def row(name: str, sportybet_id: str = "18", **fields: Any) -> dict[str, Any]:
    outcomes = [{"canonical_id": "yes", "sportybet_desc": "Yes"}]
    return {
        "id": int(name),
        "canonical_id": name,
        "name": name,
        "sportybet_id": sportybet_id,
        "outcome_mapping": outcomes,
    } | fields


BROKEN = row("7", outcome_mapping=[])


@pytest.fixture
async def live() -> LiveIndex:
    live = LiveIndex()
    await live.replace(10, [row("1"), row("2", "29")])
    return live


def claimants(live: LiveIndex, market_id: str) -> list[str]:
    return [claim.canonical_id for claim in live.current.claims("sportybet", market_id)]


def test_an_index_that_is_not_loaded_is_not_given_out() -> None:
    with pytest.raises(RuntimeError):
        _ = LiveIndex().current


async def test_of_several_changes_of_a_mapping_the_last_one_counts(live: LiveIndex) -> None:
    await live.apply(
        13, [RowChange("1", None), RowChange("1", row("1", "30")), RowChange("2", None)]
    )
    assert (live.current.version, live.current.size) == (13, 1)
    assert (claimants(live, "18"), claimants(live, "30")) == ([], ["1"])


async def test_a_batch_keeps_the_index_that_it_took(live: LiveIndex) -> None:
    taken = live.current
    await live.apply(11, [RowChange("1", None)])
    assert taken.version == 10
    assert [claim.canonical_id for claim in taken.claims("sportybet", "18")] == ["1"]
    assert claimants(live, "18") == []


async def test_a_row_that_breaks_takes_its_mapping_out_and_is_known(live: LiveIndex) -> None:
    with capture_logs() as logs:
        await live.apply(11, [RowChange("1", row("1", outcome_mapping=[]))])
    assert [(line["event"], line["canonical_id"]) for line in logs] == [("mapping_not_usable", "1")]
    assert (list(live.unusable), claimants(live, "18")) == (["1"], [])


async def test_a_row_that_is_mended_or_switched_off_is_no_longer_known_as_broken(
    live: LiveIndex,
) -> None:
    await live.replace(20, [BROKEN, row("8", outcome_mapping=7)])
    await live.apply(22, [RowChange("7", row("7")), RowChange("8", None)])
    assert (live.unusable, claimants(live, "18")) == ({}, ["7"])


async def test_a_conflict_that_a_change_brings_is_told_once(live: LiveIndex) -> None:
    with capture_logs() as logs:
        await live.apply(11, [RowChange("3", row("3", "18"))])
        await live.apply(12, [RowChange("4", row("4", "31"))])
    assert [(line["event"], line["winner"], line["loser"]) for line in logs] == [
        ("mappings_conflict", "1", "3")
    ]


async def test_of_many_conflicts_a_few_are_told(live: LiveIndex) -> None:
    with capture_logs() as logs:
        await live.apply(99, [RowChange(str(n), row(str(n), "30")) for n in range(100, 150)])
    events = [line["event"] for line in logs]
    assert events == ["mappings_conflict"] * 20 + ["more_mappings_conflict"]


async def test_the_event_loop_goes_on_while_an_index_is_built(live: LiveIndex) -> None:
    turns = 0
    loading = asyncio.create_task(live.replace(11, [row(str(n), f"x{n}") for n in range(1, 3000)]))
    while not loading.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 3
    assert live.current.size == 2999


def test_a_row_that_cannot_be_used_costs_none_of_the_others() -> None:
    with capture_logs() as logs:
        index = build_index(5, [row("1"), BROKEN, row("2", "29")])
    assert (index.version, index.size) == (5, 2)
    assert [(line["event"], line["canonical_id"]) for line in logs] == [("mapping_not_usable", "7")]
