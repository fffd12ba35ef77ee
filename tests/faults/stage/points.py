"""Where a worker, a snapshot process or an insight process can be made to die or freeze.

`publish` is step P of a batch, once for each of its polls, `count` D, `commit` K. The next batch may be in P
while one is in D or K.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Point(NamedTuple):
    name: str
    where: str
    often: int = 1  # how often a short run passes it at least


_EVERY: Final = (
    Point("publish.before", where="before P, polls before it not counted"),
    Point("publish.unacknowledged", where="in P, a partition's records sent and not acknowledged"),
    Point("publish.middle", where="in P, half acknowledged and half not sent"),
    Point("publish.after", where="after P, before D"),
    Point("publish.ahead", where="in D, the next batch published"),
    Point("count.sent", where="in D, its only statement sent and not answered"),
    Point("count.begun", where="in D with new markets, after BEGIN"),
    Point("count.moved", where="in D with new markets, watermarks moved"),
    Point("count.added", where="in D with new markets, misses added, before COMMIT"),
    Point("count.committing", where="in D with new markets, COMMIT sent and not answered"),
    Point("count.committed", where="after D, answer not used"),
    Point("commit.before", where="before K"),
    Point("commit.sent", where="in K, commit sent and not answered"),
    Point("commit.after", where="after K"),
    Point("announce.before", where="before a first sighting is told"),
    Point("announce.after", where="first sighting told and not marked"),
    Point("open.before", where="assigned, nothing looked up"),
    Point("open.looked_up", where="opening, watermarks read"),
    Point("open.resumed", where="partitions just opened"),
    Point("drain.before", where="asked to give partitions up"),
    Point("drain.after", where="drained, not yet given up"),
)

# Passed once in many batches, or when partitions move.
RARE: Final = (
    "open.",
    "drain.",
    "announce.",
    "publish.ahead",
    "count.begun",
    "count.moved",
    "count.added",
    "count.committing",
)

POINTS: Final = {point.name: point for point in _EVERY}

# Of a snapshot process. It never repeats: what is there already is not newer than itself.
_OF_SNAPSHOT: Final = (
    Point("latest.fenced", where="takeover, id taken over, nothing read back"),
    Point("latest.restored", where="takeover, read back, not opened"),
    Point("latest.read", where="resolved events read, nothing written"),
    Point("latest.begun", where="transaction begun, nothing sent"),
    Point("latest.sent", where="in the transaction, records acknowledged"),
    Point("latest.committing", where="transaction's commit sent, not answered"),
    Point("latest.written", where="written, offset not committed"),
    Point("latest.committing_offset", where="offset sent, not answered"),
    Point("latest.done", where="offset committed"),
)
SNAPSHOT_POINTS: Final = {point.name: point for point in _OF_SNAPSHOT}
# Of an insight process. To read or judge something again adds nothing.
_OF_INSIGHT: Final = (
    Point("insight.led", where="lead taken, nothing restored"),
    Point("insight.restored", where="restored, nothing read"),
    Point("insight.taken", where="observations in memory, none stored"),
    Point("insight.stored", where="some events stored, others not", often=4),
    Point("insight.kept", where="events stored, offsets not committed"),
    Point("insight.committing", where="offsets sent, not answered"),
    Point("insight.committed", where="offsets committed, nothing judged"),
    Point("insight.counted", where="an hour's form counted, not stored", often=3),
    Point("insight.compared", where="events compared, no evidence stored"),
    Point("insight.saving", where="evidence sent, not answered"),
    Point("insight.saved", where="evidence stored, older evidence not deleted"),
    Point("insight.raised", where="alarm raised, without examples"),
    Point("insight.dropped", where="old suggestions deleted, new ones not stored"),
    Point("insight.suggested", where="suggestions stored, without examples"),
    Point("insight.grading", where="grades sent, transaction not committed"),
    Point("insight.turned", where="everything written, and rests"),
)
INSIGHT_POINTS: Final = {point.name: point for point in _OF_INSIGHT}
LEADS: Final = ("insight.led", "insight.restored")
TAKEOVERS: Final = ("latest.fenced", "latest.restored")
