"""Laws of the lines that BetPawa shows next to prices: they say what a row says that has the line itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.markets import Answer, answer, betpawa, run
from worker.domain.books.lines import from_quarters, negate
from worker.domain.resolve import Resolution

QUARTERS = st.integers(-80, 80)
TEXTS = st.sampled_from(
    [
        *(
            "-1",
            "+1",
            "1",
            "-1.5",
            "+1.5",
            "1.5",
            "2.5",
            "0",
            "-0",
            "Home -1",
            "Home +1",
            "Away +1",
        ),
        *("Away -1", "Extérieur +1", "x", "1 in an unknown unit", "", None),
    ]
)
KEYS = st.sampled_from(["hcp", "total", "number", "player", None])
KINDS = st.sampled_from(
    [
        ("3774", ("1", "2")),
        ("4724", ("1", "X", "2")),
        ("5000", ("Over", "Under")),
        ("3743", ("1", "X", "2")),
        ("28000224", ("1", "None", "2")),
    ]
)


def found(type_id: str, labels: Sequence[str], texts: Sequence[Any], **row: Any) -> Resolution:
    prices = [
        {"name": label, "odds": 1.9, **text} for label, text in zip(labels, texts, strict=True)
    ]
    return run("betpawa", [betpawa(type_id, {"prices": prices, **row})])


def next_to_prices(texts: Sequence[str | None], key: str | None) -> list[dict[str, Any]]:
    return [
        {"handicap": text} if key is None or text is None else {"specifier": {key: text}}
        for text in texts
    ]


@LAWS
@given(KINDS, st.lists(TEXTS, min_size=3, max_size=3), KEYS)
def test_a_line_that_only_prices_show_is_read_as_that_of_a_row_or_the_whole_market_is_refused(
    kind: tuple[str, tuple[str, ...]], texts: list[str | None], key: str | None
) -> None:
    type_id, labels = kind
    shown = next_to_prices(texts[: len(labels)], key)
    alone = found(type_id, labels, shown)
    if not alone.markets:
        return
    ((_, line),) = answer(alone)
    assert len(answer(alone)) == 1
    assert not alone.rejected
    if line is not None:
        quarters = int(float(line) * 4)
        assert answer(found(type_id, labels, shown, handicap=quarters)) == answer(alone)


@LAWS
@given(QUARTERS, st.booleans(), st.sampled_from(["hcp", None]))
def test_two_sides_that_mirror_each_other_are_the_line_of_home(
    quarters: int, has_words: bool, key: str | None
) -> None:
    line = from_quarters(quarters)
    home, away = ("Home ", "Away ") if has_words else ("", "")
    shown = next_to_prices([home + line, away + negate(line)], key)
    expected: Answer = {("asian_handicap_ft", line): {"home": 1.9, "away": 1.9}}
    assert answer(found("3774", ("1", "2"), shown)) == expected
    assert answer(found("3774", ("1", "2"), shown, handicap=quarters)) == expected


@LAWS
@given(QUARTERS.filter(bool), st.booleans())
def test_two_sides_that_do_not_mirror_each_other_are_refused_with_a_line_or_without(
    quarters: int, of_row: bool
) -> None:
    line = from_quarters(quarters)
    row = {"handicap": quarters} if of_row else {}
    refused = found("3774", ("1", "2"), next_to_prices([line, line], None), **row)
    assert (refused.markets, refused.misses) == ([], [])
    assert {one.cause for one in refused.rejected} == {"UNITS_DISAGREE"}
