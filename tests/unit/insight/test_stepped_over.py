"""What the database refuses is logged, counted and stepped over; any other failure is not."""

import pytest
from structlog.testing import capture_logs

from worker.insight.stepped_over import stepping_over
from worker.insight.watching.metrics import InsightMetrics
from worker.storage.errors import StorageFatal, StorageRefused, StorageUnavailable


def refuse() -> None:
    raise StorageRefused("value too long", "22001")


def test_a_refusal_is_logged_counted_and_stepped_over() -> None:
    metrics = InsightMetrics()
    with capture_logs() as logged, stepping_over("event", metrics.refused, event_key="sr:match:1"):
        refuse()
    assert logged == [
        {
            "event": "insight_not_stored",
            "log_level": "warning",
            "what": "event",
            "event_key": "sr:match:1",
            "error": "value too long",
        }
    ]
    assert b'marketmap_insight_refused_total{what="event"} 1.0' in metrics.text()
    assert b'marketmap_insight_refused_total{what="hour"} 0.0' in metrics.text()


@pytest.mark.parametrize("error", [StorageUnavailable, StorageFatal, ValueError])
def test_any_other_failure_goes_on(error: type[Exception]) -> None:
    metrics = InsightMetrics()
    with pytest.raises(error), stepping_over("hour", metrics.refused):
        raise error("no")
    assert b'marketmap_insight_refused_total{what="hour"} 0.0' in metrics.text()
