"""Several missed markets, of a group or of selected rows: links to one mapping of them, and to their grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.console.context import RefusedError
from worker.operations.unmapped.view import QueueView
from worker.storage.misses import QueuedMiss, QueueKey, UnknownMiss, named_misses

# At most this many markets become one mapping, or one grid.
MOST_MAPPED: Final = 50


def market_text(key: QueueKey) -> str:
    """A market as a link names it: `source:market_id`."""
    return ":".join(key)


def read_markets(texts: Sequence[str]) -> list[QueueKey]:
    """The markets that a link names, once each. Raises RefusedError."""
    if len(texts) > MOST_MAPPED:
        raise RefusedError(
            f"At most {MOST_MAPPED} markets are decided about on one page; here are {len(texts)}."
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
    return f"/edit?{_named(keys)}&{view.query(place=None)}".rstrip("&")


def grid_path(keys: Sequence[QueueKey]) -> str:
    """The grid of these markets."""
    return f"/bulk?{_named(keys)}"


async def missed(connection: AsyncConnection, keys: Sequence[QueueKey]) -> list[QueuedMiss]:
    """What was missed of these markets, in their order. Raises RefusedError."""
    try:
        return await named_misses(connection, keys)
    except UnknownMiss as error:
        lines = tuple(" ".join(key) for key in error.keys)
        raise RefusedError("These markets were never missed.", 404, lines=lines) from error


def _named(keys: Sequence[QueueKey]) -> str:
    return urlencode([("m", market_text(key)) for key in keys])
