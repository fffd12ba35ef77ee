"""Before a kept demo ends: markets are missed whose odds say what they are, to decide about in the console.

The generator's own missed markets have prices that mean nothing. So one bookmaker's ids are taken out of some
mappings when everything else has been checked, and one more scrape is read without them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.lab.demo.odds import LEFT_OUT, awaited, edited, without_id
from worker.lab.demo.worker import DemoProcess
from worker.operations.mappings import editing as changes
from worker.settings.connected import ConnectedSettings
from worker.storage.insight import evidence
from worker.storage.misses import QueueKey

TO_DECIDE: Final = (
    *("1x2_1h", "1x2_2h", "double_chance_ft", "draw_no_bet_ft", "odd_even_ft", "over_under_1h"),
    *("over_under_2h", "home_clean_sheet_ft", "away_win_to_nil_ft", "home_win_to_nil_ft", "htft"),
)
_PATIENCE_S: Final = 120.0


async def leave_out(settings: ConnectedSettings) -> list[QueueKey]:
    """Take the bookmaker's ids out of the mappings; return the markets that are missed from now on."""
    platform = LEFT_OUT[0]
    missed = []
    async with edited(settings, f"without {platform}, to be decided about in the console") as edit:
        for canonical_id in TO_DECIDE:
            before = await edit.get(canonical_id, None)
            missed.append((platform, str(before.bet9ja_key)))
            await changes.update(edit, canonical_id, without_id)
    return missed


async def has_suggestions(
    settings: ConnectedSettings, insight: DemoProcess, missed: list[QueueKey]
) -> bool:
    """Wait until each of the markets has a suggestion; return whether they came in time."""

    async def read(connection: AsyncConnection) -> bool:
        found = await evidence.first_suggestions(connection, missed)
        return len(found) == len(missed)

    return bool(await awaited(settings, insight, read, patience_s=_PATIENCE_S))
