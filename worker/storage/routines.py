"""Functions and triggers: SQL in files of their own, `alembic/sql/<name>_v<number>.sql`.

A file that was released is never changed. What has to change gets a new file with the next number, so that a
migration builds for ever what it built on its first day.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from worker.storage.migrate import script_folder

# What the newest revision has, in the order in which it can be created.
FUNCTIONS = (
    "lock_mappings_v2",
    "prepare_mapping_v1",
    "audit_mapping_v2",
    "announce_mappings_v1",
    "guard_audit_v2",
    "bound_functions_v1",
    "change_status_v2",
    "append_only_v2",
    "sign_v1",
    "sign_status_v1",
)
TRIGGERS = (
    "mapping_triggers_v2",
    "miss_triggers_v2",
    "watermark_change_triggers_v2",
    "replay_triggers_v1",
)

# Comments go, because a driver that prepares a statement takes one command at a time.
COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
END_OF_STATEMENT = re.compile(r";\n\n")


def statements(name: str) -> Iterator[str]:
    """The statements of one file, each to be executed on its own. Raises FileNotFoundError.

    Statements end with a semicolon and an empty line; a function's body holds no empty line. No
    file has a percent sign: Alembic would print it differently from how it runs it.
    """
    source = (script_folder() / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    return (statement.strip() for statement in END_OF_STATEMENT.split(COMMENT.sub("", source)))


def create_functions(_target: object, connection: Connection, **_: Any) -> None:
    """Create all of them, before the columns and indexes of the metadata that use them."""
    _create(FUNCTIONS, connection)


def create_triggers(_target: object, connection: Connection, **_: Any) -> None:
    """Create all of them, once the tables of the metadata are there."""
    _create(TRIGGERS, connection)


def _create(names: Iterable[str], connection: Connection) -> None:
    for name in names:
        for statement in statements(name):
            connection.execute(text(statement))
