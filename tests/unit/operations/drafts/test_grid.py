"""The grid of missed markets: what is read of it, and what is wrong with it."""

import pytest

from worker.operations.drafts.grid import GridError, read_decisions, read_rows


def row(
    label: str, canonical_id: str = "btts", outcome: str = "yes", **others: str
) -> dict[str, str]:
    return {
        "platform": "bet9ja",
        "market_id": "S_GGNG",
        "label": label,
        "canonical_id": canonical_id,
        "outcome": outcome,
    } | others


def test_the_rows_of_a_market_are_one_decision() -> None:
    (decision,) = read_decisions([row("Y"), row("N", outcome="no")])
    assert (decision.key, decision.canonical_id) == (("bet9ja", "S_GGNG"), "btts")
    assert decision.outcomes == {"Y": "yes", "N": "no"}


@pytest.mark.parametrize("empty", [row("Y", canonical_id=" "), row("Y", outcome="")])
def test_a_row_that_is_left_empty_is_left_alone(empty: dict[str, str]) -> None:
    assert read_decisions([empty]) == []


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([row("Y", platform="betnaija")], "row 2: betnaija is not a bookmaker"),
        ([row("Y"), row("N", canonical_id="other")], "row 3: bet9ja S_GGNG is btts in row 2"),
        ([row("Y"), row("Y", outcome="no")], "row 3: the label Y is yes above"),
        ([{"platform": "bet9ja"}], "the column market_id is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_row(rows: list[dict[str, str]], says: str) -> None:
    with pytest.raises(GridError, match=says):
        read_decisions(rows)


def test_every_fault_is_named() -> None:
    with pytest.raises(GridError) as refused:
        read_decisions([row("Y", platform="x"), row("N", platform="y")])
    assert [one.row for one in refused.value.faults] == [2, 3]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_a_grid_has_tabs_or_commas_as_its_spreadsheet_writes_it(
    mark: str, end: str, delimiter: str
) -> None:
    lines = [("platform", "label"), ("betpawa", '"Yes\tor, no"')]
    text = mark + end.join(delimiter.join(line) for line in lines)
    assert read_rows(text) == [{"platform": "betpawa", "label": "Yes\tor, no"}]
