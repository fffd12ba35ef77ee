"""Where a worker, a snapshot process or an insight process can be made to die or freeze.

`publish` is step P of a batch, once for each of its polls, `count` D, `commit` K. `may_repeat` says whether
what is published of the batch in progress is published again after a death there: only between the first
record sent and the end of the transaction.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Point(NamedTuple):
    name: str
    may_repeat: bool
    where: str
    often: int = 1  # how often a short run passes it at least


_EVERY: Final = (
    Point("publish.before", may_repeat=True, where="before P, polls before it not counted"),
    Point(
        "publish.unacknowledged",
        may_repeat=True,
        where="in P, a partition's records sent and not acknowledged",
    ),
    Point("publish.middle", may_repeat=True, where="in P, half acknowledged and half not sent"),
    Point("publish.after", may_repeat=True, where="after P, before D"),
    Point("count.sent", may_repeat=True, where="in D, its only statement sent and not answered"),
    Point("count.begun", may_repeat=True, where="in D with new markets, after BEGIN"),
    Point("count.moved", may_repeat=True, where="in D with new markets, watermarks moved"),
    Point(
        "count.added", may_repeat=True, where="in D with new markets, misses added, before COMMIT"
    ),
    Point(
        "count.committing",
        may_repeat=True,
        where="in D with new markets, COMMIT sent and not answered",
    ),
    Point("count.committed", may_repeat=False, where="after D, answer not used"),
    Point("commit.before", may_repeat=False, where="before K"),
    Point("commit.sent", may_repeat=False, where="in K, commit sent and not answered"),
    Point("commit.after", may_repeat=False, where="after K"),
    Point("announce.before", may_repeat=True, where="before a first sighting is told"),
    Point("announce.after", may_repeat=True, where="first sighting told and not marked"),
    Point("open.before", may_repeat=False, where="assigned, nothing looked up"),
    Point("open.looked_up", may_repeat=False, where="opening, watermarks read"),
    Point("open.resumed", may_repeat=False, where="partitions just opened"),
    Point("drain.before", may_repeat=True, where="asked to give partitions up"),
    Point("drain.after", may_repeat=False, where="drained, not yet given up"),
)

# Passed once in many batches, or when partitions move.
RARE: Final = (
    "open.",
    "drain.",
    "announce.",
    "count.begun",
    "count.moved",
    "count.added",
    "count.committing",
)

POINTS: Final = {point.name: point for point in _EVERY}

# Of a snapshot process. It never repeats: what is there already is not newer than itself.
_OF_SNAPSHOT: Final = (
    Point("latest.fenced", may_repeat=False, where="takeover, id taken over, nothing read back"),
    Point("latest.restored", may_repeat=False, where="takeover, read back, not opened"),
    Point("latest.read", may_repeat=False, where="resolved events read, nothing written"),
    Point("latest.begun", may_repeat=False, where="transaction begun, nothing sent"),
    Point("latest.sent", may_repeat=False, where="in the transaction, records acknowledged"),
    Point("latest.committing", may_repeat=False, where="transaction's commit sent, not answered"),
    Point("latest.written", may_repeat=False, where="written, offset not committed"),
    Point("latest.committing_offset", may_repeat=False, where="offset sent, not answered"),
    Point("latest.done", may_repeat=False, where="offset committed"),
)
SNAPSHOT_POINTS: Final = {point.name: point for point in _OF_SNAPSHOT}
# Of an insight process. To read or judge something again adds nothing.
_OF_INSIGHT: Final = (
    Point("insight.led", may_repeat=True, where="lead taken, nothing restored"),
    Point("insight.restored", may_repeat=True, where="restored, nothing read"),
    Point("insight.taken", may_repeat=True, where="observations in memory, none stored"),
    Point("insight.stored", may_repeat=True, where="some events stored, others not", often=4),
    Point("insight.kept", may_repeat=True, where="events stored, offsets not committed"),
    Point("insight.committing", may_repeat=True, where="offsets sent, not answered"),
    Point("insight.committed", may_repeat=True, where="offsets committed, nothing judged"),
    Point("insight.counted", may_repeat=True, where="an hour's form counted, not stored", often=3),
    Point("insight.compared", may_repeat=True, where="events compared, no evidence stored"),
    Point("insight.saving", may_repeat=True, where="evidence sent, not answered"),
    Point("insight.saved", may_repeat=True, where="evidence stored, older evidence not deleted"),
    Point("insight.raised", may_repeat=True, where="alarm raised, without examples"),
    Point("insight.dropped", may_repeat=True, where="old suggestions deleted, new ones not stored"),
    Point("insight.suggested", may_repeat=True, where="suggestions stored, without examples"),
    Point("insight.grading", may_repeat=True, where="grades sent, transaction not committed"),
    Point("insight.turned", may_repeat=True, where="everything written, and rests"),
)
INSIGHT_POINTS: Final = {point.name: point for point in _OF_INSIGHT}
LEADS: Final = ("insight.led", "insight.restored")
TAKEOVERS: Final = ("latest.fenced", "latest.restored")
