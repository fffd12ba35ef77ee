"""The other forms of a generated scrape: all of them occur, and none changes what the resolver says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.markets import CATALOGUE
from tests.support.verdicts import plain_faults
from worker.domain.index import MappingIndex
from worker.domain.mapping import claims_of
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import Extra
from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.scrape import generate_scrape
from worker.lab.synthetic.shapes import bet9ja, betpawa, sportybet
from worker.lab.synthetic.shapes.french import NO_NAMED_IDS, in_french

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
INDEX = MappingIndex(CATALOGUE)
EVENTS = 40
FEW = 8
SEED = 6


def made(events: int, *extras: Extra, scrape: int = 0) -> list[Generated]:
    generated = generate_scrape(
        seed=SEED, events=events, scrape=scrape, started_at=STARTED_AT, size="slim", extras=extras
    )
    return list(generated)


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return made(EVENTS, "shapes")


@pytest.fixture(scope="module")
def plain() -> list[Generated]:
    return made(FEW)


def on(scrape: list[Generated], platform: str) -> list[Generated]:
    return [item for item in scrape if item.platform == platform]


def rows_of_betpawa(scrape: list[Generated]) -> list[dict[str, Any]]:
    return [
        row
        for item in on(scrape, "betpawa")
        for market in item.observation["markets"]
        for row in market["row"]
    ]


def test_the_resolver_says_the_truth_of_every_form(scrape: list[Generated]) -> None:
    assert plain_faults(scrape, INDEX) == []


@pytest.mark.parametrize("shares", [betpawa.SHARES, sportybet.SHARES, bet9ja.SHARES])
def test_every_form_is_that_of_some_events_and_never_of_all(shares: dict[str, float]) -> None:
    assert all(0.03 < share < 0.6 for share in shares.values())


@pytest.mark.parametrize("form", betpawa.SHARES)
def test_each_form_of_betpawa_is_resolved_as_the_truth_says(
    form: str, plain: list[Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {each: float(each == form) for each in betpawa.SHARES}
    monkeypatch.setattr(betpawa, "SHARES", shares)
    assert changed(plain, "betpawa") > 2


@pytest.mark.parametrize("form", sportybet.SHARES)
def test_each_form_of_sportybet_is_resolved_as_the_truth_says(
    form: str, plain: list[Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {each: float(each == form) for each in sportybet.SHARES}
    monkeypatch.setattr(sportybet, "SHARES", shares)
    assert changed(plain, "sportybet") > 0


@pytest.mark.parametrize("form", bet9ja.SHARES)
def test_each_form_of_bet9ja_is_resolved_as_the_truth_says(
    form: str, plain: list[Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = {each: float(each == form) for each in bet9ja.SHARES}
    monkeypatch.setattr(bet9ja, "SHARES", shares)
    assert changed(plain, "bet9ja") > 2


def changed(plain: list[Generated], platform: str) -> int:
    """How many events of a bookmaker look different with this form; all are resolved as the truth says."""
    reshaped = made(FEW, "shapes")
    assert plain_faults(on(reshaped, platform), INDEX) == []
    pairs = zip(on(reshaped, platform), on(plain, platform), strict=True)
    return sum(one.observation != other.observation for one, other in pairs)


def test_a_later_scrape_has_the_same_forms(scrape: list[Generated]) -> None:
    def keys(item: Generated) -> list[list[str]]:
        return [sorted(row) for market in item.observation["markets"] for row in market["row"]]

    later = made(EVENTS, "shapes", scrape=1)

    for one, other in zip(on(scrape, "betpawa"), on(later, "betpawa"), strict=True):
        assert keys(one) == keys(other)


def test_absent_is_written_as_null_as_an_empty_text_and_as_0(scrape: list[Generated]) -> None:
    rows = rows_of_betpawa(scrape)
    handicaps = [row["handicap"] for row in rows if "handicap" in row]
    specifiers = [row["specifier"] for row in rows if "specifier" in row]

    assert {repr(each) for each in handicaps} >= {"None", "''", "0"}
    assert {repr(each) for each in specifiers} >= {"None", "''", "{}"}


def test_a_line_in_the_intermediate_form_is_in_quarters_or_not(scrape: list[Generated]) -> None:
    padded = [
        (row["handicap"], row["specifier"]["total"])
        for row in rows_of_betpawa(scrape)
        if row.get("specifier") and len(row["specifier"]) == 6 and row["specifier"]["total"]
    ]

    assert any(total == str(handicap) for handicap, total in padded)
    assert any(float(total) * 4 == handicap for handicap, total in padded)


def test_levels_that_disagree_about_a_line_are_refused_and_never_chosen_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(betpawa, "SHARES", dict.fromkeys(("contradiction",), 1.0))
    refused = [
        entry
        for item in on(made(FEW, "shapes"), "betpawa")
        for entry in item.expected.rejected
        if entry.code == "INVALID_SPECIFIER"
    ]

    assert len(refused) > 5
    assert {entry.line for entry in refused} == {None}


def test_french_labels_are_read_where_the_catalogue_names_the_ids_of_outcomes() -> None:
    """The generator knows which ids these are; so it is held against the catalogue here."""
    named = {
        claim.market_id: {id_ for id_, _outcome in claim.outcome_ids}
        for mapping in CATALOGUE
        for claim in claims_of(mapping)
        if claim.platform == "betpawa"
    }
    lost = {
        offer.external_id
        for offer in offers("betpawa")
        for _outcome, label, feed_id in offer.selections
        if in_french(label) and feed_id not in named[offer.external_id]
    }

    assert lost == NO_NAMED_IDS


def test_a_market_in_french_is_lost_or_whole(
    plain: list[Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(betpawa, "SHARES", {"french": 1.0})
    french = on(made(FEW, "shapes"), "betpawa")
    labels = Counter(
        price["name"]
        for item in french
        for market in item.observation["markets"]
        for row in market["row"]
        for price in row["prices"]
    )

    assert min(labels[each] for each in ("Plus de", "Moins de", "Oui", "Non", "Impair")) > 20
    for one, other in zip(french, on(plain, "betpawa"), strict=True):
        gone = set(other.expected.markets) - set(one.expected.markets)
        assert {market.external_market_id for market in gone} <= NO_NAMED_IDS
