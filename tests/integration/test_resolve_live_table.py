import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from tests.support.markets import mapping, observation, sportybet
from worker.cli.main import app
from worker.storage.engine import transaction
from worker.storage.mappings import import_mappings

pytestmark = pytest.mark.services

ODDS = sportybet("user1", prices={"a": "2.5"})


async def test_resolve_with_the_database_uses_its_active_mappings(
    engine: AsyncEngine, migrated: str, tmp_path: Path
) -> None:
    only_here = mapping("only_here", ["a", "b"], sportybet_id="user1")
    async with transaction(engine) as connection:
        await import_mappings(connection, [only_here], actor="test", reason="test")
    file = tmp_path / "observations.jsonl"
    file.write_bytes(observation("sportybet", [ODDS]))
    arguments = ["resolve", str(file), "--database-url", migrated]
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert result.exit_code == 0, result.output
    event = json.loads(result.stdout)
    assert [market["canonical_id"] for market in event["markets"]] == ["only_here"]
