"""Every process that runs until it is stopped is known wherever processes are known."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from worker.operations.doctor.parts import PARTS
from worker.operations.installation.grants import ROLES
from worker.operations.processes.commands import app
from worker.runtime.telemetry.log_events import EVENTS
from worker.runtime.telemetry.metric_list import (
    InsightMetric,
    RelayMetric,
    SnapshotMetric,
    WorkerMetric,
)

ROOT = Path(__file__).parents[3]
# It reads no topic, and is for people: who installs it decides how they sign in.
FOR_PEOPLE = {"console"}
COMMANDS = {command.callback.__name__ for command in app.registered_commands if command.callback}
PROCESSES = sorted(COMMANDS - FOR_PEOPLE)
METRICS = {
    "worker": WorkerMetric,
    "relay": RelayMetric,
    "snapshot": SnapshotMetric,
    "insight": InsightMetric,
}
every_process = pytest.mark.parametrize("process", PROCESSES)


def text(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def test_the_processes_are_those_that_report_metrics() -> None:
    assert set(PROCESSES) == METRICS.keys()


@every_process
def test_containers_run_it(process: str) -> None:
    services: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))["services"]
    assert services[process]["command"] == ["run", process]


@every_process
def test_kubernetes_runs_it_more_than_once(process: str) -> None:
    deployment = yaml.safe_load(text("deploy", "kubernetes", "base", f"{process}.yaml"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["run", process]
    assert deployment["spec"]["replicas"] == 2
    assert deployment["metadata"]["name"] == f"marketmap-{process}"


@every_process
def test_doctor_and_the_grants_know_it(process: str) -> None:
    assert process in PARTS
    assert process in ROLES


@every_process
def test_the_pages_for_operators_know_it(process: str) -> None:
    command = f"`marketmap run {process}`"
    deploying = text("docs", "deploying.md")
    assert f"| {command} |\n" in deploying, "how many of them run"
    assert re.search(rf"^\| {command} \|", deploying, re.MULTILINE), "its connections to Postgres"
    assert f"`{process}`" in text("docs", "security.md")
    assert f"marketmap run {process}" in text("docs", "runbook.md")


@every_process
def test_somebody_is_told_when_nobody_runs_it(process: str) -> None:
    alerts = yaml.safe_load(text("deploy", "prometheus", "alerts.yaml"))["groups"]
    rules = {rule["alert"]: rule["expr"] for group in alerts for rule in group["rules"]}
    metrics = get_args(METRICS[process])
    assert any(metric in rules[f"MarketmapNo{process.title()}"] for metric in metrics)


@every_process
def test_its_last_line_is_a_log_event(process: str) -> None:
    assert f"{process}_stopped" in EVENTS


def test_the_console_is_known_wherever_processes_are_known() -> None:
    services: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))["services"]
    assert services["console"]["command"] == ["run", "console"]
    assert "console" in PARTS
    assert "console" in ROLES
    deploying = text("docs", "deploying.md")
    assert "| `marketmap run console` (" in deploying, "how many of them run"
    assert "\n| `marketmap run console` |" in deploying, "its connections to Postgres"
    assert "marketmap run console" in text("docs", "runbook.md")
    alerts = yaml.safe_load(text("deploy", "prometheus", "alerts.yaml"))["groups"]
    rules = {rule["alert"]: rule["expr"] for group in alerts for rule in group["rules"]}
    assert "marketmap_console_ready" in rules["MarketmapNoConsole"]
    assert "console_stopped" in EVENTS


def test_the_image_holds_what_the_insight_process_and_the_console_need() -> None:
    assert "'.[insight,console]'" in text("Dockerfile")
    (made,) = re.findall(r"^requirements:.*?\n\n", text("Makefile"), re.MULTILINE | re.DOTALL)
    for extra in ("insight", "console"):
        assert f"--extra {extra}" in made, (
            "the bill of materials and the audit are of what is installed"
        )


@pytest.mark.parametrize("process", ["worker", "relay", "snapshot"])
def test_nothing_of_insight_is_on_the_road_of_the_others(process: str) -> None:
    looked_at = (
        "import sys, worker.cli.main\n"
        "from worker.operations.processes import commands\n"
        f"assert commands.{process}\n"
        "found = [name for name in sys.modules if name.split('.')[0] in ('numpy', 'scipy')\n"
        "    or name.split('.')[:2] in (['worker', 'insight'], ['worker', 'console'])]\n"
        "print(*found)"
    )
    done = subprocess.run(
        [sys.executable, "-c", looked_at], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
