"""Which observations are watched: football before the match, neither from the future nor old."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from worker.ingest.reading.clock import ClockGuard
from worker.insight.watching.observed import Watchman
from worker.insight.watching.window import EventWindow, SeenBoard

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OBSERVATION: dict[str, Any] = {
    "schema_version": 1,
    "platform": "sportybet",
    "observed_at": "2026-11-22T11:59:00Z",
    "event": {
        "id": "7",
        "sportradar_id": "123",
        "home": "Reds",
        "away": "Blues",
        "starts_at": "2026-11-22T18:00:00Z",
        "sport": "football",
    },
    "markets": [
        {"id": "1", "name": "1X2", "outcomes": [{"desc": "Home", "odds": "1.80", "isActive": 1}]}
    ],
}


def look(document: Mapping[str, Any] | bytes | None) -> Any:
    window = EventWindow(most_bytes=1 << 20, max_age=timedelta(hours=1))
    watchman = Watchman(
        ClockGuard(300, NOON.timestamp), max_bytes=1 << 20, max_age=timedelta(hours=1)
    )
    value = orjson.dumps(document) if isinstance(document, dict) else document
    record: Any = SimpleNamespace(value=value, timestamp=0)
    return watchman.see(record, window, NOON)


def changed(event: Mapping[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {**OBSERVATION, **fields, "event": {**OBSERVATION["event"], **(event or {})}}


@pytest.mark.parametrize("frame", [b"", b"\x00\x00\x00\x00\x07"])
def test_a_board_has_the_teams_the_kick_off_and_the_odds(frame: bytes) -> None:
    found = look(frame + orjson.dumps(OBSERVATION))
    assert isinstance(found, SeenBoard)
    assert (found.event, found.home, found.away) == ("123", "Reds", "Blues")
    assert found.starts_at == NOON.replace(hour=18)
    assert found.board.platform == "sportybet"
    assert [row.odds for row in found.board.rows] == [{"Home": 1.8}]
    assert found.part == 0
    assert look(changed(part={"number": 2, "of": 3})).part == 2


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (None, "unreadable"),
        (b"{", "unreadable"),
        (changed({"sport": "basketball"}), "scope"),
        (changed({"live": True}), "scope"),
        (changed({"status": "finished"}), "started"),
        (changed({"starts_at": "2026-11-22T11:58:00Z"}), "started"),
        (changed(observed_at="2026-11-22T12:10:00Z"), "future"),
        (changed(observed_at="2026-11-22T10:00:00Z"), "old"),
    ],
)
def test_what_is_not_watched_has_its_reason(document: Any, reason: str) -> None:
    assert look(document) == reason


def test_without_a_sportradar_id_an_event_is_known_by_its_bookmaker() -> None:
    assert look(changed({"sportradar_id": None, "starts_at": None})).event == "sportybet:7"
