import pytest

from worker.domain.meaning.expression import LONGEST, MeaningError, parse

FACTS: dict[str, float | str] = {
    "h": 2,
    "a": 1,
    "t": 3,
    "h1": 1,
    "a1": 0,
    "line": 2.5,
    "first": "home",
    "last": "away",
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("h > a", True),
        ("h < a or t > line", True),
        ("not (h > 0 and a > 0)", False),
        ("1 <= t <= 2", False),
        ("h - a == 1", True),
        ("h + line == 4.5", True),
        ("t % 2 == 1", True),
        ("h in (0, 2)", True),
        ("h not in (0, 2)", False),
        ("first == 'home' and last != 'home'", True),
        ("first in ('away', 'none')", False),
        ("-h + a == -1", True),
    ],
)
def test_an_expression_says_whether_a_match_wins(text: str, *, holds: bool) -> None:
    assert parse(text).holds(FACTS) is holds


def test_spacing_and_needless_parentheses_make_no_difference() -> None:
    assert parse("((h>a))") == parse("h > a")
    assert str(parse("( h>a )and(a<1)")) == "h > a and a < 1"


def test_it_says_which_facts_it_needs() -> None:
    assert parse("h1 > a1 and t > line").names == {"h1", "a1", "t", "line"}


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("h > goals", 5, "not a fact of a match"),
        ("h > 'home'", 5, "a number is needed"),
        ("first > 'home'", 9, "sides have no order"),
        ("first == 'draw'", 10, "one of 'away'"),
        ("h > 2.3", 5, "multiple of 0.25"),
        ("h > 1e9", 5, "up to 1000"),
        ("h", 1, "true or false"),
        ("h > a > (h > 1)", 10, "a number is needed"),
        ("(h > a) > 1", 2, "between numbers"),
        ("h % 3 == 1", 1, "not part of the language"),
        ("h * 2 > 3", 1, "not part of the language"),
        ("h ** 99999 > 3", 1, "not part of the language"),
        ("max(h, a) > 1", 1, "not part of the language"),
        ("h.real > 1", 1, "not part of the language"),
        ("h is a", 6, "use =="),
        ("h in 3", 6, "takes a list"),
        ("h in (a, 1)", 7, "constants only"),
        ("h in ()", 6, "takes a list"),
        ("h > True", 5, "multiple of 0.25"),
        ("h > a if a > 1 else h > 2", 1, "not part of the language"),
        ("(x := h) > 1", 2, "not part of the language"),
        ("h > ", 5, "no expression"),
        ("", 1, "no expression"),
        ("h > a; h", 6, "no expression"),
        ("h > a\nor 1", 1, "one line"),
        ("h > \u0661", 1, "ASCII"),
        ("__import__('os').system('x')", 1, "not part of the language"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_place(
    text: str, column: int, words: str
) -> None:
    with pytest.raises(MeaningError) as refused:
        parse(text)
    assert (refused.value.column, words in refused.value.reason) == (column, True)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(MeaningError, match="longer than"):
        parse("h > a or " * LONGEST + "h > a")
    with pytest.raises(MeaningError, match="deeper"):
        parse("not " * 200 + "h > a")
    with pytest.raises(MeaningError):
        parse("(" * 900 + "h" + ")" * 900)


@pytest.mark.parametrize(
    "text",
    [" and ".join(["h==1"] * 200), " or ".join(["h==2"] * 199 + ["h==1"]), "1" + "<=h" * 600],
)
def test_as_many_conditions_as_fit_are_tried(text: str) -> None:
    assert parse(text).holds({"h": 1})
    assert not parse(text).holds({"h": 0})
