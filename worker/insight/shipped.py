"""A judge that knows the meanings that ship with the catalogue."""

from __future__ import annotations

import gc
from functools import cache

from worker.cli.shipped import shipped_meanings

from .judging import Judge


@cache
def shipped_judge() -> Judge:
    """It knows no bookmaker's margin yet. There is one in a process: what it keeps is of use again."""
    judge = Judge.of(shipped_meanings())
    # It stays, as the libraries do that came with it. A full collection would visit all of it, and meanwhile
    # a page of the console would wait for a third of a second.
    gc.collect(1)
    gc.freeze()
    return judge
