"""Links to the editor with one mapping of several missed markets: of a group, or of selected rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from worker.console.context import RefusedError
from worker.operations.unmapped.view import QueueView
from worker.storage.misses import QueueKey

# So many markets are mapped together at most.
MOST_MAPPED: Final = 50


def market_text(key: QueueKey) -> str:
    """A market as a link names it: `source:market_id`."""
    return ":".join(key)


def read_markets(texts: Sequence[str]) -> list[QueueKey]:
    """The markets that a link names, once each. Raises RefusedError."""
    if len(texts) > MOST_MAPPED:
        raise RefusedError(
            f"At most {MOST_MAPPED} markets are mapped together; here are {len(texts)}."
        )
    keys: list[QueueKey] = []
    for text in dict.fromkeys(texts):
        source, _, market = text.replace("\0", "").partition(":")
        if not (source and market):
            raise RefusedError("A market is named as bookmaker:id.", lines=(text[:100],))
        keys.append((source, market))
    return keys


def together_path(view: QueueView, keys: Sequence[QueueKey]) -> str:
    """The editor with one mapping of all these markets."""
    named = urlencode([("m", market_text(key)) for key in keys])
    return f"/edit?{named}&{view.query(place=None)}".rstrip("&")
