"""The shell completes ids from the database that the settings name, and says nothing without one."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.services.installation import fill

pytestmark = pytest.mark.services

MARKETMAP = Path(sys.executable).parent / "marketmap"


def completed(*words: str, url: str) -> set[str]:
    """What bash would propose for the last word; nothing else may be said."""
    asked = {
        "_MARKETMAP_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["marketmap", *words]),
        "COMP_CWORD": str(len(words)),
        "MARKETMAP_DATABASE_URL": url,
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }
    finished = subprocess.run(
        [MARKETMAP],
        env={"PATH": os.environ["PATH"], **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == ""
    return set(finished.stdout.split())


def test_canonical_ids_are_completed(migrated: str) -> None:
    asyncio.run(fill(migrated))
    for command in (
        ("mappings", "show"),
        ("mappings", "update"),
        ("mappings", "history"),
        ("unmapped", "map", "sportybet", "1", "--into"),
    ):
        assert completed(*command, "btts_f", url=migrated) == {"btts_ft"}


def test_ids_of_missed_markets_are_those_of_the_bookmaker(
    migrated: str, miss: Callable[..., None]
) -> None:
    miss("sportybet", "800117")
    miss("bet9ja", "800200")
    assert completed("unmapped", "show", "sportybet", "80", url=migrated) == {"800117"}
    assert completed("unmapped", "ignore", "bet9ja", "80", url=migrated) == {"800200"}


@pytest.mark.parametrize("url", ["postgresql://user:x@127.0.0.1:1/x", "nonsense"])
def test_without_a_database_nothing_is_proposed_at_once(url: str) -> None:
    began = time.monotonic()
    assert completed("mappings", "show", "b", url=url) == set()
    assert time.monotonic() - began < 10
