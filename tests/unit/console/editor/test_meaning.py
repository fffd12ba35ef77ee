"""What a market means is a matter of choice in the form, but for what follows from when its outcomes win."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.meanings import MEANINGS
from worker.console.editor.meaning import derived_verdicts, shown_traits

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "markets.json"
MAPPINGS: list[dict[str, Any]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))["mappings"]
DERIVED = [one for one in MAPPINGS if MEANINGS[one["canonical_id"]].predicates is not None]


def test_what_is_derived_is_what_the_shipped_mappings_declare() -> None:
    assert len(DERIVED) > 100
    for one in DERIVED:
        outcomes = [row["canonical_id"] for row in one["outcome_mapping"]]
        derived = derived_verdicts(MEANINGS[one["canonical_id"]], outcomes)
        shown = shown_traits(one["traits"])
        assert derived == {name: shown[name] for name in ("exhaustive", "exclusive", "push")}


def test_nothing_is_derived_of_outcomes_or_markets_that_no_expression_knows() -> None:
    assert derived_verdicts(MEANINGS["1x2_ft"], ["home", "draw", "away"]) is not None
    assert derived_verdicts(MEANINGS["1x2_ft"], ["home", "draw", "penalties"]) is None
    assert derived_verdicts(None, ["yes"]) is None


@pytest.mark.parametrize("raw", [None, "text", [], {"push": "perhaps", "line": 3}])
def test_traits_that_are_not_finished_are_shown_as_they_are(raw: object) -> None:
    shown = shown_traits(raw)
    assert shown["push"] == ("perhaps" if isinstance(raw, dict) else "")
