from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def slim_scrape() -> list[Generated]:
    """64 events, without decorative fields."""
    return list(generate_scrape(seed=11, events=64, started_at=STARTED_AT, size="slim"))


@pytest.fixture(scope="session")
def full_scrape() -> list[Generated]:
    return list(generate_scrape(seed=11, events=16, started_at=STARTED_AT))


@pytest.fixture(scope="session")
def on_book(slim_scrape: list[Generated]) -> Callable[[str], list[Generated]]:
    return lambda platform: [item for item in slim_scrape if item.platform == platform]
