"""Editors in processes of their own who change mappings at the same time."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess, run
from sys import executable
from typing import Any

import pytest

pytestmark = pytest.mark.services

EDITORS = 3


def edit(database: str, number: int, *arguments: str) -> CompletedProcess[str]:
    signed = ["--actor", f"editor {number}", "--reason", "race", "--json"]
    return run(
        [executable, "-m", "worker.cli", "mappings", *arguments, *signed],
        env=os.environ | {"MARKETMAP_DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def race(database: str, command: Callable[[int], list[str]]) -> list[CompletedProcess[str]]:
    with ThreadPoolExecutor(EDITORS) as editors:
        return list(
            editors.map(lambda number: edit(database, number, *command(number)), range(EDITORS))
        )


def test_of_editors_who_saw_the_same_version_one_saves_and_the_others_are_told(
    change: Callable[..., Any],
    query: Callable[..., list[dict[str, Any]]],
    migrated: str,
    mapping_file: str,
) -> None:
    version = change("mappings", "create", "--file", mapping_file)["version"]
    seen = ["update", "btts", "--expected-version", str(version), "--set"]
    results = race(migrated, lambda number: [*seen, f"name=By editor {number}"])
    assert sorted(result.returncode for result in results) == [0, *[1] * (EDITORS - 1)]
    (winner,) = [json.loads(result.stdout) for result in results if result.returncode == 0]
    assert all("race" in result.stderr for result in results if result.returncode)
    last = query("SELECT max(id) AS id, count(*) AS changes FROM mapping_audit_log")
    assert last == [{"id": winner["version"], "changes": 2}]


def test_of_rivals_that_are_created_at_once_one_gets_in(
    run: object, query: Callable[..., list[dict[str, Any]]], migrated: str
) -> None:
    fields = [
        "--set",
        "name=M",
        "--set",
        "sportybet_id=29",
        "--set",
        "outcome.yes.sportybet_desc=Yes",
    ]
    results = race(migrated, lambda number: ["create", "--set", f"canonical_id=m{number}", *fields])
    assert sorted(result.returncode for result in results) == [0, *[1] * (EDITORS - 1)]
    assert all("conflicts with m" in r.stderr for r in results if r.returncode)
    assert query("SELECT count(*) AS mappings FROM user_market_mappings") == [{"mappings": 1}]
