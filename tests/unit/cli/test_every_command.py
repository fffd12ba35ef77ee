"""What holds for each command: colours on terminals only, and a sign of life when it takes longer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.progress import BarColumn, TimeRemainingColumn, TransferSpeedColumn
from typer.testing import CliRunner

import worker
from tests.support.people.command_tree import Leaf, every_command
from tests.support.people.terminal import Seen, python_at_terminal
from worker.cli.main import app
from worker.cli.progress import RateColumn, counts, sizes

LEAVES = every_command()
ESCAPE = "\x1b"
COLOURS = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9\d|10\d)(?:;\d+)*m")
HELP_OF_ALL = """
import sys
from tests.support.people.command_tree import every_command
from worker.cli.main import app
for leaf in every_command():
    try:
        app([*leaf.path, "--help"])
    except SystemExit as ended:
        assert ended.code == 0, leaf.name
"""

# What goes on as long as there is something left has a bar with the rate and the time that is left.
BAR = {
    "bench",
    "changes what-if",
    "dead list",
    "dead redrive",
    "dead show",
    "demo",
    "mappings activate",  # with --republish, as all that follow of mappings
    "mappings create",
    "mappings deactivate",
    "mappings delete",
    "mappings import",
    "mappings rollback",
    "mappings update",
    "mappings what-if",
    "replay run",
    "resolve",
    "suggestions accept",  # with --republish
    "unmapped map",  # with --republish
    "validate",
}
# What waits for an answer, for a bounded time, has a spinner with a word of what it waits for.
SPINNER = {
    "alarms acknowledge",
    "alarms close",
    "alarms list",
    "alarms show",
    "changes approve",
    "changes comment",
    "changes diff",
    "changes four-eyes",
    "changes list",
    "changes revert",
    "changes send-back",
    "changes show",
    "doctor",
    "drafts create",
    "drafts edit",
    "drafts export",
    "drafts import",
    "drafts list",
    "drafts propose",
    "drafts remove",
    "drafts show",
    "drafts withdraw",
    "events list",
    "events proofs",
    "events show",
    "evidence coverage",
    "evidence list",
    "evidence show",
    "lag",
    "mappings export",
    "mappings history",
    "mappings list",
    "mappings show",
    "migrate",
    "replay list",
    "replay plan",
    "replay recount",
    "replay show",
    "roles",
    "services down",
    "services up",
    "suggestions list",
    "suggestions show",
    "topics ensure",
    "unmapped acknowledge",
    "unmapped cases",
    "unmapped ignore",
    "unmapped list",
    "unmapped release",
    "unmapped reopen",
    "unmapped show",
    "unmapped snooze",
    "unmapped take",
    "unmapped views delete",
    "unmapped views list",
    "unmapped views save",
    "unmapped views show",
    "unmapped wake",
}
AT_ONCE = {
    "config",
    "console users add",
    "console users list",
    "console users remove",
    "schemas check",
    "schemas export",
    "services status",
    "topics grants",
    "wrap",
}
UNTIL_STOPPED = {"run console", "run insight", "run relay", "run snapshot", "run worker"}


def test_of_each_command_it_is_known_what_a_person_sees_when_it_takes_longer() -> None:
    kinds = (BAR, SPINNER, AT_ONCE, UNTIL_STOPPED)
    assert sorted(leaf.name for leaf in LEAVES) == sorted(name for kind in kinds for name in kind)


@pytest.mark.parametrize("columns", [counts(), sizes()], ids=["counts", "sizes"])
def test_a_bar_has_the_rate_and_the_time_that_is_left(columns: tuple[object, ...]) -> None:
    assert {BarColumn, TimeRemainingColumn} < {type(column) for column in columns}
    assert {RateColumn, TransferSpeedColumn} & {type(column) for column in columns}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_help_in_a_pipe_has_no_escapes(leaf: Leaf) -> None:
    shown = CliRunner().invoke(app, [*leaf.path, "--help"])
    assert shown.exit_code == 0
    assert ESCAPE not in shown.output


@pytest.fixture(scope="module")
def help_at_terminal() -> dict[str, Seen]:
    """The help of all commands, without and with NO_COLOR."""
    return {
        no_color: python_at_terminal("-c", HELP_OF_ALL, NO_COLOR=no_color) for no_color in ("", "1")
    }


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_help_at_a_terminal_has_colours_unless_they_are_unwanted(
    help_at_terminal: dict[str, Seen], no_color: str, coloured: bool
) -> None:
    seen = help_at_terminal[no_color]
    assert seen.code == 0, seen.screen[-2000:]
    assert seen.screen.count("Example: marketmap") >= len(LEAVES)
    assert bool(COLOURS.search(seen.screen)) == coloured


def modules() -> Iterator[tuple[str, ast.AST]]:
    folder = Path(worker.__path__[0])
    for file in sorted(folder.rglob("*.py")):
        yield str(file.relative_to(folder)), ast.parse(file.read_text(encoding="utf-8"))


def test_nothing_colours_past_the_consoles_that_know_what_a_terminal_is() -> None:
    forcing = {"force_terminal", "color_system", "no_color", "force_interactive"}
    for name, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                assert not {keyword.arg for keyword in node.keywords} & forcing, name
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"secho", "style_text"}, name
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert f"{ESCAPE}[" not in node.value, name
