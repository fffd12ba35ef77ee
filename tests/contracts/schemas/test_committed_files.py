"""The committed files are what the models generate, through the command that a build calls."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.export import BASELINE, GENERATED
from schemas.json_schema import MESSAGES
from schemas.reference import with_reference
from worker.operations.payloads.schemas import app

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "messages.md"


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    shutil.copytree(GENERATED, tmp_path / "generated")
    shutil.copytree(BASELINE, tmp_path / "baseline")
    return tmp_path


def check(committed: Path, *options: str) -> Result:
    folders = [f"--{name}={committed / name}" for name in ("generated", "baseline")]
    return CliRunner().invoke(app, ["check", *folders, *options])


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_committed_files_are_in_step() -> None:
    result = CliRunner().invoke(app, ["check"])
    assert result.stdout == ""
    assert result.exit_code == 0


def test_the_baseline_holds_every_message() -> None:
    assert {path.name for path in BASELINE.glob("*.json")} == {message.file for message in MESSAGES}


def test_an_edited_file_fails_the_check_and_is_named(committed: Path) -> None:
    edit(committed / "generated" / "asyncapi.json", "Market mapping", "Mapping of markets")
    result = check(committed)
    assert result.exit_code == 1
    assert result.stdout == "asyncapi.json: differs from what the models generate\n"


def test_a_breaking_change_fails_the_check_with_its_path_and_why(committed: Path) -> None:
    edit(committed / "baseline" / "observation.v1.json", '"maxLength": 20,', '"maxLength": 30,')
    result = check(committed)
    assert result.exit_code == 1
    assert (
        "observation.v1.json: event.sportradar_id: maxLength narrowed from 30 to 20\n"
        in result.stdout
    )


def test_a_machine_gets_json(committed: Path) -> None:
    (committed / "generated" / "asyncapi.json").unlink()
    result = check(committed, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"drift": ["asyncapi.json: missing"], "breaking": []}


def test_a_directory_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert check(tmp_path).exit_code == 2


def test_export_repairs_what_check_complains_about(committed: Path) -> None:
    (committed / "generated" / "asyncapi.json").unlink()
    out = f"--out={committed / 'generated'}"
    assert (
        CliRunner().invoke(app, ["export", out, "--dry-run"]).stdout == "asyncapi.json: missing\n"
    )
    assert check(committed).exit_code == 1
    assert CliRunner().invoke(app, ["export", out]).exit_code == 0
    assert check(committed).exit_code == 0


def test_the_tables_of_the_documentation_are_in_step() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert with_reference(text) == text


def test_export_renews_the_tables_of_a_document(tmp_path: Path) -> None:
    document = tmp_path / "messages.md"
    text = DOCUMENTATION.read_text(encoding="utf-8")
    document.write_text(text.replace("| `scrape_id` |", "| `scrape` |"), encoding="utf-8")
    result = CliRunner().invoke(app, ["export", f"--out={tmp_path}", f"--docs={document}"])
    assert result.exit_code == 0
    assert document.read_text(encoding="utf-8") == text


def test_a_document_without_the_marks_is_wrong_usage_and_stays_as_it_is(tmp_path: Path) -> None:
    document = tmp_path / "messages.md"
    document.write_text("# Messages\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["export", f"--out={tmp_path / 'out'}", f"--docs={document}"])
    assert result.exit_code == 2
    assert document.read_text(encoding="utf-8") == "# Messages\n"
    assert not (tmp_path / "out").exists()
