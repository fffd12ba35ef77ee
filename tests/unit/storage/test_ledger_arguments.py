"""Calls that no batch can lead to are refused before anything is sent."""

from datetime import UTC, datetime

import pytest

from worker.storage.engine import create_engine
from worker.storage.ledger import Ledger, MissRow
from worker.storage.watermarks import WatermarkMove

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MISS = MissRow("sportybet", "800117", None, "[]", "UNKNOWN_MARKET", 1, NOON, NOON, 1)
MOVE = WatermarkMove("c29tZS10b3BpYy1pZF8tMQ", "observations", 0, 0, 1)


@pytest.fixture
def ledger() -> Ledger:
    """On an address where nothing listens: a call that got this far would fail differently."""
    return Ledger(create_engine("postgresql://127.0.0.1:1/none"), "workers")


async def test_a_partition_named_twice(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="partition named twice"):
        await ledger.commit([MOVE, MOVE._replace(expected=1, next_offset=2)], [])


async def test_a_market_named_twice(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"market named twice: \('sportybet', '800117'\)"):
        await ledger.commit([MOVE], [MISS, MISS._replace(reason="NO_MATCHING_OUTCOMES")])


async def test_a_watermark_that_moves_backwards(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="never moves backwards"):
        await ledger.commit([MOVE._replace(expected=5, next_offset=4)], [])


@pytest.mark.parametrize("moves", [[], [MOVE._replace(next_offset=0)]])
async def test_misses_without_a_watermark_that_moves(
    ledger: Ledger, moves: list[WatermarkMove]
) -> None:
    with pytest.raises(ValueError, match="counted again"):
        await ledger.commit(moves, [MISS])
