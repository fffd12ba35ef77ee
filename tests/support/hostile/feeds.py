"""Hypothesis strategies: markets as a feed may send them, well formed, half well formed and not at all."""

from typing import Any

from hypothesis import strategies as st

from tests.support.markets import CATALOGUE, betpawa, sportybet
from worker.domain.books.platforms import Platform


def texts(**sizes: int) -> st.SearchStrategy[str]:
    """Texts as they are once decoded: without NUL, which a record is refused for."""
    return st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), **sizes)


# What a JSON document holds once it is parsed: whole numbers beyond 64 bits come as floats.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts(max_size=20)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)

LINES = st.sampled_from(
    ["0", "0.5", "1", "1.5", "2.5", "2.50", "-1", "-0.5", "+1", "−1.5", "0:1", "nan", "1e1", ""]
)
ODDS = (
    st.sampled_from(
        [
            "1.98",
            "4",
            "2.10",
            3.5,
            2,
            "1",
            "1.00",
            "0.00",
            1.0,
            0.0,
            0.5,
            "",
            "-",
            "nan",
            "2,15",
            None,
            True,
        ]
    )
    | SCALARS
)
TEAMS = st.sampled_from(
    [None, "", "Wuhan", "Wuhan Three Towns", "Qingdao (W)", "Draw", "Over", "a.b*"]
)
SPORTYBET_KEYS = ["total", "hcp", "goalnr", "minute", "from", "to", "variant", "minsnr", "cornernr"]


def _ids(platform: Platform) -> st.SearchStrategy[str]:
    known = sorted({market_id for one in CATALOGUE if (market_id := one.id_on(platform))})
    return st.sampled_from(known) | st.sampled_from(known[:3]) | texts(min_size=1, max_size=6)


def _labels(platform: Platform) -> st.SearchStrategy[str]:
    known = sorted(
        {label for one in CATALOGUE for row in one.outcomes if (label := row.on(platform))}
    )
    with_line = st.builds("{} {}".format, st.sampled_from(["Over", "Under", "Home & Over"]), LINES)
    bracketed = st.builds(
        "{} ({})".format, st.sampled_from(["Home", "Away", "Draw", "Wuhan"]), LINES
    )
    return st.sampled_from(known) | with_line | bracketed | texts(max_size=12)


_SPECIFIERS = (
    st.none()
    | st.lists(st.builds("{}={}".format, st.sampled_from(SPORTYBET_KEYS), LINES), max_size=2).map(
        "|".join
    )
    | texts(max_size=10)
    | JSON
)
_FLAGS: st.SearchStrategy[Any] = st.sampled_from([0, 1, "0", "1", None, True, False, "x", []])


@st.composite
def _sportybet_market(draw: st.DrawFn) -> Any:
    outcome = st.fixed_dictionaries(
        {"desc": _labels("sportybet"), "odds": ODDS}, optional={"isActive": _FLAGS}
    )
    market = sportybet(
        draw(_ids("sportybet")),
        outcomes=draw(st.lists(outcome | JSON, max_size=4)),
        status=draw(_FLAGS),
        specifier=draw(_SPECIFIERS),
        name=draw(st.none() | st.sampled_from(["Over/Under", "1X2"])),
    )
    return draw(_mutated(market))


@st.composite
def _betpawa_market(draw: st.DrawFn) -> Any:
    price = st.fixed_dictionaries(
        {"name": _labels("betpawa")},
        optional={
            "price": ODDS,
            "odds": ODDS,
            "suspended": _FLAGS,
            "handicap": st.builds("{}{}".format, st.sampled_from(["", "Home ", "Away "]), LINES)
            | JSON,
        },
    )
    row = st.fixed_dictionaries(
        {"prices": st.lists(price | JSON, max_size=4)},
        optional={
            "handicap": st.integers(-12, 12) | st.none() | JSON,
            "specifier": st.dictionaries(st.sampled_from(["total", "hcp"]), LINES, max_size=2)
            | JSON,
            "suspended": _FLAGS,
        },
    )
    rows: list[Any] = draw(st.lists(row | JSON, max_size=4))
    market = betpawa(draw(_ids("betpawa")), *rows)
    flag = draw(st.none() | st.booleans() | _FLAGS)
    return draw(_mutated(market if flag is None else market | {"suspended": flag}))


def _mutated(market: dict[str, Any]) -> st.SearchStrategy[Any]:
    """The market; now and then with a field of it replaced by anything."""
    field = st.sampled_from(sorted(market))
    return st.just(market) | st.builds(lambda name, value: market | {name: value}, field, JSON)


def _bet9ja_keys() -> st.SearchStrategy[str]:
    param = st.just("") | LINES.map("@{}".format)
    return st.builds("{}{}_{}".format, _ids("bet9ja"), param, _labels("bet9ja")) | texts(
        max_size=20
    )


_MARKETS: dict[Platform, st.SearchStrategy[Any]] = {
    "sportybet": st.lists(_sportybet_market() | JSON, max_size=6),
    "betpawa": st.lists(_betpawa_market() | JSON, max_size=6),
    "bet9ja": st.dictionaries(
        _bet9ja_keys(), ODDS | st.fixed_dictionaries({"v": ODDS}) | JSON, max_size=12
    ),
}


def markets(platform: Platform) -> st.SearchStrategy[Any]:
    """Markets in the platform's container; every part may be malformed."""
    return _MARKETS[platform]
