"""What a document shows is found, and a document that is wrong is told so."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people import documents
from tests.support.people.documents import PAGE_WIDTH, ROOT, Step, blocks, files, is_shown, steps
from tests.support.people.reader import NOT_RUN, SHOWN_ELSEWHERE, Reader, check_not_run

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

and has two lines
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
        (16, ["long", "--one", "--two"], 0),
        (23, ["marketmap", "lag"], 0),
    ]


def test_what_a_command_shows_is_what_stands_below_it(document: Path) -> None:
    assert [step.shown for step in steps(document)] == [
        "what it shows is no command\n\nand has two lines",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("one\ntwo\n", "one\ntwo"),
        ("one  \n\n", "one"),
        ("at 12:03:04, done", "at ..., done"),
        ("a [b] (c)*", "a [b] (c)*"),
        ("first\nsecond\nlast", "first\n...\nlast"),
        ("first\nlast", "first\n...\nlast"),
        ("  indented\nmore", "...\nmore"),
        ("only\nthis", "only\n..."),
    ],
)
def test_output_is_what_a_document_shows(output: str, shown: str) -> None:
    assert is_shown(output, shown)


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("one\ntwo", "one"),
        ("one", "one\ntwo"),
        ("one\ntwo", "two\none"),
        ("at 12:03:04\n, done", "at ..., done"),
        ("failed", "... done"),
        ("first\nsecond", "first\n...\nlast"),
        ("", "something"),
        ("  one", "one"),
    ],
)
def test_output_is_not_what_a_document_shows(output: str, shown: str) -> None:
    assert not is_shown(output, shown)


def test_a_document_that_shows_another_output_fails(tmp_path: Path) -> None:
    reader = Reader(tmp_path, {})
    reader.take(Step(ROOT / "README.md", 1, "echo one two", 0, shown="one ..."))
    with pytest.raises(AssertionError, match=r"README.md:1: .*\nshows:\none two"):
        reader.take(Step(ROOT / "README.md", 1, "echo one two", 0, shown="one three"))


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


def test_an_exported_variable_may_be_made_of_others(tmp_path: Path) -> None:
    reader = Reader(tmp_path, {})
    for command in (
        'export PATH="$PWD/.venv/bin:$PATH"',
        f'test "${{PATH#{tmp_path}/.venv/bin:}}" != "$PATH"',
    ):
        reader.take(Step(ROOT / "README.md", 1, command, 0))


def test_output_of_a_command_that_is_not_run_is_compared_elsewhere() -> None:
    shown = {
        step.command.split(" #")[0].strip()
        for document in every_document()
        for step in steps(document)
        if step.shown and step.command.split()[0] in NOT_RUN
    }
    assert shown == SHOWN_ELSEWHERE.keys()
    assert [test for test in SHOWN_ELSEWHERE.values() if not (ROOT / test).is_file()] == []


def test_the_readme_shows_how_the_tests_end() -> None:
    (step,) = [step for step in steps(ROOT / "README.md") if step.command == "make test"]
    quick = ROOT / "tests" / "unit" / "cli" / "test_moments.py"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", quick],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert is_shown(ended.stdout, step.shown), ended.stdout


def every_document() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "clients/python/README.md"]


def test_a_line_of_a_console_block_is_not_wider_than_a_page() -> None:
    wide = [
        f"{document.relative_to(ROOT)}:{block.line + number}"
        for document in every_document()
        if document.name != "commands.md"  # generated: each synopsis is one line
        for block in blocks(document)
        if block.language == "console"
        for number, line in enumerate(block.text.splitlines())
        if len(line) > PAGE_WIDTH
    ]
    assert wide == []


def test_every_program_that_is_not_run_is_in_a_document() -> None:
    shown = {step.command.split()[0] for document in every_document() for step in steps(document)}
    assert shown >= NOT_RUN.keys()


def test_a_file_that_is_there_may_be_named_by_what_is_not_run() -> None:
    check_not_run("kubectl", ["apply", "-k", "deploy/kubernetes/example"])
