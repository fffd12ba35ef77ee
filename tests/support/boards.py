"""Boards of generated events, and the shipped judge."""

from collections.abc import Iterator
from datetime import UTC, datetime

from tests.support.markets import FOOTBALL
from tests.support.meanings import MEANINGS
from worker.domain.resolve import Observation
from worker.insight.boards import Board, board
from worker.insight.judging import Judge
from worker.lab.synthetic.scrape import generate_scrape

STARTED = datetime(2026, 5, 1, 12, tzinfo=UTC)
JUDGE = Judge.of(MEANINGS)
INDEX = FOOTBALL


def generated_boards(*, seed: int, events: int) -> Iterator[Board]:
    """What each book sells on each event of a generated scrape."""
    for item in generate_scrape(seed=seed, events=events, started_at=STARTED, size="slim"):
        event = item.observation["event"]
        observation = Observation(
            item.platform,  # type: ignore[arg-type]  # the generator knows no type of the domain
            item.observation["markets"],
            event["home"],
            event["away"],
            item.observation.get("market_names"),
        )
        yield board(event["home"] + event["away"], observation)
