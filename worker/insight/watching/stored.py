"""How boards are kept: as compressed JSON, in memory and in `watched_event.boards`.

A board takes about a tenth of its message, so some hundreds of events fit into little memory, and the bound
of the memory is a sum of lengths. A board is unpacked when it is judged.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from worker.domain.books.platforms import Platform, is_platform
from worker.domain.labels import Teams
from worker.insight.boards import Board, Sold

# A stored board that is larger than this is not one that this program wrote.
_MOST_UNPACKED: Final = 256 * 1024 * 1024


class StoredBoard(NamedTuple):
    """The newest board of one bookmaker on one event; ``parts`` are those of a split one that it has."""

    observed_at: datetime
    parts: frozenset[int]
    packed: bytes


class UnreadableBoardsError(ValueError):
    """Bytes that hold no boards."""


def pack(board: Board, observed_at: datetime, parts: frozenset[int] = frozenset()) -> StoredBoard:
    """Compress a board."""
    document = {
        "observed_at": observed_at.isoformat(),
        "parts": sorted(parts),
        "teams": None if board.teams is None else list(board.teams),
        "rows": [
            [row.market_id, row.qualifier, row.name, list(row.odds.items()), row.closed]
            for row in board.rows
        ],
    }
    return StoredBoard(observed_at, parts, zlib.compress(orjson.dumps(document), 6))


def unpack(event: str, platform: Platform, stored: StoredBoard) -> Board:
    """Raises UnreadableBoardsError."""
    return _board(event, platform, _loaded(stored.packed))


def pack_together(boards: Mapping[Platform, StoredBoard]) -> bytes:
    """All boards of an event, for the database."""
    document = {
        platform: orjson.Fragment(zlib.decompress(stored.packed))
        for platform, stored in sorted(boards.items())
    }
    return zlib.compress(orjson.dumps(document), 6)


def unpack_together(event: str, packed: bytes) -> dict[Platform, tuple[Board, StoredBoard]]:
    """What `pack_together` made. Raises UnreadableBoardsError."""
    document = _loaded(packed)
    found: dict[Platform, tuple[Board, StoredBoard]] = {}
    try:
        for platform, one in document.items():
            if is_platform(platform):
                board = _board(event, platform, one)
                observed_at = datetime.fromisoformat(one["observed_at"])
                found[platform] = board, pack(board, observed_at, frozenset(one["parts"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableBoardsError(f"the boards of {event} are of another form") from error
    if not found:
        raise UnreadableBoardsError(f"there are no boards of {event}")
    return found


def read_together(
    event: str, packed: bytes, sold_as: Mapping[Platform, str] | None = None
) -> list[tuple[datetime, Board]]:
    """The boards that `pack_together` made, each with its time. Raises UnreadableBoardsError.

    ``sold_as`` names one market of each bookmaker: the boards then have the rows of that id alone, which is
    much quicker.
    """
    document = _loaded(packed)
    try:
        return [
            (
                datetime.fromisoformat(one["observed_at"]),
                _board(
                    event, platform, one if sold_as is None else _only(one, sold_as.get(platform))
                ),
            )
            for platform, one in document.items()
            if is_platform(platform)
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableBoardsError(f"the boards of {event} are of another form") from error


def _only(document: dict[str, Any], market_id: str | None) -> dict[str, Any]:
    return document | {"rows": [row for row in document["rows"] if row[:1] == [market_id]]}


def _board(event: str, platform: Platform, document: dict[str, Any]) -> Board:
    try:
        names = document["teams"]
        rows = tuple(
            Sold(
                market_id,
                qualifier,
                name,
                {label if isinstance(label, str) else tuple(label): odds for label, odds in prices},
                closed,
            )
            for market_id, qualifier, name, prices, closed in document["rows"]
        )
        return Board(event, platform, None if names is None else Teams(*names), rows)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableBoardsError(f"the board of {event} is of another form") from error


def _loaded(packed: bytes) -> Any:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _MOST_UNPACKED)
        if not unpacker.eof:
            raise UnreadableBoardsError("the boards are cut off, or too large")
        return orjson.loads(text)
    except (zlib.error, orjson.JSONDecodeError) as error:
        raise UnreadableBoardsError(f"the boards cannot be read: {error}") from error
