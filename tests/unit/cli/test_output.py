"""Lists in three forms, alike in every command; what goes wrong is JSON where JSON was asked for."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from tests.support.laws import LAWS
from tests.support.people.command_tree import Leaf, every_command
from worker.cli.main import app
from worker.cli.tables import Column, ListTable, print_list

LISTS = {
    "changes diff",
    "console users list",
    "alarms list",
    "changes list",
    "config",
    "dead list",
    "doctor",
    "drafts list",
    "events list",
    "events proofs",
    "evidence coverage",
    "evidence list",
    "lag",
    "mappings history",
    "mappings list",
    "replay list",
    "services status",
    "suggestions list",
    "topics ensure",
    "topics grants",
    "unmapped cases",
    "unmapped list",
    "unmapped views list",
    "unmapped views show",
}
# What a list cannot be asked for without.
NEEDED = {
    "events proofs": ["sr:match:1"],
    "changes diff": ["1"],
    "unmapped views list": ["--actor", "ann"],
    "unmapped views show": ["mine", "--actor", "ann"],
}
LEAVES = every_command()
NOWHERE = {"MARKETMAP_DATABASE_URL": "postgresql://user:hush@127.0.0.1:1/x"}


def parameters(leaf: Leaf) -> set[str]:
    return {option for one in leaf.command.params for option in one.opts}


def failure(*arguments: str, **environment: str) -> Any:
    """The error of a command: the last line of what it says on stderr."""
    result = CliRunner(env=environment).invoke(app, arguments)
    assert result.exit_code in {1, 2}
    return json.loads(result.stderr.splitlines()[-1]) | {"exit": result.exit_code}


def test_every_list_and_nothing_else_has_the_three_forms() -> None:
    forms = {"--output", "--json", "--csv"}
    assert {leaf.name for leaf in LEAVES if forms <= parameters(leaf)} == LISTS
    assert {leaf.name for leaf in LEAVES if "--csv" in parameters(leaf)} == LISTS
    assert {leaf.name for leaf in LEAVES if leaf.path[-1] == "list"} <= LISTS


def test_the_users_of_the_console_in_each_form(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("ada:editor,approver:$argon2id$x\n")
    file.chmod(0o600)
    given = ["console", "users", "list", "--file", str(file)]
    table, as_json, as_csv = (
        CliRunner().invoke(app, [*given, *form])
        for form in ([], ["--output", "json"], ["--output", "csv"])
    )
    assert "ada" in table.stdout
    assert json.loads(as_json.stdout) == [{"name": "ada", "roles": ["editor", "approver"]}]
    assert as_csv.stdout.lstrip("\ufeff").splitlines()[0] == "name,roles"
    assert "ada" in as_csv.stdout


@pytest.mark.parametrize("name", sorted(LISTS))
@pytest.mark.parametrize(
    "options", [("--json", "--csv"), ("--output", "json", "--csv"), ("--output", "yaml")]
)
def test_two_forms_and_an_unknown_one_are_wrong_usage(name: str, options: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*name.split(), *NEEDED.get(name, []), *options])
    assert result.exit_code == 2
    assert "--output" in result.stderr


@pytest.mark.parametrize("form", [["--json"], ["--output", "json"], ["--output=json"]])
def test_an_error_is_json_where_json_is_asked_for(form: list[str]) -> None:
    found = failure("mappings", "list", *form, **NOWHERE)
    assert found == {
        "code": "NO_ANSWER",
        "message": "The database does not answer: 127.0.0.1:1 refuses the connection",
        "hint": None,
        "exit": 1,
    }


def test_wrong_usage_is_json_too_with_what_helps() -> None:
    found = failure("mappings", "list", "--json", "--limit", "many")
    assert (found["code"], found["exit"]) == ("WRONG_USAGE", 2)
    assert found["hint"].endswith("mappings list --help' for help.")
    assert failure("mappings", "lst", "--json")["message"].endswith("Did you mean 'list'?")


def test_wrong_settings_are_json_too() -> None:
    found = failure("config", "--json", MARKETMAP_HTTP_PORT="abc")
    assert (found["code"], found["exit"]) == ("WRONG_SETTINGS", 2)
    assert "MARKETMAP_HTTP_PORT" in found["message"]


def test_without_json_an_error_is_a_sentence() -> None:
    result = CliRunner(env=NOWHERE).invoke(app, ["mappings", "list"])
    assert result.stderr.startswith("The database does not answer")


CELLS = st.text(st.characters(categories=["L", "N"]), max_size=30)


@LAWS
@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=5))
def test_what_has_to_be_typed_is_whole_and_a_list_fits_where_it_can(rows: list[Any]) -> None:
    table = ListTable(
        [
            Column("id", is_typed=True),
            Column("name", least=6),
            Column("other", is_typed=True),
            Column("more", left_out=1),
        ]
    )
    for row in rows:
        table.add(*row)
    screen = StringIO()
    print_list(table, to=Console(file=screen, width=80))
    lines = screen.getvalue().splitlines()
    for row in rows:
        assert any(row[0] in line for line in lines)
        assert any(row[2] in line for line in lines)
    assert max(map(cell_len, lines)) <= 80


def test_what_has_to_be_typed_is_whole_if_it_is_wider_than_the_terminal() -> None:
    table = ListTable([Column(name, is_typed=True) for name in ("platform", "market", "is")])
    row = ("sportybet", "800117?" + "x" * 50, "home_or_away_both_halves_over_under_ft")
    table.add(*row)
    screen = StringIO()
    print_list(table, to=Console(file=screen, width=80))
    assert "  ".join(row) in screen.getvalue()


def test_the_columns_that_matter_least_are_left_out_and_named() -> None:
    table = ListTable([Column("id", is_typed=True), *(Column(f"c{n}", left_out=n) for n in (1, 2))])
    table.add("x" * 75, "something long", "something long")
    fitted, _, left_out = table.fitted(80)
    assert [column.header for column in fitted.columns] == ["id"]
    assert left_out == ["c1", "c2"]
