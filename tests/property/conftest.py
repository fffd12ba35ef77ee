"""Fixtures for tests that measure how much CPU something takes."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def frozen() -> Iterator[None]:
    """What earlier tests left is not searched for garbage meanwhile, as in a worker."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
