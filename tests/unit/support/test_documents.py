"""What a document shows is found, and a document that is wrong is told so."""

from pathlib import Path

import pytest

from tests.support.people import documents
from tests.support.people.documents import ROOT, Step, files, steps
from tests.support.people.reader import NOT_RUN, Reader, check_not_run

DOCUMENT = """
# Title

Save this as
`a.json`, and look:

```json
{"a": 1}
```

```console
$ marketmap validate a.json  # exits 1
what it shows is no command
$ long --one \\
    --two
```

1. In a list:

   ```console
   $ marketmap lag   # a remark
   ```
"""


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    (tmp_path / "a.md").write_text(DOCUMENT)
    return tmp_path / "a.md"


def test_commands_are_found_in_their_order_with_line_and_exit_code(document: Path) -> None:
    found = [
        (step.line, step.command.split("#")[0].split(), step.exit_code) for step in steps(document)
    ]
    assert found == [
        (12, ["marketmap", "validate", "a.json"], 1),
        (14, ["long", "--one", "--two"], 0),
        (21, ["marketmap", "lag"], 0),
    ]


def test_files_to_save_are_the_blocks_that_the_text_names(document: Path) -> None:
    assert files(document) == {"a.json": '{"a": 1}\n'}


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [("marketmap validate nowhere.json", 0), ("cat nowhere.json", 0), ("true | cat", 1)],
)
def test_another_exit_code_than_the_document_says_fails(
    tmp_path: Path, command: str, exit_code: int
) -> None:
    reader = Reader(tmp_path, {})
    with pytest.raises(AssertionError, match=r"README.md:1: .*\nended with"):
        reader.take(Step(ROOT / "README.md", 1, command, exit_code))


@pytest.mark.parametrize(
    "command",
    ["make nothing", "kubectl apply -k deploy/nowhere", "marketmap run worker", "kill %1"],
)
def test_what_cannot_be_so_fails(tmp_path: Path, command: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        Reader(tmp_path, {}).take(Step(ROOT / "README.md", 1, command, 0))


def test_an_exported_variable_is_there_for_the_commands_that_follow(tmp_path: Path) -> None:
    reader = Reader(tmp_path, {})
    for command in ("export MARKETMAP_ACTOR=ada", 'test "$MARKETMAP_ACTOR" = ada'):
        reader.take(Step(ROOT / "README.md", 1, command, 0))


def test_every_program_that_is_not_run_is_in_a_document() -> None:
    shown = {
        step.command.split()[0]
        for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for step in steps(document)
    }
    assert shown >= NOT_RUN.keys()


def test_a_file_that_is_there_may_be_named_by_what_is_not_run() -> None:
    check_not_run("kubectl", ["apply", "-k", "deploy/kubernetes/example"])
