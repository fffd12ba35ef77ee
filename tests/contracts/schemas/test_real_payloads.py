"""A real event as each bookmaker's API returned it goes through the envelope unchanged."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from schemas import Observation

PAYLOADS = Path(
    os.environ.get("MARKETMAP_PAYLOADS") or Path(__file__).parents[4] / "shared" / "payloads"
)
WHERE = {
    "sportybet": ("data", "markets"),
    "betpawa": ("markets",),
    "bet9ja": ("D", "O"),
}


def markets_of(platform: str) -> Any:
    path = PAYLOADS / f"wuhan_qingdao.{platform}.json"
    if not path.is_file():
        pytest.skip(f"no real payload at {path}")
    place = json.loads(path.read_text(encoding="utf-8"))
    for step in WHERE[platform]:
        place = place[step]
    return place


@pytest.mark.parametrize("platform", WHERE)
def test_a_real_payload_is_an_observation(platform: str) -> None:
    markets = markets_of(platform)
    observation = Observation.model_validate(
        {
            "platform": platform,
            "observed_at": "2026-05-06T10:00:00Z",
            "event": {"id": "68995116"},
            "markets": markets,
        }
    )
    assert observation.markets is markets
