"""What the documents say of settings, metrics and log events is what the code has."""

import re

from worker.lab.documents import log_events as log_events_document
from worker.lab.documents import metrics as metrics_document
from worker.lab.documents import settings as settings_document
from worker.runtime.telemetry.log_events import EVENTS
from worker.runtime.telemetry.metric_list import (
    CONSOLE_METRICS,
    INSIGHT_METRICS,
    METRICS,
    RELAY_METRICS,
    SNAPSHOT_METRICS,
)


def test_the_settings_document_is_the_one_that_the_settings_give() -> None:
    written = settings_document.DOCUMENT.read_text(encoding="utf-8")
    assert written == settings_document.settings_document()


def test_the_metrics_document_is_the_one_that_the_list_of_metrics_gives() -> None:
    written = metrics_document.DOCUMENT.read_text(encoding="utf-8")
    assert written == metrics_document.metrics_document()


def test_the_document_of_log_events_is_the_one_that_their_list_gives() -> None:
    written = log_events_document.DOCUMENT.read_text(encoding="utf-8")
    assert written == log_events_document.log_events_document()


def test_the_runbook_names_no_event_that_is_not_logged() -> None:
    runbook = (log_events_document.DOCUMENT.parent / "runbook.md").read_text(encoding="utf-8")
    named = re.findall(r"[Ll]og(?: line)?s?:? ((?:`[a-z_]+`(?:, | and )?)+)", runbook)
    events = {event for names in named for event in re.findall(r"`([a-z_]+)`", names)}
    assert events
    assert events <= EVENTS.keys()


def test_the_runbook_names_no_metric_that_is_not_measured() -> None:
    runbook = (metrics_document.DOCUMENT.parent / "runbook.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(marketmap_[a-z_]+)`", runbook))
    assert len(named) > 10
    processes = (METRICS, RELAY_METRICS, SNAPSHOT_METRICS, INSIGHT_METRICS, CONSOLE_METRICS)
    assert named <= {name for metrics in processes for name in metrics}
