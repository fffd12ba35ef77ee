"""A suggestion outlives changes of its mapping that it does not rely on, and the others are named."""

from copy import deepcopy
from typing import Any

import pytest

from worker.domain.mapping import parse_mapping
from worker.domain.scope import parse_external_id
from worker.operations.unmapped.extending import extended
from worker.operations.unmapped.relied_on import changes_that_touch

THEN: dict[str, Any] = {
    "canonical_id": "btts",
    "name": "Both Teams To Score",
    "betpawa_id": None,
    "sportybet_id": "29",
    "bet9ja_key": None,
    "priority": 0,
    "line_rule": None,
    "outcome_mapping": [
        {"canonical_id": "yes", "sportybet_desc": "Yes"},
        {"canonical_id": "no", "sportybet_desc": "No"},
    ],
}
TRAITS = {"family": "btts", "period": "ft", "subject": "goals", "counts": "goals", "line": "none"}


def touched(now: dict[str, Any], then: dict[str, Any] = THEN) -> list[str]:
    """What touches a suggestion for a market of BetPawa."""
    return changes_that_touch(parse_mapping(then), parse_mapping(now), "betpawa")


def with_rows(**labels: Any) -> dict[str, Any]:
    """The mapping with the same columns in each row: `yes` and `no` in turn."""
    now = deepcopy(THEN)
    for column, values in labels.items():
        for row, value in zip(now["outcome_mapping"], values, strict=True):
            row[column] = value
    return now


@pytest.mark.parametrize(
    "now",
    [
        THEN,
        THEN | {"name": "GG", "priority": 7},
        THEN | {"outcome_mapping": THEN["outcome_mapping"][::-1]},
        with_rows(bet9ja_suffix=("Y", "N")) | {"bet9ja_key": "S_GGNG"},
        with_rows(sportybet_desc=("YES", "no")),
        extended(THEN, "sportybet", parse_external_id("800117"), {"GG": "yes", "NG": "no"}),
        # The id moves to the further ids, and is read as it was.
        extended(THEN, "sportybet", parse_external_id("29"), {"gg": "yes"}),
    ],
    ids=["none", "name", "order", "another book", "case", "second id", "label elsewhere"],
)
def test_what_does_not_touch_it(now: dict[str, Any]) -> None:
    assert touched(now) == []


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (with_rows(sportybet_desc=("No", "Yes")), "it reads sportybet 29 otherwise"),
        (
            with_rows(betpawa_name=("Yes", "No")) | {"betpawa_id": "3795"},
            "it reads betpawa 3795 now",
        ),
        (
            with_rows(bet9ja_suffix=("Y", "N")) | {"bet9ja_key": "S_X", "sportybet_id": None},
            "it no longer reads sportybet 29",
        ),
        (THEN | {"line_rule": {"kind": "total"}}, "it has another line rule"),
        (THEN | {"line_rule": {"fixed": {"betpawa": {"half": "1"}}}}, "it has another line rule"),
        (
            THEN | {"scope": {"sport": "basketball", "phase": "both"}, "sportybet_id": None},
            "it is of another sport or phase",
        ),
        (THEN | {"traits": TRAITS}, "it has other traits"),
        (
            THEN
            | {
                "outcome_mapping": [
                    *THEN["outcome_mapping"],
                    {"canonical_id": "none", "sportybet_desc": "None"},
                ]
            },
            "its outcomes are no, none, yes",
        ),
    ],
)
def test_what_touches_it_is_said(now: dict[str, Any], said: str) -> None:
    assert any(one.startswith(said) for one in touched(now)), touched(now)


def test_of_this_bookmaker_no_further_id_may_have_come() -> None:
    then = with_rows(betpawa_name=("Yes", "No")) | {"betpawa_id": "3795"}
    now = extended(then, "betpawa", parse_external_id("3796"), {"Yes": "yes", "No": "no"})
    assert touched(now, then) == ["it reads betpawa 3796 now"]
