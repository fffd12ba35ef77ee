"""Help that fits the terminal, and option words alike everywhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.people.command_tree import Leaf, every_command
from worker.cli.main import COMMANDS, GROUPS, app
from worker.cli.presentation import FORMER_NAMES, renamed

LEAVES = every_command()
# What a command's --until is about is no range of time that is read.
OTHERWISE = {("unmapped ignore", "--until"), ("unmapped snooze", "--until")}


def options() -> Iterator[tuple[str, Any]]:
    for leaf in LEAVES:
        for one in leaf.command.params:
            if one.param_type_name == "option":
                yield leaf.name, one


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.name)
def test_help_fits_80_columns_cuts_nothing_and_has_no_types_of_programmers(leaf: Leaf) -> None:
    shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*leaf.path, "--help"]).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    words = set(shown.replace(",", " ").split())
    for one in leaf.command.params:
        if one.param_type_name == "option" and not one.hidden:
            assert {*one.opts, *one.secondary_opts} <= words
    assert not {word for word in words if word.startswith(("<bool", "<str", "<list", "<int"))}


def test_commands_are_listed_by_who_uses_them() -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    places = [shown.index(f"{title}:") for title in GROUPS]
    assert places == sorted(places)
    assert [name for group in GROUPS.values() for name in group] == list(COMMANDS)


def test_a_bookmaker_and_a_range_of_time_have_one_word_each() -> None:
    named = {(name, option) for name, one in options() for option in one.opts}
    former = {"--since", "--until", "--source"}
    assert {(name, option) for name, option in named if option in former} == OTHERWISE


@pytest.mark.parametrize(
    ("path", "former", "now"),
    [(path, *names) for path, taken in FORMER_NAMES.items() for names in taken.items()],
)
def test_a_renamed_option_is_taken_by_its_former_name_and_not_shown(
    path: tuple[str, ...], former: str, now: str
) -> None:
    (leaf,) = [leaf for leaf in LEAVES if leaf.path == path]
    known = {option for one in leaf.command.params for option in one.opts}
    assert now in known
    if path != ("dead", "redrive") or former != "--reason":
        shown = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*path, "--help"]).stdout
        assert former not in shown.split()
    refused = CliRunner().invoke(app, [*path, former])
    assert f"'{now}' requires an argument" in refused.output


def test_what_follows_the_end_of_options_is_taken_as_it_is() -> None:
    given = ["--since=2h", "--", "--since"]
    assert list(renamed(given, {"--since": "--from"})) == ["--from=2h", "--", "--since"]
