"""Fixtures for the editors' commands on a migrated database."""

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from tests.support.editing.queue_rows import add_miss
from worker.cli.main import app

SIGNED = ("--actor", "ada", "--reason", "because")
Run = Callable[..., Result]
Query = Callable[..., list[dict[str, Any]]]

BTTS = """
canonical_id: btts
name: Both Teams To Score
sportybet_id: 29
outcome_mapping:
  - {canonical_id: yes, sportybet_desc: Yes}
  - {canonical_id: no, sportybet_desc: No}
"""


@pytest.fixture
def run(migrated: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("mappings", "list", ...)`: one command on this test's database, in a wide terminal."""
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", migrated)
    monkeypatch.setenv("COLUMNS", "250")

    def invoke(*arguments: str, text: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=text)

    return invoke


@pytest.fixture
def change(run: Run) -> Callable[..., Any]:
    """`change("mappings", "delete", ...)`: a signed command that must succeed; returns its JSON."""

    def invoke(*arguments: str, text: str | None = None) -> Any:
        result = run(*arguments, *SIGNED, "--json", text=text)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return invoke


@pytest.fixture
def query(migrated: str) -> Query:
    """`query(sql, *values)`: one statement in a transaction of its own; returns its rows."""

    async def run(sql: str, values: Sequence[object]) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(migrated)
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    return lambda sql, *values: asyncio.run(run(sql, values))


@pytest.fixture
def mapping_file(tmp_path: Path) -> str:
    file = tmp_path / "btts.yaml"
    file.write_text(BTTS)
    return str(file)


@pytest.fixture
def miss(query: Query) -> Callable[..., None]:
    """`miss("sportybet", "800", "Name", ["Yes"])`: a row of the queue, as a worker leaves it."""
    return partial(add_miss, query)
