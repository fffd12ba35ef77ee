"""A list of many rows takes no more memory than one of few: rows are printed as they are read."""

from __future__ import annotations

import pytest

from tests.support.services.long_lists import LISTS, fill, printed

MANY = 15_000
FEW = 500
# A thousand rows of a table are laid out together, and the server's answer is read in parts.
MOST_MORE = 16 * 1024 * 1024


@pytest.fixture
async def filled(migrated: str) -> str:
    await fill(migrated, MANY)
    return migrated


def test_lists_are_flat_in_memory_in_every_form(filled: str) -> None:
    environment = {"MARKETMAP_DATABASE_URL": filled, "COLUMNS": "200"}
    grown = {}
    queue, mappings, history, replays = LISTS
    forms = [
        *((queue, "csv"), (queue, "table")),
        *((mappings, "csv"), (history, "json"), (replays, "json")),
    ]
    for command, form in forms:
        few, many = (
            printed([*command, "--output", form, "--limit", str(limit)], environment)
            for limit in (FEW, MANY)
        )
        assert (few.exit_code, many.exit_code) == (0, 0)
        assert many.lines > MANY
        if many.peak_bytes - few.peak_bytes > MOST_MORE:
            grown[command, form] = (few.peak_bytes, many.peak_bytes)
    assert grown == {}
