"""Import and export of whole catalogues."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from worker.cli.shipped import shipped_catalogue

Run = Callable[..., Result]
Change = Callable[..., Any]

pytestmark = pytest.mark.services
SIGNED = ("--actor", "ada", "--reason", "because")
SHIPPED = shipped_catalogue().read_text(encoding="utf-8")


def test_what_is_imported_is_exported_byte_for_byte(run: Run, change: Change) -> None:
    change("mappings", "import")
    assert run("mappings", "export").stdout == SHIPPED


def test_what_is_exported_changes_nothing_when_it_is_imported(run: Run, change: Change) -> None:
    change("mappings", "import")
    again = change("mappings", "import", "-", text=run("mappings", "export").stdout)
    assert (again["added"], again["changed"]) == ([], [])


def test_a_catalogue_with_one_rival_is_refused_as_a_whole(run: Run, change: Change) -> None:
    catalogue = json.loads(SHIPPED)
    catalogue["mappings"].append(catalogue["mappings"][0] | {"canonical_id": "twin"})
    result = run("mappings", "import", "-", *SIGNED, text=json.dumps(catalogue))
    assert result.exit_code == 1
    assert "twin conflicts with 1x2_ft" in result.stderr or "1x2_ft conflicts with twin" in result.stderr
    assert json.loads(run("mappings", "list", "--json").stdout) == []


def test_a_rival_that_is_in_the_table_already_is_named(run: Run, change: Change) -> None:
    change(
        "mappings",
        "create",
        *("--set", "canonical_id=mine", "--set", "name=Mine", "--set", "sportybet_id=1"),
        *("--set", "outcome.home.sportybet_desc=Home"),
    )
    result = run("mappings", "import", *SIGNED)
    assert result.exit_code == 1
    assert "1x2_ft conflicts with mine" in result.stderr
