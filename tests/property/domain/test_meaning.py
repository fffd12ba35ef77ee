"""Laws of the expressions that say when an outcome wins."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.meaning.expression import MeaningError, parse

NUMBERS = ["h", "a", "t", "h1", "a1", "t1", "h2", "a2", "t2", "line"]
SIDES = ["'home'", "'away'", "'none'"]
LITERALS = st.sampled_from(["0", "1", "2.5", "0.25", "7"])

terms = st.recursive(
    st.sampled_from(NUMBERS) | LITERALS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda it: f"({it[0]} {it[1]} {it[2]})"),
        inner.map(lambda it: f"(-{it})"),
        inner.map(lambda it: f"({it} % 2)"),
    ),
    max_leaves=4,
)
comparisons = st.one_of(
    st.tuples(terms, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), terms).map(" ".join),
    st.tuples(terms, terms, terms).map(lambda it: f"{it[0]} <= {it[1]} < {it[2]}"),
    st.tuples(terms, st.sampled_from(["in", "not in"]), st.lists(LITERALS, min_size=1)).map(
        lambda it: f"{it[0]} {it[1]} [{', '.join(it[2])}]"
    ),
    st.tuples(
        st.sampled_from(["first", "last"]), st.sampled_from(["==", "!="]), st.sampled_from(SIDES)
    ).map(" ".join),
)
expressions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda it: f"({it[0]}) {it[1]} ({it[2]})"
        ),
        inner.map(lambda it: f"not ({it})"),
    ),
    max_leaves=5,
)
matches = st.fixed_dictionaries(
    {name: st.integers(0, 6) for name in NUMBERS if name != "line"}
    | {"line": st.integers(-12, 12).map(lambda quarters: quarters / 4)}
    | {name: st.sampled_from(["home", "away", "none"]) for name in ("first", "last")}
)


@given(expressions)
@LAWS
def test_what_is_written_is_read_again(text: str) -> None:
    assert parse(str(parse(text))) == parse(text)


@given(expressions, matches)
@LAWS
def test_an_expression_is_worth_what_python_makes_of_its_text(
    text: str, match: dict[str, float | str]
) -> None:
    naive = eval(text, {"__builtins__": {}}, dict(match))  # noqa: S307  # our own text, as the reference
    assert parse(text).holds(match) is naive


@given(st.text(max_size=60))
@LAWS
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(MeaningError):
        assert str(parse(text))
