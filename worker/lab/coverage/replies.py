"""Bookmakers' replies in a folder, as observations of events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from schemas.raw_reply import observation_from_reply
from worker.domain.resolve import Observation
from worker.domain.scope import event_scope

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Reply(NamedTuple):
    """One reply. Those of one match have one ``event``; ``name`` is the file's, without the bookmaker."""

    name: str
    event: str
    observation: Observation


def replies(folder: Path) -> Iterator[Reply]:
    """The replies of a folder, each in a file EVENT.BOOKMAKER.json."""
    for file in sorted(folder.glob("*.json")):
        seen = observation_from_reply(json.loads(file.read_text(encoding="utf-8")), _ANY_TIME)
        event = seen.event
        observation = Observation(
            seen.platform,
            seen.markets,
            event.home,
            event.away,
            seen.market_names,
            event_scope(event.sport, live=event.live),
        )
        key = event.sportradar_id or f"{seen.platform} {event.id}"
        yield Reply(file.stem.partition(".")[0], key, observation)
