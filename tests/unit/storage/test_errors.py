import asyncio
import re
from ssl import SSLCertVerificationError
from typing import Any

import asyncpg
import pytest
from asyncpg.exceptions._base import DataError as AboutAValue  # the other one is the server's
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from worker.storage.errors import (
    StorageError,
    StorageFatal,
    StorageRefused,
    StorageUnavailable,
    classify,
    driver_errors_translated,
)


def answered(sqlstate: str) -> BaseException:
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "the server's sentence"})  # type: ignore[no-any-return]


def test_a_table_altered_beneath_a_prepared_statement_is_asked_again() -> None:
    fields = {"C": "0A000", "M": "in any language", "R": "RevalidateCachedQuery"}
    error = classify(asyncpg.PostgresError.new(fields))
    assert (type(error), error.sqlstate) == (StorageUnavailable, "0A000")


@pytest.mark.parametrize(
    ("sqlstates", "kind"),
    [
        ("08000 08003 08006 40001 40P01 40003 53100 53200 53300", StorageUnavailable),
        ("57P01 57P02 57P03 57014 55P03 25006 25P03", StorageUnavailable),
        ("22001 22003 22021 22P02 22P05 23502 23503 23505 23514 54000", StorageRefused),
        ("42P01 42501 28P01 3D000 0A000 21000 40002 55000 25001 XX000", StorageFatal),
    ],
)
def test_the_sqlstate_decides(sqlstates: str, kind: type[StorageError]) -> None:
    for sqlstate in sqlstates.split():
        error = classify(answered(sqlstate))
        assert type(error) is kind, sqlstate
        assert error.sqlstate == sqlstate


@pytest.mark.parametrize(
    "silence",
    [
        ConnectionRefusedError("refused"),
        TimeoutError(),
        PoolTimeoutError("pool"),
        OSError("unreachable"),
    ],
)
def test_no_answer_may_be_an_answer_later(silence: Exception) -> None:
    error = classify(silence)
    assert type(error) is StorageUnavailable
    assert error.sqlstate is None


def test_a_server_that_is_not_trusted_will_not_be_later() -> None:
    error = classify(SSLCertVerificationError(1, "certificate verify failed"))
    assert type(error) is StorageFatal


def wrapped(orig: BaseException, **options: Any) -> DBAPIError:
    return DBAPIError("INSERT INTO t", {"name": "secret"}, orig, **options)


def test_the_sentence_leaves_the_row_out_that_the_server_tells() -> None:
    details = {"D": "Failing row contains (secret).", "H": "Look at it."}
    refused = asyncpg.PostgresError.new(
        {"C": "23514", "M": "new row violates check constraint", **details}
    )
    assert str(classify(wrapped(refused))) == "new row violates check constraint"


def test_a_connection_that_broke_under_a_statement_is_worth_another_try() -> None:
    broken = wrapped(asyncpg.InterfaceError("connection is closed"), connection_invalidated=True)
    assert type(classify(broken)) is StorageUnavailable


def test_a_misuse_of_the_driver_is_a_defect() -> None:
    assert (
        type(classify(wrapped(asyncpg.InterfaceError("cannot perform operation")))) is StorageFatal
    )


def test_the_message_has_the_servers_sentence_and_not_the_values() -> None:
    assert str(classify(wrapped(answered("22001")))) == "the server's sentence"


def test_a_driver_error_is_raised_as_what_it_means() -> None:
    cause = answered("40P01")
    with (
        pytest.raises(StorageUnavailable, match=re.escape("the server's sentence")) as raised,
        driver_errors_translated(),
    ):
        raise cause
    assert raised.value.__cause__ is cause


def test_an_error_of_our_own_passes_through() -> None:
    with pytest.raises(KeyError), driver_errors_translated():
        raise KeyError


@pytest.mark.parametrize(
    "broken",
    [
        asyncpg.InternalClientError(
            "cannot switch to state 12; another operation (2) is in progress"
        ),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InterfaceError(
            "cannot call Transaction.commit(): the underlying connection is closed"
        ),
    ],
)
def test_a_connection_that_broke_under_a_statement_is_no_answer(broken: Exception) -> None:
    with pytest.raises(StorageUnavailable), driver_errors_translated():
        raise broken
    wrapped = DBAPIError("SELECT 1", None, broken)
    wrapped.__cause__ = broken
    assert isinstance(classify(wrapped), StorageUnavailable)


def test_a_value_that_the_driver_cannot_send_is_not_tried_again() -> None:
    error = AboutAValue("invalid input for query argument $1: another operation")
    assert isinstance(classify(error), StorageFatal)


async def test_what_ran_out_of_time_is_said_and_not_how_it_was_stopped() -> None:
    with (
        pytest.raises(StorageUnavailable, match=r"^no answer in time$"),
        driver_errors_translated(),
    ):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
