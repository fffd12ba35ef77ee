from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.telemetry.metric_list import RELAY_METRICS
from worker.storage.columns.time_columns import LATEST
from worker.storage.lead import Pending


def value(metrics: RelayMetrics, name: str) -> float:
    found = metrics.registry.get_sample_value(name)
    assert found is not None
    return found


def test_every_metric_of_the_list_is_shown_with_its_sentence() -> None:
    shown = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.documentation
        for family in text_string_to_metric_families(RelayMetrics().text().decode())
        if family.name.startswith("marketmap_") and not family.name.endswith("_created")
    }
    assert shown == {name: metric.sentence for name, metric in RELAY_METRICS.items()}


def test_the_age_grows_until_the_oldest_change_is_published() -> None:
    metrics = RelayMetrics()
    metrics.pending(Pending(3, datetime.now(UTC) - timedelta(seconds=60)))
    assert value(metrics, "marketmap_relay_backlog") == 3
    assert value(metrics, "marketmap_relay_age_seconds") >= 60
    metrics.pending(Pending(0, None))
    assert value(metrics, "marketmap_relay_age_seconds") == 0


def test_a_change_of_a_time_to_come_has_no_age() -> None:
    metrics = RelayMetrics()
    metrics.pending(Pending(1, LATEST))
    assert value(metrics, "marketmap_relay_age_seconds") == 0


def test_a_relay_that_stands_by_tells_of_no_backlog() -> None:
    metrics = RelayMetrics()
    metrics.pending(Pending(3, datetime.now(UTC) - timedelta(seconds=60)))
    metrics.stands_by()
    assert (
        value(metrics, "marketmap_relay_backlog"),
        value(metrics, "marketmap_relay_age_seconds"),
    ) == (
        0,
        0,
    )


def test_a_lead_that_is_lost_is_shown_and_counted() -> None:
    metrics = RelayMetrics()
    metrics.leads(17)
    assert (value(metrics, "marketmap_relay_leads"), value(metrics, "marketmap_relay_version")) == (
        1,
        17,
    )
    metrics.lost()
    assert value(metrics, "marketmap_relay_leads") == 0
    assert value(metrics, "marketmap_relay_failures_total") == 1
