"""Players of a generated scrape: what is sold, and that players of one name are never joined."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import orjson
import pytest

from clients.python.market_mapping_client.messages import ResolvedEvent
from clients.python.market_mapping_client.players import joined_players
from tests.support.markets import CATALOGUE
from tests.support.verdicts import plain_faults, resolved_plainly
from worker.domain.index import MappingIndex
from worker.lab.synthetic.expected import ExpectedParticipant, Generated
from worker.lab.synthetic.fixtures import draw_fixture
from worker.lab.synthetic.players.squad import SQUAD, Footballer, squads
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEED = 4
EVENTS = 12
INDEX = MappingIndex(CATALOGUE)


def made(*, extras: tuple[str, ...] = ("players",)) -> list[Generated]:
    scrape = generate_scrape(
        seed=SEED,
        events=EVENTS,
        started_at=STARTED_AT,
        size="slim",
        extras=extras,  # type: ignore[arg-type]  # texts
    )
    return list(scrape)


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return made()


def on(scrape: list[Generated], platform: str) -> list[Generated]:
    return [item for item in scrape if item.platform == platform]


def participants(item: Generated) -> set[ExpectedParticipant]:
    return {market.participant for market in item.expected.players}


def squad_of(ordinal: int) -> tuple[Footballer, ...]:
    return squads(SEED, draw_fixture(SEED, ordinal, STARTED_AT))


def test_the_resolver_says_the_truth_of_every_player(scrape: list[Generated]) -> None:
    assert sum(len(item.expected.players) for item in scrape) > 1000
    assert plain_faults(scrape, INDEX) == []


def test_players_leave_the_other_markets_as_they_are(scrape: list[Generated]) -> None:
    for item, without in zip(scrape, made(extras=()), strict=True):
        if item.platform == "bet9ja":
            assert item == without
            continue
        rows = {orjson.dumps(row) for row in item.observation["markets"]}
        others = {orjson.dumps(row) for row in without.observation["markets"]}
        assert others <= rows
        assert set(without.expected.markets) <= set(item.expected.markets)
        assert not without.expected.players


def test_both_bookmakers_sell_players_and_every_market_of_players_in_force(
    scrape: list[Generated],
) -> None:
    sold = {
        (item.platform, market.canonical_id) for item in scrape for market in item.expected.players
    }
    claimed = {
        (further.platform, mapping.canonical_id)
        for mapping in CATALOGUE
        for further in mapping.also
        if mapping.participant is not None and further.active
    }

    assert sold == claimed


def test_a_player_has_the_shared_number_at_one_bookmaker_and_its_own_at_the_other(
    scrape: list[Generated],
) -> None:
    for item in on(scrape, "sportybet"):
        assert all(one.feed_id and not one.id for one in participants(item))
    for item in on(scrape, "betpawa"):
        assert all(one.id and not one.feed_id for one in participants(item))


def test_on_some_events_two_players_have_one_name_in_one_team_or_in_both() -> None:
    for ordinal, sides in ((0, {"home"}), (1, {"home", "away"}), (2, None)):
        names = Counter((player.given, player.family) for player in squad_of(ordinal))
        twice = [name for name, times in names.items() if times == 2]
        found = {p.side for p in squad_of(ordinal) if (p.given, p.family) in twice}
        assert found == (sides or set())


def test_names_are_spelled_in_other_ways_of_which_some_have_another_key() -> None:
    players = [player for ordinal in range(EVENTS) for player in squad_of(ordinal)]
    spelled = {p for p in players if p.shown("betpawa") != p.shown("sportybet")}
    apart = {p for p in players if p.key("betpawa") != p.key("sportybet")}

    assert apart < spelled
    assert len(apart) < len(spelled) < len(players)


def test_a_player_on_the_bench_has_a_price_that_cannot_be_bet_on(scrape: list[Generated]) -> None:
    bench = {
        number
        for ordinal in range(EVENTS)
        for player in squad_of(ordinal)
        for number in (player.feed_id, player.own_id)
        if player.is_on_bench
    }
    prices = [
        outcome
        for item in scrape
        for market in item.expected.players
        for outcome in market.outcomes
        if (market.participant.feed_id or market.participant.id) in bench
    ]

    assert not any(price.active for price in prices)
    assert sum(price.odds is not None for price in prices) > len(prices) * 0.9


def test_every_form_of_no_price_is_sent_for_players(scrape: list[Generated]) -> None:
    forms = {
        outcome["odds"]
        for item in on(scrape, "sportybet")
        for row in item.observation["markets"]
        for outcome in row["outcomes"]
        if "player" in (outcome["id"] or "")
    }

    assert {"1.00", "0.00", "", None} <= forms


def test_a_hostile_scraper_invents_players_who_are_published_missed_or_refused(
    scrape: list[Generated],
) -> None:
    (hostile,) = (
        item
        for item in on(scrape, "sportybet")
        if item.expected.rejected and any(p.key.startswith("nobody") for p in participants(item))
    )
    invented = [p for p in participants(hostile) if p.key.startswith("nobody")]
    missed = [miss for miss in hostile.expected.misses if "Unknown" in (miss.outcome or "")]

    assert len(invented) == 25
    assert len(missed) == 5
    assert [one for one in hostile.expected.rejected if one.external_market_id == "40"]


def test_the_kit_joins_the_players_of_two_bookmakers_and_never_two_of_one_name(
    scrape: list[Generated],
) -> None:
    joined = 0
    for ours in on(scrape, "betpawa"):
        for theirs in on(scrape, "sportybet"):
            if ours.key != theirs.key or ":" in ours.key:
                continue
            pairs = joined_players(read_by_the_kit(ours), read_by_the_kit(theirs))
            joined += len(pairs)
            assert all(is_one_player(pair.one.id, pair.other.feed_id) for pair in pairs)
            assert len(pairs) == len(to_be_joined(ours, theirs))
    assert joined > 100


def read_by_the_kit(item: Generated) -> ResolvedEvent:
    return ResolvedEvent.model_validate_json(orjson.dumps(resolved_plainly(item, INDEX)))


def is_one_player(own_id: str | None, feed_id: str | None) -> bool:
    """Whether two numbers are of one player: both count on with the squads of the events."""
    return int(own_id or 0) - 30_000_000 == int(feed_id or 0) - 1_000_000


def to_be_joined(ours: Generated, theirs: Generated) -> set[tuple[str, str | None]]:
    """The keys and sides that one player alone has on either side."""
    mine, others = (
        Counter((p.key, p.side) for p in {q.identity: q for q in participants(item)}.values())
        for item in (ours, theirs)
    )
    return {name for name in mine if mine[name] == 1 and others[name] == 1}


def test_a_squad_is_the_same_at_every_bookmaker_and_in_every_scrape() -> None:
    assert squad_of(3) == squad_of(3)
    assert len({player.feed_id for player in squad_of(3)}) == 2 * SQUAD
