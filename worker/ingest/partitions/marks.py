"""The mark in a commit's metadata. Pure.

Protocol: outputs are published (P), the watermark is moved with the counts (D), then the offset is committed
with a mark (K). The mark tells our own commit from an operator's reset, which leaves it empty, and it names
the topic: one that was deleted and created again has another id.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MARK: Final = re.compile(
    r"mmw1:([A-Za-z0-9_-]{22})(?::replay<(\d{1,19}))?(?::truncated@(\d{1,19}))?", re.ASCII
)


class CommitMark(NamedTuple):
    """What a commit of ours says beside its offset.

    Records below ``replay_to`` are published again without being counted; 0 when no replay is under way.
    ``truncated_at`` is where the log was found to end, below what is counted; None when it was not.
    """

    topic_id: str
    replay_to: int = 0
    truncated_at: int | None = None


def mark(
    topic_id: str, next_offset: int, replay_to: int = 0, truncated_at: int | None = None
) -> str:
    """The metadata for a commit of ``next_offset``; while a replay is under way it says how far it goes."""
    replay = f":replay<{replay_to}" if next_offset < replay_to else ""
    truncated = "" if truncated_at is None else f":truncated@{truncated_at}"
    return f"mmw1:{topic_id}{replay}{truncated}"


def read_mark(metadata: str) -> CommitMark | None:
    """What ``mark`` wrote; None for whatever is not ours."""
    found = _MARK.fullmatch(metadata)
    if found is None:
        return None
    topic_id, replay_to, truncated_at = found.groups()
    return CommitMark(
        topic_id, int(replay_to or 0), None if truncated_at is None else int(truncated_at)
    )
