"""A small scrape, made once: it takes a second."""

import pytest

from worker.lab.bench.workloads import scrape
from worker.lab.synthetic.expected import Generated


@pytest.fixture(scope="session")
def source() -> list[Generated]:
    return scrape(16)
