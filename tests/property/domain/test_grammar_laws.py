import string

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.books.bet9ja import LONGEST_KEY, Bet9jaKey, format_key, parse_key
from worker.domain.books.lines import from_quarters, negate, parse_european, parse_line
from worker.domain.books.sportybet import LONGEST_SPECIFIER, format_specifier, parse_specifier
from worker.domain.mapping import MappingError, MappingFault, parse_mapping

MARKETS = st.builds(
    "{}_{}".format,
    st.sampled_from(["S", "LIVES", "B", "T"]),
    st.text(string.ascii_uppercase + string.digits + "-", min_size=1, max_size=20),
)
PARAMS = st.none() | st.text(min_size=1, max_size=12).filter(
    lambda text: not set(text) & {"_", "@"} and not text.startswith("+")
)
KEYS = st.builds(Bet9jaKey, MARKETS, PARAMS, st.text(min_size=1, max_size=40))
# Short texts of the grammar's own characters: most are nearly keys, some are.
NEARLY_KEYS = st.text("S_@1X-.\n", max_size=12) | st.text(max_size=30)
SPECIFIER_TEXTS = st.text("ab=|1.", max_size=16) | st.text(max_size=30)
PAIRS = st.lists(
    st.tuples(
        st.text("abctotal", min_size=1, max_size=6), st.text("12:.=+sr", min_size=1, max_size=8)
    ),
    unique_by=lambda pair: pair[0],
    max_size=4,
).map(tuple)
NUMBERS = st.from_regex(r"[+\-−]?[0-9]{1,6}(\.[0-9]{1,6})?", fullmatch=True)


@LAWS
@given(KEYS)
def test_a_formatted_key_parses_to_the_key(key: Bet9jaKey) -> None:
    assert parse_key(format_key(key)) == key


@LAWS
@given(NEARLY_KEYS)
def test_a_parsed_text_formats_to_the_text(text: str) -> None:
    key = parse_key(text)
    assert key is None or format_key(key) == text


@LAWS
@given(st.integers(LONGEST_KEY - 6, LONGEST_KEY + 6))
def test_the_length_of_a_key_alone_decides_at_the_limit(length: int) -> None:
    text = "S_1X2_".ljust(length, "x")
    assert (parse_key(text) is not None) is (length <= LONGEST_KEY)


@LAWS
@given(PAIRS)
def test_formatted_params_parse_to_the_params(params: tuple[tuple[str, str], ...]) -> None:
    assert parse_specifier(format_specifier(params)) == params


@LAWS
@given(SPECIFIER_TEXTS)
def test_a_parsed_specifier_formats_to_the_text(text: str) -> None:
    params = parse_specifier(text)
    assert params is None or format_specifier(params) == text


@LAWS
@given(st.integers(LONGEST_SPECIFIER - 4, LONGEST_SPECIFIER + 4))
def test_the_length_of_a_specifier_alone_decides_at_the_limit(length: int) -> None:
    assert (parse_specifier("a=".ljust(length, "x")) is not None) is (length <= LONGEST_SPECIFIER)


@LAWS
@given(NUMBERS)
def test_a_line_is_canonical_and_parsing_it_again_changes_nothing(text: str) -> None:
    line = parse_line(text)
    assert line is not None
    assert parse_line(line) == line
    assert float(line) == float(text.replace("−", "-"))
    assert line == "0" or not line.startswith(("+", "-0", "00")) or line.startswith("-0.")
    assert "." not in line or not line.endswith(("0", "."))


@LAWS
@given(NUMBERS, NUMBERS)
def test_two_texts_are_one_line_exactly_when_they_are_one_number(one: str, other: str) -> None:
    equal = float(one.replace("−", "-")) == float(other.replace("−", "-"))
    assert (parse_line(one) == parse_line(other)) is equal


@LAWS
@given(st.text(max_size=30))
def test_a_line_is_read_or_none_whatever_the_text(text: str) -> None:
    for line in (parse_line(text), parse_european(text)):
        assert line is None or parse_line(line) == line


@LAWS
@given(st.integers(-3_999_999, 3_999_999))
def test_a_line_of_quarters_is_canonical_and_exact(quarters: int) -> None:
    line = from_quarters(quarters)
    assert parse_line(line) == line
    assert float(line) * 4 == quarters


@LAWS
@given(NUMBERS)
def test_the_other_side_s_other_side_is_this_side(text: str) -> None:
    line = parse_line(text)
    assert line is not None
    assert negate(negate(line)) == line
    assert float(negate(line)) == -float(line)


@LAWS
@given(st.integers(0, 999), st.integers(0, 999))
def test_start_scores_are_their_difference(home: int, away: int) -> None:
    assert parse_european(f"{home}:{away}") == parse_line(str(home - away))


@LAWS
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "canonical_id",
                "name",
                "betpawa_id",
                "bet9ja_key",
                "priority",
                "outcome_mapping",
                "line_rule",
            ]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["kind", "fixed", "free", "sportybet", "canonical_id", "bet9ja_suffix"]
                    ),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_a_mapping_is_read_or_refused_with_faults_whatever_it_holds(raw: dict[str, object]) -> None:
    assert all(fault.field and fault.reason for fault in faults_of(raw))


def faults_of(raw: dict[str, object]) -> list[MappingFault]:
    try:
        parse_mapping(raw)
    except MappingError as refused:
        return refused.faults
    return []
