import pytest

from worker.domain.books.platforms import Platform
from worker.domain.line_rule import LineRule
from worker.domain.scope import external_id
from worker.domain.specifier import (
    Line,
    OtherMarket,
    UnreadableLine,
    foreign_parts,
    parse_qualifier,
    read_line,
)

TOTAL = LineRule("total")
FIRST = LineRule(fixed={"sportybet": {"goalnr": "1"}})
VARIANT = LineRule(free=frozenset({"variant"}))


@pytest.mark.parametrize(
    ("platform", "qualifier", "params"),
    [
        ("sportybet", "from=1|to=10", (("from", "1"), ("to", "10"))),
        ("sportybet", None, ()),
        ("sportybet", "total", None),
        ("bet9ja", "2.5", (("param", "2.5"),)),
        ("bet9ja", None, ()),
        ("betpawa", "-1", (("handicap", "-1"),)),
    ],
)
def test_a_qualifier_is_read_as_params(
    platform: Platform, qualifier: str | None, params: object
) -> None:
    assert parse_qualifier(platform, qualifier) == params


def test_a_market_without_a_line_takes_no_params() -> None:
    assert read_line(LineRule(), "sportybet", ()) == Line(None)
    assert isinstance(read_line(LineRule(), "sportybet", (("total", "2.5"),)), OtherMarket)


def test_a_line_is_read_from_the_key_of_its_kind() -> None:
    assert read_line(TOTAL, "sportybet", (("total", "2.50"),)) == Line("2.5")
    assert read_line(LineRule("handicap"), "sportybet", (("hcp", "-0.50"),)) == Line("-0.5")
    assert read_line(TOTAL, "bet9ja", (("param", "2.5"),)) == Line("2.5")


def test_line_zero_is_a_line_and_not_none() -> None:
    assert read_line(LineRule("handicap"), "sportybet", (("hcp", "0"),)) == Line("0")


def test_a_missing_line_is_unreadable_and_says_which_key_is_missing() -> None:
    assert read_line(TOTAL, "sportybet", ()) == UnreadableLine("total is missing")
    assert read_line(FIRST, "sportybet", ()) == UnreadableLine("goalnr is missing")


def test_a_fixed_value_is_compared_as_a_number() -> None:
    assert read_line(FIRST, "sportybet", (("goalnr", "1.0"),)) == Line(None)
    assert isinstance(read_line(FIRST, "sportybet", (("goalnr", "2"),)), OtherMarket)


def test_a_fixed_value_of_one_platform_asks_nothing_of_another() -> None:
    assert read_line(FIRST, "bet9ja", ()) == Line(None)


def test_a_free_key_says_nothing_about_the_market() -> None:
    assert read_line(VARIANT, "sportybet", (("variant", "sr:exact_goals:3+"),)) == Line(None)


def test_params_that_cannot_be_read_are_unreadable() -> None:
    assert read_line(TOTAL, "sportybet", None) == UnreadableLine("the specifier cannot be read")


@pytest.mark.parametrize(
    ("platform", "params", "rules", "expected"),
    [
        ("sportybet", (("goalnr", "2"),), [FIRST], "8?goalnr=2"),
        ("sportybet", (("goalnr", "2"), ("type", "x")), [FIRST], "8?goalnr=2|type=x"),
        ("sportybet", (("minsnr", "10"), ("total", "2.5")), [TOTAL], "8?minsnr=10"),
        ("sportybet", (("total", "2.5"),), [LineRule()], "8?total"),
        ("sportybet", (("variant", "x"), ("minute", "5")), [VARIANT], "8?minute=5"),
        ("bet9ja", (("param", "2.5"),), [LineRule()], "8"),
        (
            "betpawa",
            (("handicap", "2"),),
            [LineRule(fixed={"betpawa": {"handicap": "1"}})],
            "8?handicap=2",
        ),
    ],
)
def test_another_market_s_id_has_what_names_it_and_never_a_line(
    platform: Platform, params: tuple[tuple[str, str], ...], rules: list[LineRule], expected: str
) -> None:
    assert external_id("8", foreign_parts(platform, params, rules)) == expected
