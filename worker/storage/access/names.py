"""What this project's relations are called, as a list for SQL."""

from typing import Final

from worker.storage.tables import metadata

# Alembic's own table is in no metadata.
TABLES: Final = (*sorted(metadata.tables), "alembic_version")
_SEQUENCES: Final = tuple(
    f"{table.name}_{table.autoincrement_column.name}_seq"
    for table in metadata.sorted_tables
    if table.autoincrement_column is not None
)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


SQL_TABLES: Final = _quoted(TABLES)
SQL_RELATIONS: Final = _quoted((*TABLES, *_SEQUENCES))
