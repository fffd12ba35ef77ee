"""What odds suggest for the market that the demo takes out of the catalogue."""

from typing import Any

import pytest

from worker.lab.demo.odds import CANONICAL_ID, LEFT_OUT, SuggestedMarket
from worker.storage.insight.evidence import StoredSample, StoredSuggestion


@pytest.fixture
def suggested() -> SuggestedMarket:
    nothing: dict[str, Any] = dict.fromkeys(StoredSuggestion._fields)
    known = {
        "source": LEFT_OUT[0],
        "external_market_id": LEFT_OUT[1],
        "rank": 1,
        "canonical_id": CANONICAL_ID,
        "outcomes": {"1X": "home_draw", "X2": "draw_away"},
        "confidence": 0.98,
        "reason": "from other bookmakers 0.05 in 2 prices of 1 events",
    }
    empty: dict[str, Any] = dict.fromkeys(StoredSample._fields)
    sample = {
        "home": "Reds",
        "away": "Blues",
        "prices": [{"label": "1X", "odds": 1.2}, {"label": "X2", "odds": 1.9}],
        "others": [
            {
                "platform": "betpawa",
                "canonical_id": CANONICAL_ID,
                "outcome": "home_draw",
                "odds": 1.25,
            },
            {"platform": "betpawa", "canonical_id": "1x2_ft", "outcome": "draw_away", "odds": 9.0},
        ],
    }
    return SuggestedMarket(
        StoredSuggestion(**nothing | known), [StoredSample(**empty | {"event": "1"} | sample)]
    )
