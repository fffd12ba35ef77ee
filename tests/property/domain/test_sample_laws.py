from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.books.odds import parse_odds
from worker.domain.books.rows import ParsedRow, Selection
from worker.domain.misses import MOST_SAMPLES, Sample, sample

# Few of each, so that rows, labels and prices meet; odds that are none, and such as no dictionary takes.
ODDS: st.SearchStrategy[object] = st.sampled_from(
    ["1.5", "2", 2, 2.0, "1", True, None, "", [], {}, "9.99", float("nan")]
)
SELECTIONS = st.lists(
    st.builds(Selection, st.text("ab", max_size=4), st.none(), ODDS, active=st.booleans()),
    max_size=40,
)
ROWS = st.lists(
    st.builds(
        ParsedRow, st.just("1"), st.none() | st.text("xy", max_size=3), st.none(), SELECTIONS
    ),
    max_size=8,
)


def least(rows: list[ParsedRow]) -> list[Sample]:
    """By definition: all of them sorted, and cut."""
    seen = {
        (row.qualifier or "", selection.label, parse_odds(selection.odds) or 0)
        for row in rows
        for selection in row.selections
    }
    return [
        {"label": label, "odds": odds or None, "qualifier": qualifier or None}
        for qualifier, label, odds in sorted(seen)[:MOST_SAMPLES]
    ]


@LAWS
@given(ROWS)
def test_a_sample_is_the_least_of_all_that_is_there(rows: list[ParsedRow]) -> None:
    assert sample(rows) == least(rows)


def test_no_odds_are_read_that_are_not_shown() -> None:
    rows = [
        ParsedRow("1", str(line), None, _Untouchable() if line > 3 else []) for line in range(9)
    ]
    rows[0] = rows[0]._replace(
        selections=[Selection(str(n), None, "2", active=True) for n in range(12)]
    )
    assert len(sample(rows)) == 12


class _Untouchable(list[Selection]):
    def __iter__(self) -> object:  # type: ignore[override]  # nobody may get that far
        raise AssertionError("read, and never shown")
