"""What was resolved under a version resolves the same again, from the audit log alone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from typer.testing import Result

from tests.support.markets import CATALOGUE
from worker.domain.index import MappingIndex
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.lab.synthetic.scrape import generate_scrape
from worker.runtime.index.live import build_index
from worker.storage.audit import table_as_of
from worker.storage.mappings import import_mappings, load_index_rows

pytestmark = pytest.mark.services

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OBSERVATIONS = [
    orjson.dumps(seen.observation)
    for seen in generate_scrape(seed=3, events=2, started_at=NOON, size="slim")
]
# Also what no command would let through: rivals, and rows that cannot be used.
EDITS = [
    "UPDATE user_market_mappings SET is_active = NOT is_active WHERE canonical_id = :one",
    "UPDATE user_market_mappings SET priority = priority + 1 WHERE canonical_id = :one",
    "DELETE FROM user_market_mappings WHERE canonical_id = :one",
    """UPDATE user_market_mappings SET outcome_mapping = outcome_mapping - 0
    WHERE canonical_id = :one AND jsonb_array_length(outcome_mapping) > 1""",
    "UPDATE user_market_mappings SET outcome_mapping = '[{}]' WHERE canonical_id = :one",
    """UPDATE user_market_mappings AS it SET sportybet_id = other.sportybet_id, bet9ja_key = other.bet9ja_key
    FROM user_market_mappings AS other WHERE it.canonical_id = :one AND other.canonical_id = :two""",
    """INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, line_rule,
    outcome_mapping) SELECT canonical_id || '_x', name, betpawa_id, sportybet_id, bet9ja_key, line_rule,
    outcome_mapping FROM user_market_mappings WHERE canonical_id = :one ON CONFLICT DO NOTHING""",
    """UPDATE user_market_mappings SET canonical_id = 'renamed_' || id WHERE canonical_id = :one
    AND :two <> ''""",
]


EDITED = CATALOGUE[:25]
# With some that are not edited. All of the catalogue would be read and built two dozen times an example.
TABLE = CATALOGUE[:60]
NAME = st.sampled_from([one.canonical_id for one in EDITED])
EDIT = st.tuples(st.sampled_from(EDITS), st.fixed_dictionaries({"one": NAME, "two": NAME}))


async def start_over(connection: AsyncConnection) -> None:
    await connection.execute(text("DELETE FROM user_market_mappings"))
    await import_mappings(connection, TABLE, actor="ada", reason="test")
    await connection.commit()


async def edit(connection: AsyncConnection, sql: str, values: dict[str, str]) -> None:
    statement = text(sql)
    wanted = statement.compile().params.keys()
    await connection.execute(statement, {name: values[name] for name in wanted})
    await connection.commit()


def output(record: bytes, index: MappingIndex) -> bytes:
    """The output as it is published, with the version stamped into it."""
    decoded = decode(record, max_bytes=len(record))
    assert isinstance(decoded, Decoded)
    return resolved_event(decoded.envelope, resolve(decoded.observation, index), index.version)


async def publish(connection: AsyncConnection, steps: list[Any]) -> list[tuple[bytes, bytes]]:
    """Make the edits, and after each of them resolve a record: the records with their outputs."""
    published: list[tuple[bytes, bytes]] = []
    for (sql, values), record in steps:
        await edit(connection, sql, values)
        index = build_index(*await load_index_rows(connection))
        await connection.commit()
        published.append((record, output(record, index)))
    return published


@given(steps=st.lists(st.tuples(EDIT, st.sampled_from(OBSERVATIONS)), min_size=8, max_size=16))
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # the log of one example goes on in the next one
        HealthCheck.too_slow,
    ],
)
async def test_each_output_comes_again_from_the_version_stamped_in_it(
    engine: AsyncEngine, steps: list[Any]
) -> None:
    async with engine.connect() as connection:
        await start_over(connection)
        published = await publish(connection, steps)
        for record, event in published:
            version = json.loads(event)["mapping_version"]
            again = build_index(version, await table_as_of(connection, version))
            assert output(record, again) == event
        assert all(json.loads(event)["markets"] for _, event in published)


def test_the_command_resolves_as_of_a_version(
    run: Callable[..., Result], change: Callable[..., Any], mapping_file: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.jsonl"
    market = {"id": "29", "status": 0, "outcomes": [{"desc": "Yes", "odds": "1.9", "isActive": 1}]}
    observed = {
        "platform": "sportybet",
        "observed_at": "2026-11-22T12:00:00Z",
        "event": {"id": "sr:match:1"},
    }
    file.write_bytes(orjson.dumps(observed | {"markets": [market]}))
    first = change("mappings", "create", "--file", mapping_file)["version"]
    change("mappings", "update", "btts", "--set", "canonical_id=both_score")
    for version, expected in ((0, []), (first, ["btts"]), (first + 2, ["both_score"])):
        event = json.loads(run("resolve", str(file), "--as-of", str(version)).stdout)
        assert event["mapping_version"] == version
        assert [one["canonical_id"] for one in event["markets"]] == expected


def test_a_version_that_is_still_to_come_is_wrong_usage(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "none.jsonl").write_bytes(b"")
    result = run("resolve", str(tmp_path / "none.jsonl"), "--as-of", "1")
    assert (result.exit_code, "there is no version 1: the last one is 0" in result.stderr) == (
        2,
        True,
    )
