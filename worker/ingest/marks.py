"""The mark in a commit's metadata, and where a partition is taken up. Pure.

Protocol: outputs are published (P), the watermark is moved with the counts (D), then the offset is committed
with a mark (K). The mark tells our own commit from an operator's reset, which leaves it empty.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

_OURS: Final = "mmw1"
_REPLAY: Final = re.compile(r"mmw1:replay<(\d{1,19})", re.ASCII)

Case = Literal["FIRST_START", "RESUME", "AFTER_CRASH", "REPLAY_GOES_ON", "RESET_BACK", "SKIP_FORWARD"]


class Start(NamedTuple):
    """Where reading starts, and up to which offset records are published again without being counted."""

    position: int
    replay_to: int
    case: Case


class Committed(NamedTuple):
    """The group's committed offset and the metadata beside it."""

    offset: int
    metadata: str


def mark(next_offset: int, replay_to: int) -> str:
    """The mark for a commit of ``next_offset``; while a replay is under way it says how far it goes."""
    return f"{_OURS}:replay<{replay_to}" if next_offset < replay_to else _OURS


def start_of(committed: Committed | None, watermark: int, log_start: int) -> Start:
    """Where a newly assigned partition is taken up.

    ``watermark`` is the offset up to which everything is counted, 0 when nothing is. Our own commit resumes
    at the watermark (a crash between D and K left the commit behind). A commit without our mark is an
    operator's: records below the watermark are published again and not counted again.
    """
    if committed is None:
        position = max(log_start, watermark)
        return Start(position, 0, "FIRST_START" if watermark == 0 else "AFTER_CRASH")
    offset, metadata = committed
    replay = _REPLAY.fullmatch(metadata)
    if replay is not None and offset < int(replay[1]):
        return Start(offset, int(replay[1]), "REPLAY_GOES_ON")
    if replay is not None or metadata == _OURS:
        case: Case = "AFTER_CRASH" if offset < watermark else "RESUME"
        return Start(max(offset, watermark), 0, case)
    if offset < watermark:
        return Start(offset, watermark, "RESET_BACK")
    return Start(offset, 0, "SKIP_FORWARD" if offset > watermark else "RESUME")
