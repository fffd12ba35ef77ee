import math
from collections import Counter
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.markets import CATALOGUE
from tests.support.records import place
from worker.domain.mapping import dump_mapping
from worker.ingest.handler import BatchReport
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.opening import Opening
from worker.ingest.partitions.owned import Lag, StoppedPartition
from worker.ingest.partitions.starts import Start
from worker.ingest.planning.plan import MarketCount
from worker.ingest.reading.field_samples import FieldSample
from worker.runtime.index.following import Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.snapshots import SnapshotAge
from worker.runtime.liveness.watchdog import ProgressVerdict
from worker.runtime.telemetry.metric_list import (
    METRICS,
    RELAY_METRICS,
    Metric,
    MetricName,
    RelayMetric,
    WorkerMetric,
)
from worker.runtime.telemetry.metrics import Metrics
from worker.storage.access.snapshots import HolderKind

REPORT = BatchReport(
    records=3,
    bytes=700,
    seconds={"plan": 0.002, "publish": 0.02, "count": 0.2, "commit": 2},
    observations=Counter({"sportybet": 2}),
    outcomes=Counter(
        {
            MarketCount("sportybet", "resolved"): 5,
            MarketCount("bet9ja", "missed", "UNKNOWN_MARKET"): 2,
        }
    ),
    dead=Counter({"EMPTY": 1}),
    conflicts=1,
)


AT_40 = Opening(place(2), None, Start("TRUNCATED", 40, 50, 0, 10, "truncation", 40))


class Lagging:
    stopped = (StoppedPartition(place(2), "TRUNCATED", "its log ends below"),)

    def lags(self, now_s: float) -> list[Lag]:
        assert now_s > 1_700_000_000, "the clock counts seconds"
        return [Lag(place(2), 40, 1.5, 17)]


def watched() -> Metrics:
    metrics = Metrics()
    metrics.watch(cast("Assignment", Lagging()))
    return metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: MetricName | str, **labels: Any) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def families(metrics: Metrics) -> dict[str, str]:
    """Name to sentence, of every metric in the registry; the client drops a counter's `_total`."""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family.documentation
        for family in metrics.registry.collect()
        if family.name.startswith("marketmap_")
    }


def test_every_metric_in_the_list_exists_with_its_sentence_and_there_is_no_other() -> None:
    assert families(watched()) == {name: metric.sentence for name, metric in METRICS.items()}


def test_every_name_of_the_types_is_in_its_list() -> None:
    assert set(get_args(WorkerMetric)) == set(METRICS)
    assert set(get_args(RelayMetric)) == set(RELAY_METRICS)


@pytest.mark.parametrize(("name", "metric"), (METRICS | RELAY_METRICS).items())
def test_a_metric_is_named_by_the_rules_of_prometheus(name: str, metric: Metric) -> None:
    assert metric.sentence.endswith(".")
    assert name.endswith("_total") == (metric.kind == "counter")
    assert name.endswith("_seconds") or metric.kind != "histogram"
    assert not metric.labels.keys() & {"le", "quantile", "job", "instance"}, (
        "these are Prometheus's own"
    )


def test_only_labels_of_few_values_have_no_list_of_them() -> None:
    """Partitions that are owned, codes of the resolver, SQLSTATEs that are tried again: no sender's text."""
    everything = (METRICS | RELAY_METRICS).values()
    without = {
        label for metric in everything for label, values in metric.labels.items() if not values
    }
    assert without == {"topic", "partition", "reason", "sqlstate"}


def test_the_standard_metrics_of_a_process_are_shown_as_well() -> None:
    assert value(Metrics(), "process_start_time_seconds") > 1_700_000_000


def test_what_has_not_happened_yet_is_shown_as_zero() -> None:
    metrics = Metrics()
    assert value(metrics, "marketmap_dead_letters_total", reason="INVALID_JSON") == 0
    assert value(metrics, "marketmap_partitions_opened_total", case="RETENTION_GAP") == 0


def test_a_batch_adds_to_what_was_there() -> None:
    metrics = Metrics()
    metrics.batch(REPORT)
    metrics.batch(REPORT)
    assert value(metrics, "marketmap_records_total") == 6
    assert value(metrics, "marketmap_bytes_total") == 1400
    assert value(metrics, "marketmap_watermark_conflicts_total") == 2


def test_observations_markets_and_dead_letters_are_told_apart() -> None:
    metrics = Metrics()
    metrics.batch(REPORT)
    assert (
        value(
            metrics, "marketmap_markets_total", platform="sportybet", outcome="resolved", reason=""
        )
        == 5
    )
    missed = {"platform": "bet9ja", "outcome": "missed", "reason": "UNKNOWN_MARKET"}
    assert value(metrics, "marketmap_markets_total", **missed) == 2
    assert value(metrics, "marketmap_observations_total", platform="sportybet") == 2
    assert value(metrics, "marketmap_dead_letters_total", reason="EMPTY") == 1


def test_recalled_markets_and_unread_fields_are_shown_by_bookmaker() -> None:
    metrics = Metrics()
    samples = [
        FieldSample("betpawa", {"row": ["closed", "line"], "outcome": ["fee"]}),
        FieldSample("bet9ja", {}),
    ]
    metrics.batch(replace(REPORT, recalled=Counter({"betpawa": 40}), samples=samples))
    assert value(metrics, "marketmap_recalled_markets_total", platform="betpawa") == 40
    assert value(metrics, "marketmap_field_samples_total", platform="betpawa") == 1
    assert value(metrics, "marketmap_field_samples_total", platform="bet9ja") == 1
    unread = "marketmap_unread_fields_total"
    assert value(metrics, unread, platform="betpawa", level="row") == 2
    assert value(metrics, unread, platform="betpawa", level="outcome") == 1
    assert value(metrics, unread, platform="bet9ja", level="outcome") == 0


@pytest.mark.parametrize(("step", "seconds"), REPORT.seconds.items())
def test_each_step_of_a_batch_is_timed_by_itself(step: str, seconds: float) -> None:
    metrics = Metrics()
    metrics.batch(REPORT)
    assert value(metrics, "marketmap_batch_seconds_sum", step=step) == seconds
    assert value(metrics, "marketmap_batch_seconds_count", step=step) == 1


def test_a_retry_without_an_answer_of_the_server_is_counted_as_such() -> None:
    metrics = Metrics()
    metrics.retried(None)
    metrics.retried("40P01")
    assert value(metrics, "marketmap_storage_retries_total", sqlstate="none") == 1
    assert value(metrics, "marketmap_storage_retries_total", sqlstate="40P01") == 1


def test_the_oldest_snapshot_is_shown_by_holder_and_no_number_where_it_is_not_known() -> None:
    metrics = Metrics()
    name = "marketmap_oldest_snapshot_transactions"
    assert value(metrics, name, holder="slot") == 0
    ages: dict[HolderKind, SnapshotAge] = {kind: SnapshotAge() for kind in get_args(HolderKind)}
    metrics.snapshots(ages | {"prepared": SnapshotAge(12, 34.5)})
    assert value(metrics, name, holder="prepared") == 12
    assert value(metrics, "marketmap_oldest_snapshot_seconds", holder="prepared") == 34.5
    assert value(metrics, name, holder="session") == 0
    metrics.snapshots(None)
    assert math.isnan(value(metrics, name, holder="prepared"))


def test_rebalances_are_counted_by_kind() -> None:
    metrics = Metrics()
    metrics.rebalanced("assigned")
    assert value(metrics, "marketmap_rebalances_total", kind="assigned") == 1


@pytest.mark.parametrize(("finished", "outcome"), [(True, "finished"), (False, "timed_out")])
def test_drains_are_timed_by_whether_the_batch_in_progress_was_finished(
    *, finished: bool, outcome: str
) -> None:
    metrics = Metrics()
    metrics.drained(1.5, finished=finished)
    assert value(metrics, "marketmap_drain_seconds_sum", outcome=outcome) == 1.5


def test_openings_are_counted_by_case_and_what_is_left_out_by_topic_and_cause() -> None:
    metrics = Metrics()
    metrics.opened(AT_40)
    metrics.opened(AT_40._replace(start=Start("RESUME", 50, 50)))
    assert value(metrics, "marketmap_partitions_opened_total", case="TRUNCATED") == 1
    assert value(metrics, "marketmap_partitions_opened_total", case="RESUME") == 1
    left_out = {"topic": "observations.sportybet", "cause": "truncation"}
    assert value(metrics, "marketmap_offset_gap_records_total", **left_out) == 10


def test_stopped_partitions_are_counted_when_the_metrics_are_read() -> None:
    assert value(watched(), "marketmap_partitions_stopped") == 1
    labels = {"topic": place(2).topic, "partition": "2", "cause": "TRUNCATED"}
    assert value(watched(), "marketmap_stopped_partition_info", **labels) == 1


async def test_the_index_in_use_is_shown() -> None:
    metrics, index = Metrics(), LiveIndex()
    await index.replace(7, [{"canonical_id": "broken"}, *map(dump_mapping, CATALOGUE)])
    metrics.index_swapped(index, Swap("table", 0.2, None))
    assert value(metrics, "marketmap_index_version") == 7
    assert value(metrics, "marketmap_index_mappings") == len(CATALOGUE)
    assert value(metrics, "marketmap_index_unusable_mappings") == 1
    assert value(metrics, "marketmap_index_load_seconds_sum", kind="table") == 0.2


def test_lag_is_asked_for_when_the_metrics_are_read() -> None:
    at = {"topic": "observations.sportybet", "partition": "2"}
    metrics = watched()
    assert value(metrics, "marketmap_lag_records", **at) == 40
    assert value(metrics, "marketmap_lag_seconds", **at) == 1.5
    assert value(metrics, "marketmap_watermark_offset", **at) == 17


def test_two_workers_in_one_process_do_not_share_metrics() -> None:
    one, other = Metrics(), Metrics()
    one.batch(REPORT)
    assert value(other, "marketmap_records_total") == 0


@pytest.mark.parametrize(("state", "shown"), [("moving", 0), ("stalled", 1), ("dead", 1)])
def test_a_stall_is_shown_with_how_long_it_has_lasted(
    state: Literal["moving", "stalled", "dead"], shown: int
) -> None:
    metrics = Metrics()
    metrics.progress(ProgressVerdict(state, 61.5, ()))
    assert value(metrics, "marketmap_stalled") == shown
    assert value(metrics, "marketmap_standstill_seconds") == 61.5


def test_time_in_which_something_was_waited_for_adds_up_by_cause() -> None:
    metrics = Metrics()
    metrics.blocked("database", 5.0)
    metrics.blocked("database", 2.5)
    metrics.blocked("kafka", 1.0)
    assert value(metrics, "marketmap_blocked_seconds_total", cause="database") == 7.5
    assert value(metrics, "marketmap_blocked_seconds_total", cause="kafka") == 1.0
