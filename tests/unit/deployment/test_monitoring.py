"""Alerts and dashboard ask for what is measured, and every alert leads to a part of the runbook."""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.support.promql import SCRAPED, groupings, known_series, parse, result_labels, selectors
from worker.runtime.telemetry.metric_list import (
    CONSOLE_METRICS,
    INSIGHT_METRICS,
    METRICS,
    RELAY_METRICS,
    SNAPSHOT_METRICS,
)

ROOT = Path(__file__).parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
GROUPS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())[
    "groups"
]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
KNOWN = known_series()


class Query(NamedTuple):
    """An expression and the texts into which labels of its result are put."""

    where: str
    expression: str
    texts: list[str]


def queries() -> Iterator[Query]:
    for rule in ALERTS:
        yield Query(rule["alert"], rule["expr"], list(rule["annotations"].values()))
    for panel in PANELS:
        for target in panel["targets"]:
            yield Query(panel["title"], target["expr"], [target["legendFormat"]])


QUERIES = list(queries())
every_query = pytest.mark.parametrize("query", QUERIES, ids=[query.where for query in QUERIES])


def parts_of_the_runbook(under: str) -> list[str]:
    """The third-level headings under one of the second level."""
    part = RUNBOOK.split(f"\n## {under}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^### (.+)$", part, re.MULTILINE)


@every_query
def test_a_query_asks_for_series_that_exist_by_labels_that_they_have(query: Query) -> None:
    for selector in selectors(parse(query.expression)):
        labels = KNOWN[selector.name]
        for matcher in selector.matchers.matchers:
            values = labels[matcher.name]
            asked = re.split(r"\|", matcher.value)
            assert not values or set(asked) <= set(values), (selector.name, matcher.name, asked)


@every_query
def test_a_query_groups_by_labels_that_are_there(query: Query) -> None:
    for labels, grouped in groupings(parse(query.expression)):
        for selector in selectors(grouped):
            assert set(labels) <= KNOWN[selector.name].keys() | SCRAPED


@every_query
def test_the_texts_of_a_query_name_labels_of_its_result(query: Query) -> None:
    named = {
        label
        for text in query.texts
        for label in re.findall(r"\{\{ *(?:\$labels\.)?(\w+) *\}\}", text)
    }
    assert named <= result_labels(parse(query.expression))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", selector.name)
        for panel in PANELS
        for target in panel["targets"]
        for selector in selectors(parse(target["expr"]))
    }
    of_processes = (
        *(METRICS, RELAY_METRICS, SNAPSHOT_METRICS),
        *(INSIGHT_METRICS, CONSOLE_METRICS),
    )
    assert shown >= {name for metrics in of_processes for name in metrics}


def test_the_picture_of_the_dashboard_shows_every_panel() -> None:
    picture = (ROOT / "docs" / "pictures" / "dashboard.svg").read_text(encoding="utf-8")
    shown = re.findall(r'font-weight="bold">([^<]+)<', picture)
    assert shown == [panel["title"] for panel in DASHBOARD["panels"]]


def test_alerts_have_names_of_their_own_and_say_whom_they_wake() -> None:
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    assert {rule["labels"]["severity"] for rule in ALERTS} == {"page", "ticket"}
    assert all(re.fullmatch(r"[1-9]\d*[smh]", rule.get("for", "1m")) for rule in ALERTS)
    assert all(set(rule) <= {"alert", "expr", "for", "labels", "annotations"} for rule in ALERTS)
    assert all(rule["annotations"]["summary"].endswith(".") for rule in ALERTS)


def test_every_alert_leads_to_its_part_of_the_runbook_and_there_is_no_part_without_an_alert() -> (
    None
):
    assert parts_of_the_runbook("Alerts") == [rule["alert"] for rule in ALERTS]
    links = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in ALERTS}
    assert links == {alert: f"docs/runbook.md#{alert.lower()}" for alert in links}


def test_panels_have_ids_of_their_own_and_ask_the_source_that_is_chosen() -> None:
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert {panel["type"] for panel in every} == {"row", "stat", "timeseries"}
    (source,) = DASHBOARD["templating"]["list"]
    chosen = {"type": "prometheus", "uid": f"${{{source['name']}}}"}
    assert all(
        each["datasource"] == chosen for panel in PANELS for each in [panel, *panel["targets"]]
    )
    assert all(
        len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for panel in PANELS
    )


def test_panels_lie_beside_each_other_within_the_width_of_the_page() -> None:
    places = sorted(
        (p["y"], p["x"], p["w"], p["h"])
        for p in (panel["gridPos"] for panel in DASHBOARD["panels"])
    )
    assert all(x + width <= 24 for _, x, width, _ in places)
    for (y, x, width, height), (next_y, next_x, _, _) in pairwise(places):
        assert (next_y, next_x) == (y, x + width) or (next_y, next_x) == (y + height, 0)
