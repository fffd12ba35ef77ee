"""What a PromQL expression reads and what its result is labelled with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import promql_parser as promql

from worker.runtime.telemetry.metric_list import (
    CONSOLE_METRICS,
    INSIGHT_METRICS,
    METRICS,
    RELAY_METRICS,
    SNAPSHOT_METRICS,
    Metric,
)
from worker.runtime.telemetry.metrics import process_registry

Labels = dict[str, tuple[str, ...]]

# What Prometheus adds to everything that it scrapes.
SCRAPED = {"job", "instance"}


@cache
def known_series() -> dict[str, Labels]:
    """Every series of a long-running process: its labels with their values, none where any may come."""
    standard = {
        sample.name: Labels()
        for family in process_registry().collect()
        for sample in family.samples
    }
    ours = (METRICS | RELAY_METRICS | SNAPSHOT_METRICS | INSIGHT_METRICS | CONSOLE_METRICS).items()
    return dict(each for name, metric in ours for each in _series(name, metric)) | standard


def _series(name: str, metric: Metric) -> Iterator[tuple[str, Labels]]:
    labels = dict(metric.labels)
    if metric.kind != "histogram":
        yield name, labels
        return
    yield f"{name}_bucket", labels | {"le": ()}
    yield f"{name}_sum", labels
    yield f"{name}_count", labels


def parse(expression: str) -> Any:
    """An expression of an alert or a panel; Grafana's own interval stands for some duration."""
    return promql.parse(expression.replace("$__rate_interval", "5m"))


def selectors(node: Any) -> Iterator[Any]:
    """Every selector of a series in the expression."""
    if isinstance(node, promql.VectorSelector):
        yield node
    for child in _children(node):
        yield from selectors(child)


def groupings(node: Any) -> Iterator[tuple[list[str], Any]]:
    """Every list of labels in the expression, each with what it groups."""
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        yield node.modifier.labels, node.expr
    if (
        isinstance(node, promql.BinaryExpr)
        and node.modifier is not None
        and node.modifier.matching is not None
    ):
        yield node.modifier.matching.labels, node.lhs
        yield node.modifier.matching.labels, node.rhs
    for child in _children(node):
        yield from groupings(child)


def result_labels(node: Any) -> set[str]:
    """The labels that the result may have, as far as the forms go that we use."""
    match node:
        case promql.VectorSelector():
            return known_series()[str(node.name)].keys() | SCRAPED
        case promql.AggregateExpr():
            return set(node.modifier.labels) if node.modifier else set()
        case promql.Call() if node.func.name == "histogram_quantile":
            return result_labels(node.args[1]) - {"le"}
        case promql.BinaryExpr():
            return result_labels(node.lhs) or result_labels(node.rhs)
        case _:
            return {label for child in _children(node) for label in result_labels(child)}


def _children(node: Any) -> list[Any]:
    match node:
        case promql.BinaryExpr():
            return [node.lhs, node.rhs]
        case promql.Call():
            return list(node.args)
        case promql.MatrixSelector():
            return [node.vector_selector]
        case (
            promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr()
        ):
            return [node.expr]
        case _:
            return []
