"""Reading a grid takes time and memory in proportion to its size, whatever stands in it."""

from __future__ import annotations

import pytest

from tests.support.growth import TIMES_LARGER, is_in_proportion
from worker.operations.drafts.grid import COLUMNS, GridError, read_decisions, read_rows

ROWS = 5000

pytestmark = pytest.mark.usefixtures("frozen")


def grid(*rows: tuple[str, ...]) -> str:
    return "\n".join("\t".join(row) for row in (COLUMNS, *rows))


def test_the_labels_of_one_market_are_read_in_proportion_to_their_number() -> None:
    def rows(number: int) -> list[dict[str, str | None]]:
        return read_rows(
            grid(*(("bet9ja", "S", "", f"L{place}", "m", "o") for place in range(number)))
        )

    small, large = rows(ROWS), rows(ROWS * TIMES_LARGER)
    assert is_in_proportion(lambda: read_decisions(small), lambda: read_decisions(large))


def test_a_row_has_only_the_columns_of_a_grid() -> None:
    header = (*COLUMNS, *(f"more{place}" for place in range(1000)))
    (row,) = read_rows("\t".join(header) + "\nbet9ja\tS")
    assert row == dict.fromkeys(COLUMNS) | {"platform": "bet9ja", "market_id": "S"}


@pytest.mark.parametrize("column", ["canonical_id", "outcome"])
def test_a_long_text_is_not_repeated_in_the_fault_of_each_row(column: str) -> None:
    row = dict(zip(COLUMNS, ("bet9ja", "S", "", "L", "m", "o"), strict=True))
    rows = [row | {column: "a" * 50_000}, *[row | {column: "b"}] * 1000]
    with pytest.raises(GridError) as refused:
        read_decisions(rows)
    assert len(refused.value.faults) == 1000
    assert len(str(refused.value)) < 1_000_000
