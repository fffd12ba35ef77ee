"""Some mappings, and the boards of events that the insight process watches: enough to compare prices."""

from datetime import timedelta
from typing import Any

from tests.support.boards import STARTED, generated_boards
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.storage.engine import opened, transaction
from worker.storage.insight.evidence import StoredEvent, save_event
from worker.storage.mappings import import_mappings

NAMES = {"1x2_ft", "1x2_1h", "btts_ft", "over_under_ft", "double_chance_ft"}


async def fill_watched(url: str) -> None:
    """Some mappings, and what three bookmakers sell on twelve events."""
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    boards: dict[str, dict[Any, StoredBoard]] = {}
    for board in generated_boards(seed=3, events=12):
        boards.setdefault(board.event, {})[board.platform] = pack(board, STARTED)
    async with opened(url) as engine, transaction(engine) as connection:
        chosen = [one for one in shipped if one.canonical_id in NAMES]
        await import_mappings(connection, chosen, actor="test", reason="some")
        for number, (event, of_event) in enumerate(boards.items()):
            if len(of_event) > 1:
                seen_at = STARTED + timedelta(minutes=number)
                stored = StoredEvent(event, None, None, None, seen_at, pack_together(of_event))
                await save_event(connection, stored, len(of_event))
