"""The forms that are written have the fields of a real event, where its payloads are at hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.payloads import MISSING, PAYLOADS
from worker.lab.synthetic.books.bet9ja import market_of
from worker.lab.synthetic.expected import Generated

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason=MISSING)


def real(platform: str) -> Any:
    return json.loads((PAYLOADS / f"wuhan_qingdao.{platform}.json").read_text())


def generated(scrape: list[Generated], platform: str) -> list[Any]:
    return [item.observation["markets"] for item in scrape if item.platform == platform]


def fields(rows: list[dict[str, Any]]) -> set[str]:
    return set().union(*rows)


def test_sportybet_rows_and_outcomes_have_the_real_fields(full_scrape: list[Generated]) -> None:
    ours = [row for markets in generated(full_scrape, "sportybet") for row in markets]
    rows = real("sportybet")["data"]["markets"]
    rare = {"earlyPayoutMarkets", "mode", "parameters", "marketExtendVOS", "cashOutIsActive"}

    assert fields(ours) == fields(rows) - rare
    assert (
        fields([o for r in ours for o in r["outcomes"]])
        == fields([o for r in rows for o in r["outcomes"]]) - rare
    )


def test_betpawa_v3_has_the_real_fields(full_scrape: list[Generated]) -> None:
    v3 = [m for m in generated(full_scrape, "betpawa") if "price" in m[0]["row"][0]["prices"][0]]
    ours = [market for markets in v3 for market in markets]
    markets = real("betpawa")["markets"]

    assert fields(ours) == fields(markets)
    assert fields([m["marketType"] for m in ours]) == fields([m["marketType"] for m in markets])
    assert fields([r for m in ours for r in m["row"]]) == fields(
        [r for m in markets for r in m["row"]]
    )
    real_prices = [p for m in markets for r in m["row"] for p in r["prices"]]
    assert fields([p for m in ours for r in m["row"] for p in r["prices"]]) == fields(
        real_prices
    ) - {"team"}


def test_sportybet_labels_of_lines_are_the_real_ones(full_scrape: list[Generated]) -> None:
    def labels(rows: list[Any]) -> dict[tuple[str, str], tuple[str, ...]]:
        kept = [r for r in rows if r["id"] in {"14", "16", "18", "37", "547"}]
        return {(r["id"], r["specifier"]): tuple(o["desc"] for o in r["outcomes"]) for r in kept}

    ours: dict[tuple[str, str], tuple[str, ...]] = {}
    for markets in generated(full_scrape, "sportybet"):
        ours |= labels(markets)
    theirs = labels(real("sportybet")["data"]["markets"])

    assert len(ours.keys() & theirs.keys()) > 20
    assert {key: ours[key] for key in theirs.keys() & ours.keys()} == {
        key: theirs[key] for key in theirs.keys() & ours.keys()
    }


def test_bet9ja_suffixes_of_a_real_event_are_all_written(full_scrape: list[Generated]) -> None:
    # What the catalogue has taken in since is sold under another prefix.
    ours = {
        f"S_{key.removeprefix('Z_').removeprefix('S_')}"
        for markets in generated(full_scrape, "bet9ja")
        for key in markets
    }
    theirs = set(real("bet9ja")["D"]["O"])
    families = {market_of(key) for key in ours}

    assert {market_of(key) for key in theirs} <= families
    assert len(theirs - ours) / len(theirs) < 0.05
