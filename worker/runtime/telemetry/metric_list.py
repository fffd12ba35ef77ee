"""Every metric: its name, its kind, its labels with their values, and a sentence that says what it counts.

No label takes its values from a record: they are listed here, or are those of the installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

from schemas.dead_letter import DeadReason
from schemas.latest import TombstoneReason
from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.shape import FieldLevel
from worker.ingest.partitions.owned import StopCause
from worker.ingest.partitions.starts import Case, WatermarkCause
from worker.ingest.planning.brake import BrakeLimit
from worker.runtime.liveness.outlook import StallCause
from worker.storage.access.snapshots import HolderKind

# Why a resolved event is not written to odds.latest.
LeftOut = Literal["older", "unseen", "future", "unreadable"]

# Why an observation is not watched.
NotWatched = Literal["unreadable", "scope", "started", "future", "old", "sample", "large"]
# What the insight process judges, one at a time.
JudgedThing = Literal["event", "mapping", "miss"]
RefusedThing = Literal["event", "hour", "mapping", "miss"]

# How the console answered: as asked, with a refusal, or not at all because something failed.
AnswerClass = Literal["ok", "refused", "failed"]
SignInResult = Literal["ok", "refused", "limited"]

WorkerMetric = Literal[
    "marketmap_observations_total",
    "marketmap_markets_total",
    "marketmap_recalled_markets_total",
    "marketmap_field_samples_total",
    "marketmap_unread_fields_total",
    "marketmap_dead_letters_total",
    "marketmap_observation_age_seconds",
    "marketmap_brakes_total",
    "marketmap_records_total",
    "marketmap_bytes_total",
    "marketmap_batch_seconds",
    "marketmap_watermark_conflicts_total",
    "marketmap_rebalances_total",
    "marketmap_drain_seconds",
    "marketmap_partitions_opened_total",
    "marketmap_partitions_stopped",
    "marketmap_stopped_partition_info",
    "marketmap_offset_gap_records_total",
    "marketmap_storage_retries_total",
    "marketmap_unmapped_overflow_total",
    "marketmap_lag_records",
    "marketmap_lag_seconds",
    "marketmap_watermark_offset",
    "marketmap_stalled",
    "marketmap_standstill_seconds",
    "marketmap_blocked_seconds_total",
    "marketmap_index_version",
    "marketmap_index_mappings",
    "marketmap_index_unusable_mappings",
    "marketmap_index_age_seconds",
    "marketmap_index_delay_seconds",
    "marketmap_index_load_seconds",
    "marketmap_oldest_snapshot_transactions",
    "marketmap_oldest_snapshot_seconds",
]

RelayMetric = Literal[
    "marketmap_relay_leads",
    "marketmap_relay_version",
    "marketmap_relay_backlog",
    "marketmap_relay_age_seconds",
    "marketmap_relay_published_total",
    "marketmap_relay_skipped_total",
    "marketmap_relay_failures_total",
]

SnapshotMetric = Literal[
    "marketmap_snapshot_partitions",
    "marketmap_snapshot_keys",
    "marketmap_snapshot_lag_records",
    "marketmap_snapshot_read_total",
    "marketmap_snapshot_written_total",
    "marketmap_snapshot_tombstones_total",
    "marketmap_snapshot_left_out_total",
    "marketmap_stopped_partition_info",
    "marketmap_snapshot_failures_total",
]

ConsoleMetric = Literal[
    "marketmap_console_ready",
    "marketmap_console_answers_total",
    "marketmap_console_page_seconds",
    "marketmap_console_sign_ins_total",
    "marketmap_console_decisions_total",
]
InsightMetric = Literal[
    "marketmap_insight_leads",
    "marketmap_insight_lag_records",
    "marketmap_insight_events",
    "marketmap_insight_bytes",
    "marketmap_insight_age_seconds",
    "marketmap_insight_read_total",
    "marketmap_insight_left_out_total",
    "marketmap_insight_judged_total",
    "marketmap_insight_refused_total",
    "marketmap_insight_backlog",
    "marketmap_insight_backlog_seconds",
    "marketmap_insight_alarms",
    "marketmap_insight_drift_alarms",
    "marketmap_stopped_partition_info",
    "marketmap_insight_failures_total",
]

MetricName = WorkerMetric | RelayMetric | SnapshotMetric | InsightMetric


class Metric(NamedTuple):
    """``labels`` by name with all their values; no values if they depend on the installation."""

    kind: Literal["counter", "gauge", "histogram"]
    labels: Mapping[str, tuple[str, ...]]
    sentence: str


_OPEN: Final = ()
_PLACE: Final = {"topic": _OPEN, "partition": _OPEN}
_STOPPED: Final = Metric(
    "gauge",
    {**_PLACE, "cause": get_args(StopCause)},
    "1 for each partition that is not read until somebody acts, with the cause.",
)

METRICS: Final[dict[WorkerMetric, Metric]] = {
    "marketmap_observations_total": Metric(
        "counter", {"platform": PLATFORMS}, "Observations that could be read."
    ),
    "marketmap_markets_total": Metric(
        "counter",
        {"platform": PLATFORMS, "outcome": ("resolved", "missed", "rejected"), "reason": _OPEN},
        "Markets of observations by outcome, and the reason why they were missed or rejected.",
    ),
    "marketmap_recalled_markets_total": Metric(
        "counter",
        {"platform": PLATFORMS},
        "Markets of marketmap_markets_total that were recalled: their rows had a form that was seen before.",
    ),
    "marketmap_field_samples_total": Metric(
        "counter", {"platform": PLATFORMS}, "Records that were looked through for unread fields."
    ),
    "marketmap_unread_fields_total": Metric(
        "counter",
        {"platform": PLATFORMS, "level": get_args(FieldLevel)},
        "Names of fields that nobody reads, in sampled records; the log line unread_fields has the names.",
    ),
    "marketmap_dead_letters_total": Metric(
        "counter", {"reason": get_args(DeadReason)}, "Records that could not be read, by reason."
    ),
    "marketmap_observation_age_seconds": Metric(
        "histogram",
        {"platform": PLATFORMS},
        "Age of observations when Kafka took them, by platform; negative: from the future.",
    ),
    "marketmap_brakes_total": Metric(
        "counter",
        {"limit": get_args(BrakeLimit)},
        "Times that the dead letters of a partition reached a limit, by limit.",
    ),
    "marketmap_records_total": Metric(
        "counter", {}, "Records that went through all steps, including dead letters."
    ),
    "marketmap_bytes_total": Metric("counter", {}, "Bytes of the values of those records."),
    "marketmap_batch_seconds": Metric(
        "histogram",
        {"step": ("plan", "publish", "count", "commit")},
        "Time of one batch by step: plan, publish, count, commit.",
    ),
    "marketmap_watermark_conflicts_total": Metric(
        "counter", {}, "Compare-and-sets that found another worker's watermark."
    ),
    "marketmap_rebalances_total": Metric(
        "counter",
        {"kind": ("assigned", "revoked", "opened")},
        "Changes of the assignment by kind: assigned, revoked, opened.",
    ),
    "marketmap_drain_seconds": Metric(
        "histogram",
        {"outcome": ("finished", "timed_out")},
        "Waits for the batch in progress before partitions are released, by outcome: finished, timed_out.",
    ),
    "marketmap_partitions_opened_total": Metric(
        "counter",
        {"case": get_args(Case)},
        "Partitions opened, by case; the runbook lists the cases.",
    ),
    "marketmap_partitions_stopped": Metric(
        "gauge", {}, "Assigned partitions that are not read until somebody acts."
    ),
    "marketmap_stopped_partition_info": _STOPPED,
    "marketmap_offset_gap_records_total": Metric(
        "counter",
        {"topic": _OPEN, "cause": get_args(WatermarkCause)},
        "Offsets skipped, by topic and cause; see the runbook.",
    ),
    "marketmap_storage_retries_total": Metric(
        "counter", {"sqlstate": _OPEN}, "Transactions retried, by SQLSTATE (none: no answer)."
    ),
    "marketmap_unmapped_overflow_total": Metric(
        "counter",
        {"source": PLATFORMS},
        "Occurrences of new markets beyond the hourly limit, by bookmaker.",
    ),
    "marketmap_lag_records": Metric(
        "gauge", _PLACE, "Records of a partition that are not processed yet."
    ),
    "marketmap_lag_seconds": Metric(
        "gauge", _PLACE, "Age of the last record processed, or time since opening; 0 without lag."
    ),
    "marketmap_watermark_offset": Metric(
        "gauge", _PLACE, "Offset of a partition below which everything is counted."
    ),
    "marketmap_stalled": Metric(
        "gauge",
        {},
        "1 while something has not moved for half of the time after which the worker exits.",
    ),
    "marketmap_standstill_seconds": Metric(
        "gauge", {}, "Time for which something that should move has not moved; 0 for none."
    ),
    "marketmap_blocked_seconds_total": Metric(
        "counter",
        {"cause": get_args(StallCause)},
        "Time spent waiting, by cause: database, kafka.",
    ),
    "marketmap_index_version": Metric(
        "gauge", {}, "Version of the mapping index in use: the last audit id that it includes."
    ),
    "marketmap_index_mappings": Metric("gauge", {}, "Mappings in the index in use."),
    "marketmap_index_unusable_mappings": Metric(
        "gauge", {}, "Active mappings that cannot be used, and so are not in the index."
    ),
    "marketmap_index_age_seconds": Metric(
        "gauge", {}, "Time since the index was last known to be the newest."
    ),
    "marketmap_index_delay_seconds": Metric(
        "histogram",
        {},
        "Time from a change of a mapping to its use, by the clocks of both machines.",
    ),
    "marketmap_index_load_seconds": Metric(
        "histogram",
        {"kind": ("table", "changes")},
        "Time to read and build an index, by kind: table, changes.",
    ),
    "marketmap_oldest_snapshot_transactions": Metric(
        "gauge",
        {"holder": get_args(HolderKind)},
        "Transactions since the oldest snapshot that is held in the database, by holder.",
    ),
    "marketmap_oldest_snapshot_seconds": Metric(
        "gauge",
        {"holder": get_args(HolderKind)},
        "Time for which the oldest snapshot is held, as far as Postgres tells, by holder.",
    ),
}

RELAY_METRICS: Final[dict[RelayMetric, Metric]] = {
    "marketmap_relay_leads": Metric(
        "gauge", {}, "1 while this relay is the one that publishes, else 0."
    ),
    "marketmap_relay_version": Metric(
        "gauge",
        {},
        "Mapping version up to which changes are published, as the leading relay knows it.",
    ),
    "marketmap_relay_backlog": Metric(
        "gauge", {}, "Changes that are not published yet, as the leading relay last saw it."
    ),
    "marketmap_relay_age_seconds": Metric(
        "gauge", {}, "Age of the oldest change that is not published yet, 0 for none."
    ),
    "marketmap_relay_published_total": Metric(
        "counter", {}, "Changes that this relay has published."
    ),
    "marketmap_relay_skipped_total": Metric(
        "counter", {}, "Changes skipped because no message can be made of their audit row."
    ),
    "marketmap_relay_failures_total": Metric(
        "counter", {}, "Times that this relay gave up the lead because of an error."
    ),
}

SNAPSHOT_METRICS: Final[dict[SnapshotMetric, Metric]] = {
    "marketmap_snapshot_partitions": Metric(
        "gauge", {}, "Partitions of odds.latest that this process has opened."
    ),
    "marketmap_snapshot_keys": Metric(
        "gauge", {}, "Events, or parts of events, in the partitions that this process has opened."
    ),
    "marketmap_snapshot_lag_records": Metric(
        "gauge", {}, "Resolved events in the partitions of this process that it has not read yet."
    ),
    "marketmap_snapshot_read_total": Metric(
        "counter", {}, "Resolved events that the snapshot process has read."
    ),
    "marketmap_snapshot_written_total": Metric(
        "counter", {}, "Newest resolved events written to odds.latest."
    ),
    "marketmap_snapshot_tombstones_total": Metric(
        "counter",
        {"reason": get_args(TombstoneReason)},
        "Keys removed from odds.latest, by reason: ended, unseen, replaced.",
    ),
    "marketmap_snapshot_left_out_total": Metric(
        "counter",
        {"reason": get_args(LeftOut)},
        "Resolved events not written, by reason: older, unseen (too old), future, unreadable.",
    ),
    "marketmap_stopped_partition_info": _STOPPED,
    "marketmap_snapshot_failures_total": Metric(
        "counter",
        {},
        "Times that a partition was closed or not opened, or the group left, because of an error.",
    ),
}

CONSOLE_METRICS: Final[dict[ConsoleMetric, Metric]] = {
    "marketmap_console_ready": Metric(
        "gauge", {}, "1 while the console's database answers, else 0."
    ),
    "marketmap_console_answers_total": Metric(
        "counter",
        {"answer": get_args(AnswerClass)},
        "Answers of the console: ok, refused (the person may not, or asked for what is not there), failed.",
    ),
    "marketmap_console_page_seconds": Metric("histogram", {}, "Time that a page took."),
    "marketmap_console_sign_ins_total": Metric(
        "counter",
        {"result": get_args(SignInResult)},
        "Attempts to sign in, by result: ok, refused, limited (too many before it).",
    ),
    "marketmap_console_decisions_total": Metric(
        "counter", {}, "Decisions that people made in the console."
    ),
}

INSIGHT_METRICS: Final[dict[InsightMetric, Metric]] = {
    "marketmap_insight_leads": Metric("gauge", {}, "1 while this insight process leads, else 0."),
    "marketmap_insight_lag_records": Metric(
        "gauge", {}, "Observations that the leading insight process has not read yet."
    ),
    "marketmap_insight_events": Metric("gauge", {}, "Events that are watched."),
    "marketmap_insight_bytes": Metric("gauge", {}, "Size of the boards that are kept."),
    "marketmap_insight_age_seconds": Metric(
        "gauge", {}, "Time since findings were last written; 0 while another process leads."
    ),
    "marketmap_insight_read_total": Metric(
        "counter", {}, "Observations that the insight process has read."
    ),
    "marketmap_insight_left_out_total": Metric(
        "counter",
        {"reason": get_args(NotWatched)},
        "Observations not watched, by reason: unreadable, scope (another sport, or in play), started, "
        "future, old, sample (the event is not one of the sample), large (the board is over a bound of its "
        "size).",
    ),
    "marketmap_insight_judged_total": Metric(
        "counter",
        {"what": get_args(JudgedThing)},
        "Judgements made, by what was judged: event, mapping, miss.",
    ),
    "marketmap_insight_refused_total": Metric(
        "counter",
        {"what": get_args(RefusedThing)},
        "Things that the database refused and that were stepped over, by what they are: event, hour (of the "
        "form of observations), mapping, miss.",
    ),
    "marketmap_insight_backlog": Metric(
        "gauge",
        {"what": get_args(JudgedThing)},
        "Judgements that are due and not made yet, by what is to be judged: event, mapping, miss.",
    ),
    "marketmap_insight_backlog_seconds": Metric(
        "gauge", {}, "Time for which judgements have been due without a pause; 0 for none."
    ),
    "marketmap_insight_alarms": Metric("gauge", {}, "Alarms on mappings that are open."),
    "marketmap_insight_drift_alarms": Metric(
        "gauge", {}, "Alarms that are open because a bookmaker sends another form than before."
    ),
    "marketmap_stopped_partition_info": _STOPPED,
    "marketmap_insight_failures_total": Metric(
        "counter", {}, "Times that this insight process gave up the lead because of an error."
    ),
}
