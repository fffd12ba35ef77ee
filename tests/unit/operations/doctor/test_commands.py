"""What `marketmap doctor` and `marketmap config` write, where no server is asked."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from worker.cli.main import app
from worker.operations.doctor.commands import lines_of, summary
from worker.operations.doctor.findings import failure, fine, warning

URL = "postgresql://user:hush@db:5432/marketmap"


def run(*arguments: str, **environment: str) -> Result:
    given = {f"MARKETMAP_{name}": value for name, value in environment.items()}
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"} | given)


def test_every_wrong_setting_is_a_failure_and_ends_the_examination() -> None:
    result = run("doctor", "--json", PARTITIONS="many", DATABASE_URL="mysql://user:hush@db/x")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert {(one["subject"], one["level"]) for one in answer["findings"]} == {
        ("settings", "FAILURE")
    }
    assert [one["message"].partition(":")[0] for one in answer["findings"]] == [
        "MARKETMAP_DATABASE_URL",
        "MARKETMAP_PARTITIONS",
    ]
    assert "hush" not in result.output


def test_a_finding_is_one_line_and_what_to_do_stands_below() -> None:
    assert [line.plain for line in lines_of(fine("kafka", "3 brokers"))] == [
        "OK       kafka       3 brokers"
    ]
    assert [line.plain for line in lines_of(failure("topics", "t is missing", "make it"))] == [
        "FAILURE  topics      t is missing",
        "                     -> make it",
    ]


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    (line, _) = lines_of(warning("kafka", "\x1b[2Jgone", "look"))
    assert "\x1b" not in line.plain


def test_the_summary_counts_levels() -> None:
    findings = [fine("kafka", "x"), failure("topics", "x", "y"), warning("group", "x", "y")]
    assert summary([*findings, findings[2]]) == "1 failure, 2 warnings, 1 OK."


def test_config_shows_each_setting_with_its_source_and_no_secret() -> None:
    given = {"DATABASE_URL": URL, "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}
    result = run("config", "--json", **given)
    assert result.exit_code == 0
    found = {one["variable"]: one for one in json.loads(result.stdout)}
    assert found["MARKETMAP_KAFKA_BOOTSTRAP_SERVERS"]["source"] == "environment"
    assert found["MARKETMAP_DATABASE_URL"]["value"] == "postgresql://db:5432/marketmap"
    assert "hush" not in result.output + run("config", **given).output


def test_config_tells_that_a_secret_is_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(URL)
    given = {
        "DATABASE_URL_FILE": str(file),
        "DATABASE_URL": "",
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    }
    shown = run("config", **given)
    (line,) = [line for line in shown.stdout.splitlines() if " MARKETMAP_DATABASE_URL " in line]
    assert line.split() == ["MARKETMAP_DATABASE_URL", "postgresql://db:5432/marketmap", "file"]


@pytest.mark.parametrize("timeout", ["0.5", "301"])
def test_a_timeout_out_of_bounds_is_wrong_usage(timeout: str) -> None:
    assert run("doctor", "--timeout", timeout).exit_code == 2
