"""The index against a scan over all mappings, written without the index and its memo."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile.feeds import LINES
from tests.support.laws import FEED_LAWS
from tests.support.markets import mapping
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.domain.markets import Market

LABELS = ["a", "b", "c", "d"]
# Few ids, labels and priorities, so that claims collide; without a line, with one, with a fixed value.
RULES: list[dict[str, Any] | None] = [
    None,
    {"kind": "total"},
    {"fixed": {"sportybet": {"goalnr": "1"}}},
    {"free": ["variant"]},
]
MAPPINGS = st.lists(
    st.builds(
        lambda labels, ids, priority, rule: (labels, ids, priority, rule),
        st.lists(st.sampled_from(LABELS), min_size=1, unique=True),
        st.tuples(*[st.sampled_from([None, "X", "Y"])] * 3),
        st.sampled_from([0, 0, 5]),
        st.sampled_from(RULES),
    ),
    max_size=6,
).map(
    lambda drawn: [
        mapping(
            f"m{number}",
            labels,
            id=number,
            betpawa_id=ids[0],
            sportybet_id=ids[1],
            bet9ja_key=ids[2],
            priority=priority,
            line_rule=rule,
        )
        for number, (labels, ids, priority, rule) in enumerate(drawn)
    ]
)
QUALIFIERS: dict[Platform, st.SearchStrategy[str | None]] = {
    "sportybet": st.none()
    | LINES.map("total={}".format)
    | st.sampled_from(["goalnr=1", "goalnr=2", "variant=x", "minute=5"]),
    "betpawa": st.none() | st.sampled_from(["2.5", "-1", "0"]),
    "bet9ja": st.none() | st.sampled_from(["2.5", "-1", "0"]),
}
KEY = {"sportybet": "total", "betpawa": "handicap", "bet9ja": "param"}


def scan(
    mappings: list[Mapping], platform: Platform, market_id: str, qualifier: str | None, label: str
) -> str | None:
    """The mapping that takes a label, found by looking at each one."""
    takers = [
        one
        for one in mappings
        if getattr(
            one,
            {"sportybet": "sportybet_id", "betpawa": "betpawa_id", "bet9ja": "bet9ja_key"}[
                platform
            ],
        )
        == market_id
        and any(outcome.canonical_id == label for outcome in one.outcomes)
        and fits(one, platform, qualifier)
    ]
    best = min(takers, key=lambda one: (-one.priority, one.id), default=None)
    return None if best is None else best.canonical_id


def fits(one: Mapping, platform: Platform, qualifier: str | None) -> bool:
    key, _, value = (None, "", "") if qualifier is None else _split(platform, qualifier)
    if platform == "betpawa" and value == "0" and one.line_rule.kind == "none":
        return True  # BetPawa writes a 0 where a market has no line
    if one.line_rule.kind == "total":
        return key == KEY[platform] and is_number(value)
    if platform == "sportybet" and one.line_rule.fixed:
        return (key, value) == ("goalnr", "1")
    return key is None or key in one.line_rule.free


def _split(platform: Platform, qualifier: str) -> tuple[str, str, str]:
    return qualifier.partition("=") if platform == "sportybet" else (KEY[platform], "=", qualifier)


def is_number(text: str) -> bool:
    try:
        float(text.replace("−", "-"))
    except ValueError:
        return False
    return not set(text) & set("naife")


@pytest.mark.parametrize("platform", ["sportybet", "betpawa", "bet9ja"])
@FEED_LAWS
@given(MAPPINGS, st.data(), st.permutations(range(6)))
def test_index_lookup_equals_a_naive_scan(
    platform: Platform, mappings: list[Mapping], data: st.DataObject, order: list[int]
) -> None:
    index = MappingIndex([mappings[place] for place in order if place < len(mappings)])
    qualifier = data.draw(QUALIFIERS[platform])
    for market_id in ("X", "Y", "Z"):
        meaning = index.meaning(platform, market_id, qualifier)
        for label in LABELS:
            slot = meaning.slot(label, None, None) if isinstance(meaning, Market) else None
            found = None if slot is None else slot.claim.canonical_id
            assert found == scan(mappings, platform, market_id, qualifier, label)


@FEED_LAWS
@given(MAPPINGS)
def test_conflicts_are_the_labels_that_two_equals_claim_and_one_row_can_show(
    mappings: list[Mapping],
) -> None:
    reported = {
        (one.platform, one.market_id, one.label) for one in MappingIndex(mappings).conflicts()
    }
    meeting: set[tuple[str, str, str]] = set()
    rows: list[tuple[Platform, str | None]] = [
        *(("sportybet", text) for text in (None, "total=2.5", "goalnr=1", "variant=x")),
        *((platform, text) for platform in ("betpawa", "bet9ja") for text in (None, "2.5")),
    ]
    for platform, qualifier in rows:
        for number, one in enumerate(mappings):
            for other in mappings[number + 1 :]:
                market_id = one.id_on(platform)
                if (
                    market_id is not None
                    and market_id == other.id_on(platform)
                    and one.priority == other.priority
                    and fits(one, platform, qualifier)
                    and fits(other, platform, qualifier)
                ):
                    shared = {a.canonical_id for a in one.outcomes} & {
                        b.canonical_id for b in other.outcomes
                    }
                    meeting |= {(platform, market_id, label) for label in shared}
    assert reported == meeting
