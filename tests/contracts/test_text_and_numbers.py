"""What readers of JSON take that a database then refuses: so it is refused, or cut, when it is read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel

from worker.domain.books.rows import LONGEST_ID
from worker.domain.resolve import LONGEST_NAME


class Anything(BaseModel):
    value: Any


@pytest.mark.parametrize("document", ["NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"'])
def test_pydantic_takes_what_is_no_json_and_what_no_database_takes(document: str) -> None:
    Anything.model_validate_json(f'{{"value": {document}}}')


def test_the_standard_reader_takes_half_of_a_character_which_no_encoder_takes() -> None:
    text = json.loads('"\\ud800"')
    with pytest.raises(UnicodeEncodeError):
        text.encode()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.mark.services
@pytest.mark.parametrize(
    ("statement", "value", "error"),
    [
        ("SELECT CAST(CAST($1 AS text) AS jsonb)", "NaN", asyncpg.InvalidTextRepresentationError),
        (
            "SELECT CAST(CAST($1 AS text) AS jsonb)",
            '"\\u0000"',
            asyncpg.UntranslatableCharacterError,
        ),
        (
            "SELECT CAST(CAST($1 AS text) AS jsonb)",
            '"\\ud800"',
            asyncpg.InvalidTextRepresentationError,
        ),
        ("SELECT CAST($1 AS text)", "a\x00b", asyncpg.CharacterNotInRepertoireError),
        ("SELECT CAST($1 AS text)", "\ud800", UnicodeEncodeError),
    ],
    ids=[
        "NaN in jsonb",
        "NUL in jsonb",
        "half a character in jsonb",
        "NUL in text",
        "half a character",
    ],
)
async def test_postgres_refuses(
    connection: asyncpg.Connection, statement: str, value: str, error: type[Exception]
) -> None:
    with pytest.raises((error, asyncpg.DataError)):
        await connection.fetchval(statement, value)


@pytest.mark.services
async def test_a_key_of_an_index_holds_less_than_a_third_of_a_page(
    connection: asyncpg.Connection,
) -> None:
    """So every key is cut at its column's length, far below that."""
    await connection.execute("CREATE TABLE keyed (name text PRIMARY KEY)")
    incompressible = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(1000))
    with pytest.raises(asyncpg.ProgramLimitExceededError):
        await connection.execute("INSERT INTO keyed VALUES ($1)", incompressible)
    await connection.execute(
        "INSERT INTO keyed VALUES ($1)", incompressible[: LONGEST_ID + LONGEST_NAME]
    )


@pytest.mark.services
async def test_one_bad_value_takes_the_whole_statement_with_it(
    connection: asyncpg.Connection,
) -> None:
    """So a batch that is refused is halved until the record at fault stands alone."""
    await connection.execute("CREATE TABLE counted (name varchar(3) PRIMARY KEY)")
    with pytest.raises(asyncpg.StringDataRightTruncationError):
        await connection.execute(
            "INSERT INTO counted SELECT unnest($1::text[])", ["one", "two", "three"]
        )
    assert await connection.fetchval("SELECT count(*) FROM counted") == 0
