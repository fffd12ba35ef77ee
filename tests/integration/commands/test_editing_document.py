"""Every command of docs/editing.md, run in its order."""

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import pytest
from typer.testing import Result

from tests.support.people.documents import PAGE_WIDTH, ROOT, files, is_shown, steps

pytestmark = pytest.mark.services

DOCUMENT = ROOT / "docs" / "editing.md"
STEPS = steps(DOCUMENT)
OBSERVED = {
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00Z",
    "event": {"id": "sr:match:1"},
    "markets": [
        {"id": "900100", "status": 0, "outcomes": [{"desc": "Yes", "odds": "3.1", "isActive": 1}]}
    ],
}


@pytest.fixture
def place(miss: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder and a queue as the document takes them for granted."""
    monkeypatch.chdir(tmp_path)
    for name, content in files(DOCUMENT).items():
        (tmp_path / name).write_text(content)
    (tmp_path / "observations.jsonl").write_text(json.dumps(OBSERVED))
    for number, count in ((900200, 40), (900201, 3), (900202, 2)):
        miss("sportybet", str(number), f"Market {number}", count=count)
    miss("bet9ja", "S_PENALTY", "Penalty Awarded", ["Y", "N"])
    return tmp_path


def follow(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(PAGE_WIDTH))
    for step in STEPS:
        program, *arguments = shlex.split(step.command)
        if program == "export":
            name, _, value = arguments[0].partition("=")
            monkeypatch.setenv(name, Template(value).substitute(os.environ))
            continue
        assert program == "marketmap", step
        result = run(*arguments)
        assert result.exit_code == 0, f"{step}\n{result.output}"
        assert not step.shown or is_shown(result.output, step.shown), f"{step}\n{result.output}"


def test_every_command_works_and_leaves_what_the_document_says(
    place: Path,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
    query: Callable[..., list[dict[str, Any]]],
) -> None:
    follow(run, monkeypatch)
    assert {row["created_by"] for row in query("SELECT created_by FROM mapping_audit_log")} == {
        "ada"
    }
    rows = query("SELECT external_market_id, status FROM unmapped_market_log ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        ("900200", "MAPPED"),
        ("900201", "NEW"),
        ("900202", "IGNORED"),
        ("S_PENALTY", "MAPPED"),
    ]


def test_the_document_shows_every_command_of_editors() -> None:
    shown = {tuple(step.command.split()[1:3]) for step in STEPS}
    mappings = "list show create update activate deactivate delete history rollback import export"
    unmapped = "list show acknowledge ignore reopen map take snooze wake release cases"
    drafts = "list show create edit propose export import"
    changes = "list show diff approve send-back revert four-eyes"
    expected = {("mappings", verb) for verb in mappings.split()}
    expected |= {("unmapped", verb) for verb in unmapped.split()}
    expected |= {("drafts", verb) for verb in drafts.split()}
    expected |= {("changes", verb) for verb in changes.split()}
    assert expected <= shown
