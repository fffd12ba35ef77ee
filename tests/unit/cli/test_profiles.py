"""Profiles: the settings of one installation, and of no other at the same time."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.people.command_tree import Leaf, every_command
from worker.cli.main import app

SECRET = "hush-hush"  # noqa: S105  # opens nothing
PROD = f"""
# The installation that counts.
MARKETMAP_DATABASE_URL=postgresql://ann:{SECRET}@db.example:5432/prod
export MARKETMAP_TOPIC_PREFIX="prod."
MARKETMAP_KAFKA_BOOTSTRAP_SERVERS = 'kafka.example:9092'
"""
Finished = subprocess.CompletedProcess[str]
Run = Callable[..., Finished]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command in a folder with the profiles `prod` and, for the user, `test`."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "prod.env").write_text(PROD)
    (tmp_path / "config" / "marketmap").mkdir(parents=True)
    (tmp_path / "config" / "marketmap" / "test.env").write_text("MARKETMAP_TOPIC_PREFIX=test.\n")

    def invoke(*arguments: str, **environment: str) -> Finished:
        given: Mapping[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            **environment,
        }
        return subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments],
            cwd=tmp_path,
            env=given,
            capture_output=True,
            text=True,
            check=False,
        )

    return invoke


def settings(finished: Finished) -> dict[str, tuple[object, str]]:
    assert finished.returncode == 0, finished.stderr
    return {one["variable"]: (one["value"], one["source"]) for one in json.loads(finished.stdout)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--profile", "prod", "config", "--json"),
        ("config", "--json", "--profile", "prod"),
        ("config", "--json", "--profile=prod"),
    ],
)
def test_the_settings_are_those_of_the_profile_wherever_it_is_named(
    run: Run, arguments: tuple[str, ...]
) -> None:
    finished = run(*arguments, MARKETMAP_TOPIC_PREFIX="mine.", MARKETMAP_GROUP_ID="mine")
    found = settings(finished)
    assert found["MARKETMAP_TOPIC_PREFIX"] == ("prod.", "profile")
    assert found["MARKETMAP_KAFKA_BOOTSTRAP_SERVERS"] == ("kafka.example:9092", "profile")
    assert found["MARKETMAP_DATABASE_URL"] == ("postgresql://db.example:5432/prod", "profile")
    assert found["MARKETMAP_GROUP_ID"][1] == "default", (
        "the environment's is another installation's"
    )
    assert SECRET not in finished.stdout + finished.stderr


def test_a_profile_of_the_user_and_one_that_the_environment_names(run: Run) -> None:
    found = settings(run("config", "--json", MARKETMAP_PROFILE="test"))
    assert found["MARKETMAP_TOPIC_PREFIX"] == ("test.", "profile")


def test_servers_that_a_profile_does_not_name_are_not_those_of_this_machine(run: Run) -> None:
    finished = run(
        "--profile", "test", "mappings", "list", MARKETMAP_DATABASE_URL="postgresql://x/y"
    )
    assert finished.returncode == 1
    assert "Nothing to connect to: set MARKETMAP_DATABASE_URL" in finished.stderr


def test_an_unknown_profile_is_one_sentence_with_those_that_there_are(run: Run) -> None:
    finished = run("--profile", "prd", "lag")
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert "There is no profile prd: the profiles are prod, test (in " in finished.stderr
    assert finished.stderr.endswith("Did you mean prod?\n")


def test_a_byte_order_mark_is_no_part_of_the_first_setting(run: Run, tmp_path: Path) -> None:
    marked = "\N{ZERO WIDTH NO-BREAK SPACE}MARKETMAP_TOPIC_PREFIX=marked.\n"
    (tmp_path / "profiles" / "marked.env").write_text(marked, encoding="utf-8")
    found = settings(run("--profile", "marked", "config", "--json"))
    assert found["MARKETMAP_TOPIC_PREFIX"] == ("marked.", "profile")


def test_a_nul_byte_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "profiles" / "nul.env").write_text("\nMARKETMAP_TOPIC_PREFIX=a\0b\n")
    finished = run("--profile", "nul", "config")
    assert finished.returncode == 2
    assert finished.stderr == "profiles/nul.env, line 2: a setting holds no NUL byte\n"


def test_a_folder_is_no_profile(run: Run, tmp_path: Path) -> None:
    (tmp_path / "profiles" / "folder.env").mkdir()
    finished = run("--profile", "folder", "config")
    assert finished.returncode == 2
    assert "There is no profile folder: the profiles are prod, test (in " in finished.stderr


@pytest.mark.parametrize("name", ["../prod", "/etc/passwd", "", " "])
def test_a_name_is_no_path(run: Run, name: str) -> None:
    finished = run("--profile", f"x/{name}", "config")
    assert finished.returncode == 2
    assert "There is no profile" in finished.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"MARKETMAP_DATABASE_ULR={SECRET}", "line 1: MARKETMAP_DATABASE_ULR is no setting."),
        (f"PGPASSWORD={SECRET}", "line 1: PGPASSWORD is no setting."),
        (f"just {SECRET}", "line 1: this is not NAME=VALUE"),
        (f"MARKETMAP_DATABASE_URL=mysql://{SECRET}", "MARKETMAP_DATABASE_URL: (hidden)"),
    ],
)
def test_a_fault_names_the_setting_and_never_a_value(
    run: Run, tmp_path: Path, line: str, told: str
) -> None:
    (tmp_path / "profiles" / "bad.env").write_text(line)
    finished = run("--profile", "bad", "config")
    assert finished.returncode == 2
    assert told in finished.stderr
    assert SECRET not in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("leaf", every_command(), ids=lambda leaf: leaf.name)
def test_every_command_refuses_a_profile_that_there_is_not(
    leaf: Leaf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*leaf.path, "--profile", "nowhere"])
    assert result.exit_code == 2
    assert "There is no profile nowhere" in result.stderr
