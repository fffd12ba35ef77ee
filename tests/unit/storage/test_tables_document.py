"""docs/tables.md names every column and index that the metadata has."""

from pathlib import Path

import pytest

from worker.storage.tables import metadata

DOCUMENT = Path(__file__).parents[3] / "docs" / "tables.md"


def section(table: str) -> str:
    return DOCUMENT.read_text().split(f"\n## {table}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("table", metadata.tables)
def test_every_column_of_a_table_has_its_line(table: str) -> None:
    columns = next(part for part in section(table).split("\n\n") if part.startswith("| column "))
    first_cells = [row.split("|")[1] for row in columns.splitlines() if row.startswith("| ")]
    described = {name.strip() for cell in first_cells for name in cell.split(",")} - {"column"}
    assert described == set(metadata.tables[table].columns.keys())


@pytest.mark.parametrize("table", metadata.tables)
def test_every_index_of_a_table_is_named(table: str) -> None:
    assert [
        index.name
        for index in metadata.tables[table].indexes
        if f"`{index.name}`" not in section(table)
    ] == []
