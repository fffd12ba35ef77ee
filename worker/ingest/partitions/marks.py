"""The mark in a commit's metadata. Pure.

Protocol: outputs are published (P), the watermark is moved with the counts (D), then the offset is committed
with a mark (K). The mark tells our own commit from an operator's reset, which leaves the metadata empty, and
it names the topic: one that was deleted and created again has another id. It also carries what the next owner
of the partition has to know and cannot find out again: how far a replay goes, where a log was found
truncated, and what the brake had counted when it stopped the partition.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_MARK: Final = re.compile(
    r"mmw1:([A-Za-z0-9_-]{22})(?::replay<(\d{1,19}))?(?::truncated@(\d{1,19}))?"
    r"(?::brake@(\d{1,19})/(\d{1,9})/(\d{1,9})/(\d{1,9}))?",
    re.ASCII,
)


class BrakeState(NamedTuple):
    """The dead letters before a position, as the brake counts them.

    ``run`` of them in a row, from offset ``run_from`` on; ``dead`` among the last ``window`` records.
    """

    run_from: int
    run: int
    dead: int
    window: int


class CommitMark(NamedTuple):
    """What a commit of ours says in addition to its offset.

    Records below ``replay_to`` are published again without being counted; 0 when no replay is under way.
    ``truncated_at`` is where the log was found to end, below what is counted; None when it was not.
    ``brake`` is there when the brake has stopped the partition at this offset.
    """

    topic_id: str
    replay_to: int = 0
    truncated_at: int | None = None
    brake: BrakeState | None = None


def mark(
    topic_id: str,
    next_offset: int,
    replay_to: int = 0,
    truncated_at: int | None = None,
    brake: BrakeState | None = None,
) -> str:
    """The metadata for a commit of ``next_offset``; while a replay is under way it says how far it goes."""
    replay = f":replay<{replay_to}" if next_offset < replay_to else ""
    truncated = "" if truncated_at is None else f":truncated@{truncated_at}"
    braked = "" if brake is None else f":brake@{'/'.join(map(str, brake))}"
    return f"mmw1:{topic_id}{replay}{truncated}{braked}"


def read_mark(metadata: str) -> CommitMark | None:
    """What ``mark`` wrote; None for whatever is not ours."""
    found = _MARK.fullmatch(metadata)
    if found is None:
        return None
    topic_id, replay_to, truncated_at, *brake = found.groups()
    return CommitMark(
        topic_id,
        replay_to=int(replay_to or 0),
        truncated_at=None if truncated_at is None else int(truncated_at),
        brake=None if brake[0] is None else BrakeState(*map(int, brake)),
    )
