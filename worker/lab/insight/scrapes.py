"""Generated scrapes with the trouble of real ones, as boards.

The books of an event are seen at different times, so that their prices have moved in between; some books are
missing, some lines, some rows are suspended. What is left out is drawn from the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

from worker.domain.books.platforms import is_platform
from worker.domain.resolve import Observation
from worker.insight.boards import Board, board
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.pricing import NOISE_LOGIT
from worker.lab.synthetic.scrape import generate_scrape

_STARTED: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
_WITHOUT_BOOK: Final = 0.1
_WITHOUT_LINE: Final = 0.15
_SUSPENDED: Final = 0.05


def troubled_events(
    *, seed: int, events: int, noise: float = NOISE_LOGIT
) -> dict[str, list[Board]]:
    """The boards of each event. Books are seen in one of three successive scrapes."""
    found: dict[str, list[Board]] = {}
    for scrape in range(3):
        generated = generate_scrape(
            seed=seed, events=events, scrape=scrape, started_at=_STARTED, size="slim", noise=noise
        )
        for item in generated:
            event = f"{item.observation['event']['home']} - {item.observation['event']['away']}"
            drawn = Random(f"{seed}:{event}:{item.platform}")  # noqa: S311 - no secret
            if drawn.randrange(3) == scrape and drawn.random() >= _WITHOUT_BOOK:
                found.setdefault(event, []).append(_troubled(item, event, drawn))
    return found


def _troubled(item: Generated, event: str, drawn: Random) -> Board:
    whole = board_of(item, event)
    rows = tuple(
        row._replace(odds={}, closed=row.closed + len(row.odds)) if is_suspended else row
        for row in whole.rows
        for is_missing, is_suspended in [
            (drawn.random() < _WITHOUT_LINE, drawn.random() < _SUSPENDED)
        ]
        if not (is_missing and row.qualifier is not None)
    )
    return Board(whole.event, whole.platform, whole.teams, rows)


def board_of(item: Generated, event: str) -> Board:
    """A generated observation as a board."""
    sides, names = item.observation["event"], item.observation.get("market_names")
    assert is_platform(item.platform)  # noqa: S101 - the generator's platforms are those of the domain
    observation = Observation(
        item.platform, item.observation["markets"], sides["home"], sides["away"], names
    )
    return board(event, observation)


def boards_in(events: dict[str, list[Board]]) -> Iterator[Board]:
    """All boards of events."""
    for together in events.values():
        yield from together
