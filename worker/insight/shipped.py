"""A judge that knows the meanings that ship with the catalogue."""

from __future__ import annotations

from functools import cache

from worker.cli.shipped import shipped_meanings

from .judging import Judge


@cache
def shipped_judge() -> Judge:
    """It knows no bookmaker's margin yet. There is one in a process: what it keeps is of use again."""
    return Judge.of(shipped_meanings())
