from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from worker.lab.synthetic.offers import PLATFORMS, Offer, offers, unmapped

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "football.json"
ID_FIELD = {"betpawa": "betpawa_id", "sportybet": "sportybet_id", "bet9ja": "bet9ja_key"}
LABEL_FIELD = {"betpawa": "betpawa_name", "sportybet": "sportybet_desc", "bet9ja": "bet9ja_suffix"}
PLACEHOLDERS = (" ({home_line})", " ({away_line})", " ({hcp})", " {line}")


@pytest.fixture(scope="module")
def catalogue() -> dict[str, dict[str, Any]]:
    rows = json.loads(CATALOGUE.read_text())["mappings"]
    return {row["canonical_id"]: row for row in rows}


def labels_without_line(offer: Offer) -> dict[str, str]:
    labels = {}
    for selection in offer.selections:
        label = selection.label
        for placeholder in PLACEHOLDERS:
            label = label.replace(placeholder, "")
        labels[selection.outcome] = label.casefold()
    return labels


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_mapping_is_sold_on_every_platform_that_it_names(
    platform: str, catalogue: dict[str, dict[str, Any]]
) -> None:
    named = {
        (key, row[ID_FIELD[platform]]) for key, row in catalogue.items() if row[ID_FIELD[platform]]
    }

    assert {(offer.market.canonical_id, offer.external_id) for offer in offers(platform)} == named


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_label_written_for_a_mapped_market_is_that_of_its_outcome(
    platform: str, catalogue: dict[str, dict[str, Any]]
) -> None:
    for offer in offers(platform):
        row = catalogue[offer.market.canonical_id]
        known = {o["canonical_id"]: o[LABEL_FIELD[platform]] for o in row["outcome_mapping"]}
        for outcome, label in labels_without_line(offer).items():
            assert (known[outcome] or "").casefold() == label, offer.market.canonical_id


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_unmapped_id_is_in_no_mapping(
    platform: str, catalogue: dict[str, dict[str, Any]]
) -> None:
    mapped = {row[ID_FIELD[platform]] for row in catalogue.values()}
    others = [market for market in unmapped(platform) if not market.form.get("other_market")]

    assert others
    assert not {market.external_id for market in others} & mapped


def test_a_specifier_that_names_another_market_belongs_to_a_mapped_id() -> None:
    mapped = {offer.external_id for offer in offers("sportybet")}
    others = [market for market in unmapped("sportybet") if market.form.get("other_market")]

    assert (
        {"8", "105", "163", "854", "900069"} <= {market.external_id for market in others} <= mapped
    )


def test_the_feeds_order_is_not_the_catalogues() -> None:
    combined = next(offer for offer in offers("sportybet") if offer.external_id == "37")

    assert [s.outcome for s in combined.selections][:2] == ["home_under", "home_over"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_stray_label_belongs_to_no_outcome_of_its_market(
    platform: str, catalogue: dict[str, dict[str, Any]]
) -> None:
    strays = {offer.market.canonical_id: offer.stray for offer in offers(platform) if offer.stray}

    assert strays
    for canonical_id, (label, _feed_id) in strays.items():
        rows = catalogue[canonical_id]["outcome_mapping"]
        assert label not in {row[LABEL_FIELD[platform]] for row in rows}
