"""Functions and triggers: SQL in files of their own, `alembic/sql/<name>_v<number>.sql`.

Theory of operation. Whoever changes a mapping, with whatever program, the change is recorded: triggers do it.

1. Before a statement that changes mappings, `lock_mappings` takes an advisory lock. So changes happen one
   after the other, and audit ids are in the order of commits; the version of the table is its last audit id.
2. Before each update of a row, `prepare_mapping` drops an update that changes nothing, and sets its time.
3. After each row, `audit_mapping` writes the old and the new row into the audit log, with who and why, and
   with the change set that the change belongs to. What has no approved one gets one of its own. Where four
   eyes are required it is refused: at once, or, of a dry run, at the commit by `refuse_unreviewed`.
4. After the statement, `announce_mappings` notifies workers and relays of the new version, once.
5. `guard_audit` and `append_only` refuse changes of the logs: they only grow.

Every function has a search path of its own, so that nobody can put a function or operator of theirs in
between. The other functions compute columns and indexes of the queue of misses, and the keys by which texts
are searched; `change_status` records who decided what about a miss.

A file that was released is never changed. A change gets a new file with the next number, so a migration
always builds what it built when it was released.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

# What the newest revision has, in the order in which it can be created.
FUNCTIONS = (
    "lock_mappings_v2",
    "prepare_mapping_v1",
    "audit_mapping_v4",
    "refuse_unreviewed_v1",
    "announce_mappings_v1",
    "guard_audit_v2",
    "bound_functions_v1",
    "wide_heat_v1",
    "change_status_v3",
    "append_only_v2",
    "sign_v1",
    "sign_status_v1",
    "sign_alarm_v1",
    "change_set_v1",
    "change_draft_v1",
    "sign_row_v1",
    "sign_case_v1",
    "change_effect_v1",
    "search_keys_v1",
)
TRIGGERS = (
    "mapping_triggers_v4",
    "miss_triggers_v3",
    "watermark_change_triggers_v2",
    "replay_triggers_v1",
    "alarm_triggers_v1",
    "change_triggers_v1",
    "view_and_effect_triggers_v1",
)

# Comments are removed: a driver that prepares a statement takes one command at a time.
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


def script_folder() -> Path:
    """Return the folder of the migrations: next to this module if installed, at the top of a checkout."""
    installed = Path(__file__).with_name("_alembic")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"
