"""Names of markets come from feeds that nobody vouches for, and editors open them in a spreadsheet."""

import csv
from contextlib import redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.cli.spreadsheet import cell, print_csv, without_apostrophes

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
HOSTILE = st.text(st.sampled_from([*SIGNS, *";,|\"' \t\r\n\xa0a1"]), max_size=12)
ORDINARY = st.text(st.characters(exclude_categories=["C"], exclude_characters=[";", *SIGNS]))


def csv_text(columns: list[str], rows: list[dict[str, object]]) -> str:
    """What is printed, without the byte order mark."""
    printed = TextIOWrapper(BytesIO(), encoding="utf-8")
    with redirect_stdout(printed):
        print_csv(columns, rows)
    return printed.buffer.getvalue().decode("utf-8-sig")


def rows_of(name: str, separator: str = ",") -> list[list[str]]:
    text = csv_text(["id", "name"], [{"id": 1, "name": name}])
    return list(csv.reader(StringIO(text, newline=""), delimiter=separator))[1:]


def is_number(found: str) -> bool:
    return found.lstrip("+-").replace(".", "").isdecimal()


@pytest.mark.parametrize(
    "name",
    [
        '=HYPERLINK("http://x","Over")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "-1.5.2",
        "-1\n",
        "-١",
        "@SUM(A1:A9)",
        "＝1+1",
        " =1",
        "\tOver",
        "\rOver",
        "\nOver",
    ],
)
def test_what_a_spreadsheet_would_calculate_has_an_apostrophe_in_front(name: str) -> None:
    assert rows_of(name) == [["1", f"'{name}"]]


@pytest.mark.parametrize("line", ["-1.5", "+2", "0", "2.50", "-12"])
def test_a_plain_number_is_left_alone(line: str) -> None:
    assert rows_of(line) == [["1", line]]
    assert cell(float(line)) == str(float(line))


@LAWS
@given(HOSTILE)
def test_no_spreadsheet_finds_a_formula_wherever_it_parts_cells(name: str) -> None:
    found = [one for separator in ",;\t" for row in rows_of(name, separator) for one in row]
    signed = [one for one in found if one.lstrip().startswith(SIGNS)]
    assert [one for one in signed if not is_number(one)] == []


@LAWS
@given(ORDINARY)
def test_an_ordinary_name_is_read_as_it_was(name: str) -> None:
    assert rows_of(name) == [["1", name]]


@pytest.mark.parametrize(
    "name", ["1ère mi-temps", 'Over "2,5"', "two\nlines", "Yes;No", "O'Neill", ""]
)
def test_commas_quotes_and_line_breaks_within_a_name_survive(name: str) -> None:
    assert rows_of(name) == [["1", name]]


def test_what_is_no_text_is_json_and_nothing_is_nothing() -> None:
    assert [cell(one) for one in (None, True, [{"label": "=1"}])] == [
        "",
        "true",
        '[{"label": "=1"}]',
    ]


def test_what_steers_a_terminal_is_escaped() -> None:
    assert cell("a\x1b[31m\x07\x9b") == r"a\x1b[31m\x07\x9b"


def test_lines_end_as_the_standard_says_and_the_head_is_there_without_rows() -> None:
    assert csv_text(["id", "name"], []) == "id,name\r\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Over\u202e5.2", "Over\\u202e5.2"),
        ("\u2066=1", "\\u2066=1"),
        ("soft\xadhyphen", "soft\\xadhyphen"),
        ("\ufeffname", "\\ufeffname"),
        ("Gòals – ½", "Gòals – ½"),
    ],
)
def test_marks_that_turn_a_row_round_are_written_out(name: str, expected: str) -> None:
    assert cell(name) == expected


@pytest.mark.parametrize("name", ["=1+1", "a;=b", "+x", "-x\t@y", "plain", "don't", "\tx", "＝x"])
def test_the_apostrophes_of_a_cell_can_be_taken_off(name: str) -> None:
    assert without_apostrophes(cell(name)) == name
