"""Every `marketmap ...` in a document is a command that exists, with options that it takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import Context
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from tests.support.people.documents import files
from worker.cli.main import app
from worker.lab.documents.commands import DOCUMENT, commands_document

ROOT = DOCUMENT.parents[1]
WRITTEN = sorted({*(ROOT / "docs").rglob("*.md")} - {DOCUMENT})
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *WRITTEN]
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?marketmap (.+)$")
ROOT_COMMAND = get_command(app)


def commands(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for block in FENCED.findall(text) for line in block.splitlines()]
    spans = [" ".join(span.split()) for span in INLINE.findall(FENCED.sub("", text))]
    for line in lines + spans:
        if found := COMMAND.match(line):
            yield found[1]


def parse(line: str) -> None:
    """Raises UsageError on a command or option that is not there. Arguments may be left out in prose."""
    command: Any = ROOT_COMMAND
    context = Context(command)
    _, arguments, _ = command.make_parser(context).parse_args(shlex.split(line, comments=True))
    while arguments and isinstance(command, TyperGroup):
        name, command, arguments = command.resolve_command(context, arguments)
        context = Context(command, info_name=name, parent=context)
        _, arguments, _ = command.make_parser(context).parse_args(arguments)


def test_the_document_of_the_commands_is_the_one_that_they_give() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == commands_document()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists_and_takes_its_options(document: Path) -> None:
    for line in commands(document):
        parse(line)


@pytest.mark.parametrize(
    "wrong", ["mapings list", "mappings lst", "lag --wach 5", "resolve FILE --explan 18"]
)
def test_a_misspelt_command_or_option_would_be_found(wrong: str) -> None:
    with pytest.raises(Exception, match=r"No such (command|option)"):
        parse(wrong)


def test_commands_are_found_in_blocks_and_in_prose() -> None:
    found = {line.split()[0] for document in DOCUMENTS for line in commands(document)}
    assert {"mappings", "resolve", "replay", "dead", "services", "run"} <= found


@pytest.mark.parametrize("command", ["validate", "resolve"])
def test_the_first_example_of_the_documentation_is_without_fault(command: str) -> None:
    example = files(ROOT / "docs" / "index.md")["observation.json"]
    outcome = CliRunner().invoke(app, [command, "-"], input=example)
    assert outcome.exit_code == 0
    assert (
        "1 observation without fault" in outcome.stdout
        or '"canonical_id":"over_under_ft"' in outcome.stdout
    )
