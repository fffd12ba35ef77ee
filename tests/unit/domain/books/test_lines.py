import pytest

from worker.domain.books.lines import from_quarters, negate, parse_european, parse_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("2.50", "2.5"),
        ("2.0", "2"),
        ("+0.5", "0.5"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0", "0"),
        ("2.25", "2.25"),
        ("-1.50", "-1.5"),
        ("007.5", "7.5"),
        ("-0.25", "-0.25"),
        ("100", "100"),
    ],
)
def test_a_line_is_a_plain_decimal_without_plus_and_trailing_zeros(text: str, line: str) -> None:
    assert parse_line(text) == line


def test_a_unicode_minus_is_read_as_minus() -> None:
    assert parse_line("−1.5") == "-1.5"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "inf",
        "-inf",
        "1e1",
        "1E1",
        "1_0",
        "2,5",
        "0:1",
        " 2.5",
        "2.5 ",
        "2.",
        ".5",
        "--1",
        "0x10",
        "٢",
    ],
)
def test_what_is_not_a_plain_decimal_is_no_line(text: str) -> None:
    assert parse_line(text) is None


def test_a_line_of_more_than_six_places_is_no_line() -> None:
    assert parse_line("1.0000001") is None
    assert parse_line("1" * 5000) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [("0:1", "-1"), ("2:0", "2"), ("1:3", "-2"), ("0:0", "0"), ("-1", "-1"), ("+2", "2")],
)
def test_a_three_way_line_is_start_scores_or_a_whole_number(text: str, line: str) -> None:
    assert parse_european(text) == line


@pytest.mark.parametrize(
    "text", ["-1.5", "0:1:2", "a:b", ":", "0:", "1e1:0", "-1:0", "0" * 5000 + ":1"]
)
def test_what_is_neither_is_no_three_way_line(text: str) -> None:
    assert parse_european(text) is None


@pytest.mark.parametrize(
    ("quarters", "line"),
    [(10, "2.5"), (-6, "-1.5"), (4, "1"), (0, "0"), (-1, "-0.25"), (3, "0.75")],
)
def test_betpawa_gives_the_line_times_four(quarters: int, line: str) -> None:
    assert from_quarters(quarters) == line


def test_a_line_seen_from_the_other_side_changes_its_sign_and_zero_stays() -> None:
    assert [negate(line) for line in ("1.5", "-1.5", "0")] == ["-1.5", "1.5", "0"]
