"""Lists on a terminal of 80 columns: nothing is wider, and what has to be typed is whole."""

import asyncio
from collections.abc import Callable

import pytest

from tests.support.people.terminal import at_terminal
from tests.support.services.installation import fill
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_entries

pytestmark = pytest.mark.services

ENTRIES = load_entries(shipped_catalogue().read_text(encoding="utf-8"))
LONG_ID = "S_LIVE_PLAYERSHOTS@2.5_HALF"


def lines(*arguments: str, url: str) -> list[str]:
    seen = at_terminal(*arguments, MARKETMAP_DATABASE_URL=url, NO_COLOR="1")
    assert seen.code == 0, seen.screen
    found = [line.rstrip("\r").split("\x1b")[0] for line in seen.screen.split("\n")]
    assert max(map(len, found)) <= 80
    return found


def test_every_mapping_of_the_catalogue_is_shown_with_its_whole_ids(migrated: str) -> None:
    asyncio.run(fill(migrated))
    shown = lines("mappings", "list", url=migrated)
    for entry in ENTRIES:
        typed = {
            entry.mapping.canonical_id,
            *filter(None, (entry.mapping.betpawa_id, entry.mapping.sportybet_id)),
        }
        assert any(typed <= set(line.split()) for line in shown), typed


def test_a_missed_market_is_shown_with_what_its_commands_take(
    migrated: str, miss: Callable[..., None]
) -> None:
    miss("bet9ja", LONG_ID, "A name that is rather long for one line of a terminal", count=123_456)
    shown = lines("unmapped", "list", url=migrated)
    assert any({"bet9ja", LONG_ID} <= set(line.split()) for line in shown)
    assert any("For lack of width without:" in line for line in shown)


def test_the_history_keeps_version_mapping_and_who(migrated: str) -> None:
    asyncio.run(fill(migrated))
    shown = lines("mappings", "history", url=migrated)
    last = ENTRIES[-1].mapping.canonical_id
    assert any(last in line.split() for line in shown)


@pytest.mark.parametrize(
    "arguments", [("show", "player_to_score_or_assist_ft"), ("show", "1x2_ft")]
)
def test_the_outcomes_of_a_mapping_are_not_cut(migrated: str, arguments: tuple[str, ...]) -> None:
    asyncio.run(fill(migrated))
    seen = at_terminal("mappings", *arguments, MARKETMAP_DATABASE_URL=migrated, NO_COLOR="1")
    assert "…" not in seen.screen
