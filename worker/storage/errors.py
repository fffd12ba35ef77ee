"""What a failed statement means to its caller: try again, set the record aside, or stop.

Driver errors are translated here and nowhere else. `classify` decides by SQLSTATE, and by the kind of
exception where the server never answered.
"""

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLCertVerificationError

from asyncpg import (
    InterfaceError,
    InternalClientError,
    InvalidCachedStatementError,
    PostgresError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Connection lost, serialization failure, deadlock, completion unknown, out of resources, shutting down or
# cancelled, lock not available, read-only after a failover, idle transaction ended.
TRANSIENT = ("08", "40001", "40P01", "40003", "53", "57P0", "57014", "55P03", "25006", "25P03")

# The values are wrong: data exception, integrity violation, larger than a limit of the server.
REFUSED = ("22", "23", "54")

DRIVER_ERRORS = (
    DBAPIError,
    PoolTimeoutError,
    PostgresError,
    InterfaceError,
    InternalClientError,
    OSError,
)


class StorageError(Exception):
    """A statement failed. `sqlstate` is None when the server did not answer."""

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class StorageUnavailable(StorageError):  # noqa: N818 (it names a state, not a mistake)
    """The same call may succeed later; as far as is known, the values are right."""


class StorageRefused(StorageError):  # noqa: N818 (it names an answer, not a mistake)
    """The database rejects these values and always will."""


class StorageFatal(StorageError):  # noqa: N818 (it names what to do, not a mistake)
    """Neither a retry nor other values help: wrong schema, wrong privileges, a defect."""


def classify(error: BaseException) -> StorageError:
    """Translate a driver error; the result is to be raised `from` it."""
    sqlstate = _sqlstate(error)
    message = _message(error)
    if any(isinstance(link, InvalidCachedStatementError) for link in _chain(error)):
        # Somebody altered a table beneath a prepared statement; the next call prepares it again.
        return StorageUnavailable(message, sqlstate)
    if sqlstate is None:
        kind = StorageUnavailable if _no_answer(error) else StorageFatal
        return kind(message)
    if sqlstate.startswith(TRANSIENT):
        return StorageUnavailable(message, sqlstate)
    if sqlstate.startswith(REFUSED):
        return StorageRefused(message, sqlstate)
    return StorageFatal(message, sqlstate)


@contextmanager
def driver_errors_translated() -> Iterator[None]:
    """Raise StorageUnavailable, StorageRefused or StorageFatal in place of a driver error."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise classify(error) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes: SQLAlchemy wraps the driver's error twice."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or getattr(seen, "orig", None)


def _sqlstate(error: BaseException) -> str | None:
    return next(
        (state for link in _chain(error) if (state := getattr(link, "sqlstate", None))), None
    )


def _no_answer(error: BaseException) -> bool:
    """Return whether there was no answer. An untrusted server did answer, and a retry would not help."""
    links = list(_chain(error))
    return not any(isinstance(link, SSLCertVerificationError) for link in links) and any(
        isinstance(link, OSError | PoolTimeoutError)
        or getattr(link, "connection_invalidated", False)
        or _is_broken(link)
        for link in links
    )


def _is_broken(link: BaseException) -> bool:
    """Return whether the driver gave up on its connection.

    If the server ends a connection while a statement is sent, the driver may notice before it knows the
    connection as closed: "cannot switch to state 12; another operation (2) is in progress".
    """
    if isinstance(link, ValueError):  # an InterfaceError, too, but about a value
        return False
    return isinstance(link, InternalClientError) or (
        isinstance(link, InterfaceError)
        and any(words in str(link) for words in ("connection is closed", "another operation"))
    )


def _message(error: BaseException) -> str:
    """Return the driver's sentence alone: SQLAlchemy adds the statement, Postgres's details contain rows.

    What ran out of time was cancelled, which says nothing to anybody.
    """
    innermost = [link for link in _chain(error) if not isinstance(link, CancelledError)][-1]
    if isinstance(innermost, TimeoutError) and not innermost.args:
        return "no answer in time"
    sentence = (
        innermost.args[0] if isinstance(innermost, PostgresError) and innermost.args else innermost
    )
    return str(sentence) or type(innermost).__name__
