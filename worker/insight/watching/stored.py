"""How boards are kept: as compressed JSON, in memory and in `watched_event.boards`.

A board takes about a tenth of its message, so some hundreds of events fit into little memory, and the bound
of the memory is a sum of lengths. A board is unpacked when it is judged. The parts of a split one are packed
each by itself as they come, and joined when the board is unpacked or stored: joined as they come, each would
unpack and pack again all that came before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from worker.domain.books.platforms import PLATFORMS, Platform, is_platform
from worker.domain.labels import Teams
from worker.insight.boards import Board, Sold

# Bytes and rows of a board that is kept. The largest real one has 250 kB and 1,000 rows. Those of all
# bookmakers together stay below what `watched_event.boards` takes, also where nothing can be compressed.
MOST_BOARD_BYTES: Final = 4 * 1024 * 1024
MOST_BOARD_ROWS: Final = 10_000
# Bytes of all boards of an event; what is larger is not kept, nor read where a former release kept it.
_MOST_UNPACKED: Final = len(PLATFORMS) * MOST_BOARD_BYTES + 1024


class StoredBoard(NamedTuple):
    """The newest board of one bookmaker on one event; ``parts`` are those of a split one that it has.

    ``pieces`` are compressed, in the order in which they came: of a row that two have, the later one counts.
    ``unpacked`` is their size in bytes as JSON, ``rows`` the number of their rows.
    """

    observed_at: datetime
    parts: frozenset[int]
    pieces: tuple[bytes, ...]
    unpacked: int
    rows: int

    @property
    def size(self) -> int:
        """Compressed bytes."""
        return sum(map(len, self.pieces))

    @property
    def is_too_large(self) -> bool:
        """Whether it is over a bound of what is kept."""
        return self.unpacked > MOST_BOARD_BYTES or self.rows > MOST_BOARD_ROWS

    def with_part(self, later: StoredBoard) -> StoredBoard:
        """The board with another part of the same observation."""
        return StoredBoard(
            self.observed_at,
            self.parts | later.parts,
            self.pieces + later.pieces,
            self.unpacked + later.unpacked,
            self.rows + later.rows,
        )


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
    text = orjson.dumps(document)
    return StoredBoard(observed_at, parts, (zlib.compress(text, 6),), len(text), len(board.rows))


def unpack(event: str, platform: Platform, stored: StoredBoard) -> Board:
    """Raises UnreadableBoardsError."""
    return _board(event, platform, _joined(stored))


def pack_together(boards: Mapping[Platform, StoredBoard]) -> bytes:
    """All boards of an event, for the database. Raises UnreadableBoardsError."""
    document = {
        platform: (
            orjson.Fragment(_unpacked(stored.pieces[0]))
            if len(stored.pieces) == 1
            else _joined(stored)
        )
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


def _joined(stored: StoredBoard) -> dict[str, Any]:
    """The pieces of a board as one document."""
    pieces = [_loaded(piece) for piece in stored.pieces]
    if len(pieces) == 1:
        return dict(pieces[0])
    rows = {(row[0], row[1]): row for piece in pieces for row in piece["rows"]}
    names = (piece["teams"] for piece in pieces if piece["teams"] is not None)
    return {
        "observed_at": stored.observed_at.isoformat(),
        "parts": sorted(stored.parts),
        "teams": next(names, None),
        "rows": list(rows.values()),
    }


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
    try:
        return orjson.loads(_unpacked(packed))
    except orjson.JSONDecodeError as error:
        raise UnreadableBoardsError(f"the boards cannot be read: {error}") from error


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _MOST_UNPACKED)
    except zlib.error as error:
        raise UnreadableBoardsError(f"the boards cannot be read: {error}") from error
    if not unpacker.eof:
        raise UnreadableBoardsError("the boards are cut off, or too large")
    return text
