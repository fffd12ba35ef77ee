"""`marketmap migrate` and `marketmap mappings import`, as their users call them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import dump_catalogue, load_catalogue
from worker.operations.installation.migrate import migrate
from worker.operations.mappings import commands as mappings
from worker.storage.migrate import known_revision

HEAD = known_revision()
NOWHERE = "postgresql://someone:secret@127.0.0.1:1/none"


def run(command: Any, *arguments: str, text: str | None = None) -> Result:
    app = command
    if not isinstance(command, typer.Typer):
        app = typer.Typer()
        app.command()(command)
    return CliRunner().invoke(app, arguments, input=text)


def run_migrate(url: str, *arguments: str) -> Result:
    return run(migrate, "--database-url", url, *arguments)


def run_import(url: str, *arguments: str, text: str | None = None) -> Result:
    signed = ("--actor", "ada", "--reason", "test")
    return run(mappings.app, "import", "--database-url", url, *signed, *arguments, text=text)


def test_migrate_prints_where_from_and_where_to(database: str) -> None:
    assert run_migrate(database, "--dry-run").stdout == f"would go empty -> {HEAD}\n"
    assert run_migrate(database).stdout == f"empty -> {HEAD}\n"
    assert run_migrate(database).stdout == f"{HEAD}: nothing to do\n"
    back = run_migrate(database, "--down", "--revision", "0002", "--json")
    assert json.loads(back.stdout) == {"before": HEAD, "after": "0002", "dry_run": False}
    assert run_migrate(database, "--revision", "0003").stdout == "0002 -> 0003\n"


@pytest.mark.parametrize(
    "arguments", [["--down"], ["--revision", "77"], ["--dry-run", "--revision", "77"]]
)
def test_a_revision_that_makes_no_sense_is_wrong_usage(database: str, arguments: list[str]) -> None:
    result = run_migrate(database, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_the_sql_is_printed_without_a_database() -> None:
    result = run_migrate(NOWHERE, "--sql", "--revision", "0001")
    assert result.exit_code == 0
    assert "CREATE TABLE user_market_mappings" in result.stdout
    assert "ingest_watermark" not in result.stdout


@pytest.mark.parametrize("command", [run_migrate, run_import])
def test_a_database_that_does_not_answer_is_a_failure_that_keeps_the_password(command: Any) -> None:
    result = command(NOWHERE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not answer" in result.stderr
    assert "secret" not in result.stderr


@pytest.mark.parametrize("command", [run_migrate, run_import])
def test_an_address_of_something_else_is_wrong_usage(command: Any) -> None:
    assert command("mysql://h/d").exit_code == 2


def test_import_takes_the_shipped_catalogue_and_changes_nothing_the_second_time(
    migrated: str,
) -> None:
    shipped = [mapping.canonical_id for mapping in load_catalogue(shipped_catalogue().read_text())]
    foreseen, first, second = (
        json.loads(run_import(migrated, "--json", *options).stdout)
        for options in (["--dry-run"], [], [])
    )
    assert foreseen == first | {"dry_run": True}
    assert (first["added"], first["changed"], first["unchanged"]) == (shipped, [], [])
    assert (second["added"], second["changed"], second["unchanged"]) == ([], [], shipped)


def test_import_tells_people_what_it_did(migrated: str) -> None:
    rows = run_import(migrated).stdout.splitlines()
    shipped = len(load_catalogue(shipped_catalogue().read_text()))
    assert any("added" in row and str(shipped) in row and "1x2_ft" in row for row in rows)


def test_import_reads_a_file_or_stdin(migrated: str, tmp_path: Path) -> None:
    some = dump_catalogue(load_catalogue(shipped_catalogue().read_text())[:2])
    (tmp_path / "some.json").write_text(some)
    assert (
        len(json.loads(run_import(migrated, str(tmp_path / "some.json"), "--json").stdout)["added"])
        == 2
    )
    assert len(json.loads(run_import(migrated, "-", "--json", text=some).stdout)["unchanged"]) == 2


def test_a_catalogue_with_faults_is_refused_with_every_fault_and_nothing_is_imported(
    migrated: str,
) -> None:
    faulty = json.loads(shipped_catalogue().read_text())
    faulty["mappings"][1]["name"] = ""
    faulty["mappings"][2]["outcome_mapping"] = []
    result = run_import(migrated, "-", text=json.dumps(faulty))
    assert result.exit_code == 1
    assert "mappings[1].name" in result.stderr
    assert "mappings[2].outcome_mapping" in result.stderr
    assert json.loads(run_import(migrated, "--dry-run", "--json").stdout)["unchanged"] == []


def test_a_file_that_is_not_there_is_wrong_usage(migrated: str, tmp_path: Path) -> None:
    assert run_import(migrated, str(tmp_path / "none.json")).exit_code == 2


def test_the_commands_run_as_a_process_and_take_the_address_from_the_environment(
    database: str,
) -> None:
    environment = os.environ | {"MARKETMAP_DATABASE_URL": database}
    sign = ["--actor", "ada", "--reason", "test"]
    for arguments, expected in (
        (["migrate"], f"empty -> {HEAD}"),
        (["mappings", "import", *sign], "added"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert expected in done.stdout
