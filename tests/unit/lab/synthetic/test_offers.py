from __future__ import annotations

from collections import defaultdict

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.books.platforms import is_platform
from worker.domain.mapping import MarketClaim, claims_of
from worker.lab.synthetic.offers import PLATFORMS, Offer, offers, unmapped

PLACEHOLDERS = (
    " ({home_line})",
    " ({away_line})",
    " ({hcp})",
    " {line}",
    " {home_line}",
    " {away_line}",
)
# What each bookmaker sells of the catalogue. It sells no less than it did when the catalogue was smaller.
SOLD = {"betpawa": 101, "sportybet": 191, "bet9ja": 137}


def labels_on(platform: str) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Labels with what they name, by canonical market and id; of all lists that an id has."""
    known: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for mapping in CATALOGUE:
        for claim in claims_of(mapping):
            if claim.platform == platform:
                known[mapping.canonical_id, claim.market_id] |= {
                    (label.casefold(), outcome.canonical_id) for label, outcome in claim.labels
                }
    return known


def claims_on(platform: str) -> dict[tuple[str, str], MarketClaim]:
    """What the catalogue claims of a bookmaker, by canonical market and the bookmaker's id."""
    assert is_platform(platform)
    return {
        (mapping.canonical_id, claim.market_id): claim
        for mapping in CATALOGUE
        for claim in claims_of(mapping)
        if claim.platform == platform and claim.scope.sport == "football"
    }


def labels_without_line(offer: Offer) -> dict[str, str]:
    labels = {}
    for selection in offer.selections:
        label = selection.label
        for placeholder in PLACEHOLDERS:
            label = label.replace(placeholder, "")
        labels[selection.outcome] = label.casefold()
    return labels


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_sold_as_mapped_is_claimed_by_that_mapping(platform: str) -> None:
    sold = [(offer.market.canonical_id, offer.external_id) for offer in offers(platform)]

    assert set(sold) <= claims_on(platform).keys()
    assert len(set(sold)) == len(sold) >= SOLD[platform]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_label_written_for_a_mapped_market_is_that_of_its_outcome(platform: str) -> None:
    labels = labels_on(platform)
    for offer in offers(platform):
        known = labels[offer.market.canonical_id, offer.external_id]
        for outcome, label in labels_without_line(offer).items():
            # A mapping that names the role reads the names of the teams as well.
            roles = label.replace("{home}", "home").replace("{away}", "away")
            assert known & {(label, outcome), (roles, outcome)}, offer.market.canonical_id


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_unmapped_id_is_in_no_mapping(platform: str) -> None:
    mapped = {market_id for _, market_id in claims_on(platform)}
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
def test_a_stray_label_belongs_to_no_outcome_of_its_market(platform: str) -> None:
    claims = claims_on(platform)
    strays = [offer for offer in offers(platform) if offer.stray]

    assert strays
    for offer in strays:
        labels = claims[offer.market.canonical_id, offer.external_id].labels
        assert offer.stray is not None
        assert offer.stray[0] not in {label for label, _ in labels}
