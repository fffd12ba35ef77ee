"""Generated scrapes with the trouble of real ones, as boards.

The books of an event are seen at different times, so that their prices have moved in between; some books are
missing, some sell a part of their markets only, some lines are missing, some rows are suspended. What is left
out is drawn from the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final, NamedTuple

from worker.domain.books.platforms import is_platform
from worker.domain.resolve import Observation
from worker.insight.boards import Board, board
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.pricing import NOISE_LOGIT
from worker.lab.synthetic.scrape import generate_scrape

_STARTED: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
_SOLD_BY_PARTIAL: Final = 0.5  # of the markets of a partial book


class Trouble(NamedTuple):
    """Shares of what is not as it should be; ``moments`` is how many scrapes the books are seen in."""

    missing_books: float = 0.1
    partial_books: float = 0.2
    missing_lines: float = 0.15
    suspended: float = 0.05
    moments: int = 3


USUAL_TROUBLE: Final = Trouble()


def troubled_events(
    *, seed: int, events: int, noise: float = NOISE_LOGIT, trouble: Trouble = USUAL_TROUBLE
) -> dict[str, list[Board]]:
    """The boards of each event. Each book is seen in one of several successive scrapes."""
    found: dict[str, list[Board]] = {}
    for scrape in range(trouble.moments):
        generated = generate_scrape(
            seed=seed, events=events, scrape=scrape, started_at=_STARTED, size="slim", noise=noise
        )
        for item in generated:
            event = f"{item.observation['event']['home']} - {item.observation['event']['away']}"
            drawn = Random(f"{seed}:{event}:{item.platform}")  # noqa: S311 - no secret
            if (
                drawn.randrange(trouble.moments) == scrape
                and drawn.random() >= trouble.missing_books
            ):
                found.setdefault(event, []).append(_troubled(item, event, drawn, trouble))
    return found


def _troubled(item: Generated, event: str, drawn: Random, trouble: Trouble) -> Board:
    whole = board_of(item, event)
    unsold: set[str] = set()
    if drawn.random() < trouble.partial_books:
        ids = sorted({row.market_id for row in whole.rows})
        unsold = {one for one in ids if drawn.random() >= _SOLD_BY_PARTIAL}
    rows = tuple(
        row._replace(odds={}, closed=row.closed + len(row.odds)) if is_suspended else row
        for row in whole.rows
        for is_missing, is_suspended in [
            (drawn.random() < trouble.missing_lines, drawn.random() < trouble.suspended)
        ]
        if not (is_missing and row.qualifier is not None) and row.market_id not in unsold
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
