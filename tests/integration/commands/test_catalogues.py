"""Import and export of whole catalogues."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from worker.cli.shipped import shipped_catalogue

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.services
SIGNED = ("--actor", "ada", "--reason", "because")
SHIPPED = shipped_catalogue().read_text(encoding="utf-8")


def test_what_is_imported_is_exported_byte_for_byte(run: Run, change: Change) -> None:
    change("mappings", "import")
    assert run("mappings", "export").stdout == SHIPPED


def test_with_all_the_inactive_ones_come_back_byte_for_byte_in_an_empty_table(
    run: Run, change: Change, query: Query
) -> None:
    change("mappings", "import")
    names = [one["canonical_id"] for one in json.loads(SHIPPED)["mappings"]]
    for name in (names[0], names[7], names[-1]):
        change("mappings", "deactivate", name)
    exported = run("mappings", "export", "--all").stdout
    query("DELETE FROM user_market_mappings")
    change("mappings", "import", "-", text=exported)
    assert run("mappings", "export", "--all").stdout == exported
    assert exported.count('"is_active": false') == 3
    active = [
        one["canonical_id"] for one in json.loads(run("mappings", "export").stdout)["mappings"]
    ]
    assert active == [name for name in names if name not in {names[0], names[7], names[-1]}]


def test_an_import_switches_nothing_that_is_there_on_or_off(run: Run, change: Change) -> None:
    change("mappings", "import")
    catalogue = json.loads(SHIPPED)
    for one in catalogue["mappings"]:
        one["is_active"] = False
    again = change("mappings", "import", "-", text=json.dumps(catalogue))
    assert (again["added"], again["changed"]) == ([], [])
    assert run("mappings", "export").stdout == SHIPPED


def test_an_inactive_mapping_of_a_catalogue_is_no_rival(run: Run, change: Change) -> None:
    catalogue = json.loads(SHIPPED)
    twin = catalogue["mappings"][0] | {"canonical_id": "twin", "is_active": False}
    catalogue["mappings"].append(twin)
    assert "twin" in change("mappings", "import", "-", text=json.dumps(catalogue))["added"]
    (shown,) = json.loads(run("mappings", "list", "--inactive", "--json").stdout)
    assert shown["canonical_id"] == "twin"


def test_all_and_one_mapping_is_wrong_usage(run: Run) -> None:
    assert run("mappings", "export", "1x2_ft", "--all").exit_code == 2


def test_what_is_exported_changes_nothing_when_it_is_imported(run: Run, change: Change) -> None:
    change("mappings", "import")
    again = change("mappings", "import", "-", text=run("mappings", "export").stdout)
    assert (again["added"], again["changed"]) == ([], [])


def test_a_catalogue_with_one_rival_is_refused_as_a_whole(run: Run, change: Change) -> None:
    catalogue = json.loads(SHIPPED)
    catalogue["mappings"].append(catalogue["mappings"][0] | {"canonical_id": "twin"})
    result = run("mappings", "import", "-", *SIGNED, text=json.dumps(catalogue))
    assert result.exit_code == 1
    assert (
        "twin conflicts with 1x2_ft" in result.stderr
        or "1x2_ft conflicts with twin" in result.stderr
    )
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
