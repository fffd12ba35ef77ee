import json
import re
from pathlib import Path

from schemas.resolved import MISS_REASONS, REJECTED_CODES
from tests.support.markets import answer, run

DOC = (Path(__file__).parents[2] / "docs" / "resolution.md").read_text(encoding="utf-8")
SPORTYBET, BETPAWA, ONLY_NEXT_TO_PRICES, ANOTHER_LINE, BET9JA, *_ = [
    json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOC, re.DOTALL)
]


def test_the_examples_resolve_as_they_say() -> None:
    assert answer(run("sportybet", [SPORTYBET])) == {
        ("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}
    }
    for example in (BETPAWA, ONLY_NEXT_TO_PRICES):
        assert answer(run("betpawa", [example])) == {
            ("asian_handicap_ft", "-1.5"): {"home": 4.65, "away": 1.16}
        }
    refused = run("betpawa", [ANOTHER_LINE])
    assert not refused.markets
    assert [(one.code, one.cause) for one in refused.rejected] == [
        ("INVALID_SPECIFIER", "UNITS_DISAGREE")
    ]
    assert answer(run("bet9ja", BET9JA)) == {
        ("home_over_under_ft", "0.5"): {"over": 1.06},
        ("away_over_under_ft", "0.5"): {"under": 4.1},
    }


def test_the_table_of_codes_is_complete() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (misses|rejected) \|", DOC, re.MULTILINE))
    assert {code for code, where in rows.items() if where == "misses"} == set(MISS_REASONS)
    assert {code for code, where in rows.items() if where == "rejected"} == set(REJECTED_CODES)
