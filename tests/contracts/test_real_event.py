"""One real event on the three books: prices are the independent witness of the labels.

A wrong label (an over taken for an under, a home side for an away side) puts a price where the other books
have a very different one. The bounds are what was measured on this event.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.markets import CATALOGUE, FOOTBALL, documents
from worker.domain.books.bet9ja import parse_key
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.resolve import Observation, Resolution, player_document, resolve

Place = tuple[str, str | None, str]
# SportyBet prices these sixteen overlapping ranges with a margin of its own, so that books differ by more.
WIDE_MARGIN = "multigoals_ft"
# A draw has an even number of goals: with it, over 2.5 and over 3.5 are one bet at two prices.
NOISE = 0.005
STEP = 0.011


class Books(NamedTuple):
    """The event's three payloads in the form of observations, and what each resolves to."""

    observations: dict[Platform, Observation]
    found: dict[Platform, Resolution]

    def prices(self) -> dict[Place, dict[Platform, float]]:
        """Active odds by (canonical market, line, outcome) and book."""
        odds: defaultdict[Place, dict[Platform, float]] = defaultdict(dict)
        for platform, found in self.found.items():
            for market in documents(found):
                for price in market["outcomes"]:
                    if price["active"] and price["odds"] is not None:
                        place = (market["canonical_id"], market["line"], price["outcome"])
                        odds[place][platform] = price["odds"]
        return odds

    def shared(self) -> dict[Place, dict[Platform, float]]:
        return {place: odds for place, odds in self.prices().items() if len(odds) > 1}


@pytest.fixture(scope="module")
def books(payloads: Path) -> Books:
    read = {
        platform: json.loads(
            (payloads / f"wuhan_qingdao.{platform}.json").read_text(encoding="utf-8")
        )
        for platform in PLATFORMS
    }
    sportybet, betpawa, bet9ja = read["sportybet"]["data"], read["betpawa"], read["bet9ja"]["D"]
    names = (sportybet["homeTeamName"], sportybet["awayTeamName"])
    observations: dict[Platform, Observation] = {
        "sportybet": Observation("sportybet", sportybet["markets"], *names),
        "betpawa": Observation("betpawa", betpawa["markets"], *names),
        "bet9ja": Observation("bet9ja", bet9ja["O"], *names),
    }
    return Books(observations, {one: resolve(observations[one], FOOTBALL) for one in PLATFORMS})


def spread(odds: dict[Platform, float]) -> float:
    """How far apart the books are, as implied probability."""
    implied = [1 / price for price in odds.values()]
    return max(implied) - min(implied)


def test_nothing_of_a_real_event_is_rejected(books: Books) -> None:
    assert [entry for found in books.found.values() for entry in found.rejected] == []


def test_every_label_of_a_mapped_market_is_known(books: Books) -> None:
    unknown = [
        miss
        for found in books.found.values()
        for miss in found.misses
        if miss.reason == "NO_MATCHING_OUTCOMES"
    ]
    assert unknown == []


def raw_prices(platform: Platform, markets: Any) -> Iterator[str]:
    """The market id of every single price of a payload, read without the resolver."""
    match platform:
        case "sportybet":
            for market in markets:
                yield from [market["id"]] * len(market["outcomes"])
        case "betpawa":
            for market in markets:
                yield from [market["marketType"]["id"]] * sum(
                    len(row["prices"]) for row in market["row"]
                )
        case "bet9ja":
            for key in markets:
                parsed = parse_key(key)
                assert parsed is not None
                yield parsed.market


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_price_of_the_event_is_resolved_or_missed(books: Books, platform: Platform) -> None:
    found = books.found[platform]
    accounted: Counter[str] = Counter()
    for market in documents(found):
        accounted[one_id(platform, market["external_market_id"])] += len(market["outcomes"])
    for of_player in map(player_document, found.players):
        accounted[of_player["external_market_id"]] += len(of_player["outcomes"])
    for missed in found.missed:
        market_id = missed.external_market_id.partition("?")[0]
        accounted[market_id] += sum(len(row.selections) for row in missed.rows)
    sold = raw_prices(platform, books.observations[platform].markets)
    assert accounted == Counter(one_id(platform, market_id) for market_id in sold)


def one_id(platform: Platform, market_id: str) -> str:
    """The first of the ids whose outcomes are parts of one market; such a market names one of them."""
    parts = PARTS.get((platform, market_id))
    return market_id if parts is None else parts


# Ranges of goals, each under an id of its own.
PARTS: dict[tuple[Platform, str], str] = {
    (further.platform, market_id): further.id
    for one in CATALOGUE
    if one.canonical_id in ("1x2_multigoals_ft", "double_chance_multigoals_ft")
    for further in one.also[:1]
    for market_id in (one.bet9ja_key or "", *(each.id for each in one.also))
}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_miss_is_no_market_that_the_catalogue_maps(books: Books, platform: Platform) -> None:
    mapped = {one.id_on(platform) for one in CATALOGUE}
    reasons = {
        miss.external_market_id: miss.reason
        for miss in books.found[platform].misses
        if miss.external_market_id in mapped
    }
    assert reasons == {}


def test_the_books_share_most_of_what_they_price(books: Books) -> None:
    shared = books.shared()
    assert len(shared) >= 572
    assert sum(len(odds) == 3 for odds in shared.values()) >= 373


def test_prices_of_one_outcome_agree_across_the_books(books: Books) -> None:
    spreads = [spread(odds) for odds in books.shared().values()]
    assert max(spreads) < 0.13
    assert sum(one <= 0.08 for one in spreads) / len(spreads) > 0.975


def test_without_the_market_of_wide_margins_nearly_all_prices_agree(books: Books) -> None:
    spreads = [spread(odds) for place, odds in books.shared().items() if place[0] != WIDE_MARGIN]
    assert sum(one <= 0.08 for one in spreads) / len(spreads) > 0.985


def test_prices_of_any_two_books_agree(books: Books) -> None:
    pairs = [
        abs(1 / odds[one] - 1 / odds[other])
        for odds in books.shared().values()
        for one, other in combinations(sorted(odds), 2)
    ]
    assert len(pairs) >= 1318
    assert sum(pair <= 0.08 for pair in pairs) / len(pairs) > 0.985


def test_no_swap_of_two_labels_would_make_two_books_agree_better(books: Books) -> None:
    """In each market and line, exchanging two outcomes of one book must not bring it nearer to another.

    A gain below a tenth is noise between outcomes of nearly equal price; a swapped label gains more.
    """
    markets: defaultdict[tuple[str, str | None], dict[str, dict[Platform, float]]] = defaultdict(
        dict
    )
    for (canonical_id, line, outcome), odds in books.shared().items():
        markets[canonical_id, line][outcome] = odds
    gains = {
        (place, first, second, one, other): gain
        for place, outcomes in markets.items()
        for first, second in combinations(outcomes, 2)
        for one, other in combinations(sorted(outcomes[first].keys() & outcomes[second].keys()), 2)
        if (gain := _gain_of_swap(outcomes[first], outcomes[second], one, other)) > 0.1
    }
    assert gains == {}


def _gain_of_swap(
    first: dict[Platform, float], second: dict[Platform, float], one: Platform, other: Platform
) -> float:
    kept = abs(1 / first[one] - 1 / first[other]) + abs(1 / second[one] - 1 / second[other])
    swapped = abs(1 / second[one] - 1 / first[other]) + abs(1 / first[one] - 1 / second[other])
    return kept - swapped


@pytest.mark.parametrize("platform", PLATFORMS)
def test_over_odds_rise_with_the_line_and_under_odds_fall(books: Books, platform: Platform) -> None:
    checked = 0
    for (canonical_id, outcome), odds in _ladders(books, platform, "total").items():
        rising = is_of_over(canonical_id, outcome)
        for (_, lower), (_, higher) in pairwise(sorted(odds)):
            gain = 1 / higher - 1 / lower
            # Bet9ja sells whole and quarter lines under an id of their own: one step of a price apart.
            is_one_step = abs(higher - lower) < STEP
            assert is_one_step or (gain < NOISE if rising else gain > -NOISE)
            checked += 1
    assert checked > 70


def is_of_over(canonical_id: str, outcome: str) -> bool:
    """Whether an outcome needs the total to be over the line; yes to "home or under" does not."""
    if outcome in ("yes", "no"):
        return (outcome == "yes") == ("_or_over_" in canonical_id)
    return outcome.endswith(("over", "over_yes", "over_no"))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_home_odds_fall_and_away_odds_rise_with_the_home_side_s_start(
    books: Books, platform: Platform
) -> None:
    checked = 0
    for kind in ("handicap", "european"):
        for (_, outcome), odds in _ladders(books, platform, kind).items():
            if outcome == "draw":
                continue
            for (_, lower), (_, higher) in pairwise(sorted(odds)):
                assert lower >= higher if outcome == "home" else lower <= higher
                checked += 1
    assert checked > 5


def _ladders(
    books: Books, platform: Platform, kind: str
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """(market, outcome) to (line, odds) of the markets of a kind on one book."""
    kinds = {one.canonical_id: one.line_rule.kind for one in CATALOGUE}
    ladders: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for (canonical_id, line, outcome), odds in books.prices().items():
        if kinds[canonical_id] == kind and line is not None and platform in odds:
            ladders[canonical_id, outcome].append((float(line), odds[platform]))
    return ladders


@pytest.mark.parametrize("platform", PLATFORMS)
def test_both_sides_of_a_total_make_up_one_book(books: Books, platform: Platform) -> None:
    sides: defaultdict[tuple[str, str | None], list[float]] = defaultdict(list)
    for (canonical_id, line, outcome), odds in books.prices().items():
        if outcome in {"over", "under"} and platform in odds:
            sides[canonical_id, line].append(1 / odds[platform])
    whole = [sum(implied) for implied in sides.values() if len(implied) == 2]
    assert whole
    assert all(1.0 < one < 1.25 for one in whole)
