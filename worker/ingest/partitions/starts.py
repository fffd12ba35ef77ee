"""Where a partition starts to be read, and what was found there. Pure.

Three things are compared:
- the group's commit with its mark: how far records were processed, and, during a replay, how far it goes;
- the watermark in the database: every offset below it is counted, so counting always continues there;
- the bounds of the log: what can be read at all.

The decision is made in three steps, each a function below. `_wanted` says what commit and watermark ask for,
whatever is left of the log:
- Our own commit: continue. If it is below the watermark, the process died between counting and committing, or
  a replay is under way: what is published again is not counted again. If it is above, the database was
  restored from a backup: continue at the watermark.
- A commit that an operator's tool has set is an order: back means publish again without counting, forward
  means skip. A commit of another consumer, say one on a console that joined the group, orders nothing.
- A mark with another topic id belongs to a topic that was deleted: ignore the commit, and start at the
  watermark of this topic id, which is 0 at first.

Then `_truncated` looks at the log's end. If more is counted or committed than the log holds, brokers have
lost records, and new records have the offsets of lost ones. Only an operator can decide what to do: the
partition is stopped, and the place is kept in the mark, so that a log that has grown since does not hide it.

Finally, `_not_before` looks at the log's start: what retention deleted before it was counted is a gap.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from worker.ingest.partitions.marks import CommitMark, read_mark
from worker.kafka.record import Committed

Case = Literal[
    "FIRST_START",
    "NEW_PARTITION",
    "RECREATED",
    "RESUME",
    "AFTER_CRASH",
    "REPLAY_GOES_ON",
    "RESET_BACK",
    "SKIP_FORWARD",
    "FOREIGN_COMMIT",
    "COUNTS_WENT_BACK",
    "RETENTION_GAP",
    "TRUNCATED",
]
WatermarkCause = Literal["retention", "operator", "truncation"]
OnTruncation = Literal["stop", "continue"]

# Nothing of the partition was read before: that older records are gone already is no loss of ours.
_BEGINNINGS: Final[frozenset[Case]] = frozenset({"FIRST_START", "NEW_PARTITION", "RECREATED"})
ALARMS: Final[frozenset[Case]] = frozenset(
    {"RECREATED", "FOREIGN_COMMIT", "COUNTS_WENT_BACK", "RETENTION_GAP", "TRUNCATED"}
)


class Findings(NamedTuple):
    """What the cluster and the database know of a partition.

    ``log_end`` is the end of open transactions, too: an operator may have skipped to there. ``is_new``: no
    watermark of it was there before. ``others_counted``: other partitions of the same topic are.
    ``had_other_id``: a topic of another id had the name before.
    """

    topic_id: str
    committed: Committed | None
    watermark: int
    log_start: int
    log_end: int
    is_new: bool = False
    others_counted: bool = False
    had_other_id: bool = False


class Start(NamedTuple):
    """What to do with a partition.

    Reading starts at ``position``; records below ``replay_to`` are published and not counted. ``watermark``
    is where the watermark has to be before that. ``lost`` offsets, for the reason ``cause``, are not
    counted, or were counted and are no longer there. A stopped partition is not read at all: its log was
    found to end at ``truncated_at``.
    """

    case: Case
    position: int
    watermark: int
    replay_to: int = 0
    lost: int = 0
    cause: WatermarkCause | None = None
    truncated_at: int | None = None

    @property
    def is_stopped(self) -> bool:
        return self.truncated_at is not None


def start_of(found: Findings, on_truncation: OnTruncation = "stop") -> Start:
    """Decide where a newly assigned partition starts."""
    wanted = _wanted(found)
    end = _end(found)
    if max(wanted.position, wanted.watermark) > end:
        wanted = _truncated(wanted, found, end)
        if on_truncation == "stop":
            return wanted
        wanted = _cut_off(wanted, end)
    return _not_before(wanted, found.log_start)


def _wanted(found: Findings) -> Start:
    """Say what commit and watermark ask for, whatever is left of the log."""
    if found.committed is None:
        return _without_commit(found, None)
    ours = read_mark(found.committed.metadata)
    if ours is None and found.committed.is_reset:
        return _operators(found, found.committed.offset)
    if ours is None:
        return Start("FOREIGN_COMMIT", position=found.watermark, watermark=found.watermark)
    if ours.topic_id != found.topic_id:
        return _without_commit(found, ours)
    return _ours(found, found.committed.offset, ours)


def _without_commit(found: Findings, of_another_topic: CommitMark | None) -> Start:
    case: Case = "AFTER_CRASH" if found.watermark else _beginning(found, of_another_topic)
    return Start(case, position=found.watermark, watermark=found.watermark)


def _beginning(found: Findings, of_another_topic: CommitMark | None) -> Case:
    if of_another_topic is not None:
        return "RECREATED"
    if found.is_new and found.others_counted:
        return "NEW_PARTITION"
    return "RECREATED" if found.is_new and found.had_other_id else "FIRST_START"


def _ours(found: Findings, offset: int, ours: CommitMark) -> Start:
    """Continue a replay up to the watermark, which a count in progress may have moved since it began."""
    watermark = found.watermark
    if offset < min(ours.replay_to, watermark):
        counts_went_back = ours.replay_to > watermark
        case: Case = "COUNTS_WENT_BACK" if counts_went_back else "REPLAY_GOES_ON"
        return Start(case, position=offset, watermark=watermark, replay_to=watermark)
    if max(offset, ours.replay_to) > watermark:
        return Start("COUNTS_WENT_BACK", position=watermark, watermark=watermark)
    return Start(
        "RESUME" if offset == watermark else "AFTER_CRASH", position=watermark, watermark=watermark
    )


def _operators(found: Findings, offset: int) -> Start:
    watermark = found.watermark
    if offset < watermark:
        return Start("RESET_BACK", position=offset, watermark=watermark, replay_to=watermark)
    if offset == watermark:
        return Start(
            "RESUME" if watermark else _beginning(found, None),
            position=offset,
            watermark=watermark,
        )
    skipped = max(0, offset - max(watermark, found.log_start))
    return Start(
        "SKIP_FORWARD",
        position=offset,
        watermark=offset,
        lost=skipped,
        cause="operator" if skipped else None,
    )


def _end(found: Findings) -> int:
    """Where the log ends; once it was found truncated, where it ended then.

    What was written since took offsets that are counted for other records.
    """
    ours = None if found.committed is None else read_mark(found.committed.metadata)
    if ours is None or ours.topic_id != found.topic_id or ours.truncated_at is None:
        return found.log_end
    return min(found.log_end, ours.truncated_at)


def _truncated(wanted: Start, found: Findings, end: int) -> Start:
    if found.watermark <= end:  # an operator's commit that no log reaches
        skipped = max(0, end - max(found.watermark, found.log_start))
        return Start(
            "TRUNCATED",
            position=end,
            watermark=found.watermark,
            lost=skipped,
            cause="operator",
            truncated_at=end,
        )
    return Start(
        "TRUNCATED",
        position=min(wanted.position, end),
        watermark=found.watermark,
        replay_to=wanted.replay_to,
        lost=found.watermark - end,
        cause="truncation",
        truncated_at=end,
    )


def _cut_off(start: Start, end: int) -> Start:
    replay_to = end if start.position < min(start.replay_to, end) else 0
    return start._replace(watermark=end, replay_to=replay_to, truncated_at=None)


def _not_before(start: Start, log_start: int) -> Start:
    """Older records are gone: what was counted of them is no loss."""
    if start.position >= log_start:
        return start
    gone = log_start - max(start.position, start.watermark)
    if gone > 0 and not _is_beginning(start):
        return Start(
            "RETENTION_GAP",
            position=log_start,
            watermark=log_start,
            lost=gone,
            cause="retention",
        )
    replay_to = start.replay_to if log_start < start.replay_to else 0
    return start._replace(
        position=log_start, watermark=max(start.watermark, log_start), replay_to=replay_to
    )


def _is_beginning(start: Start) -> bool:
    return start.case in _BEGINNINGS or (start.case == "FOREIGN_COMMIT" and start.watermark == 0)
