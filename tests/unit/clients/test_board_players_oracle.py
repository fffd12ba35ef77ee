"""Players on the board against the generator's squads, in which some share a name, in one team or in both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.board import Board, PlayerRow
from clients.python.market_mapping_client.messages import ResolvedEvent
from tests.support.kit_events import MAPPINGS, event
from tests.support.markets import FOOTBALL, run
from worker.domain.resolve import player_document
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.fixtures import draw_fixture
from worker.lab.synthetic.players.squad import Footballer, squads
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEED = 15
EVENTS = 12
BOOKS = frozenset({"betpawa", "sportybet"})  # who sells players


class Match(NamedTuple):
    """What a board has of one match, and what the generator knows of it."""

    rows: tuple[PlayerRow, ...]
    squad: tuple[Footballer, ...]
    sold: dict[tuple[str, str, str | None, str | None, str], float]

    @property
    def joined(self) -> list[PlayerRow]:
        return [row for row in self.rows if len(row.participants) > 1]


def resolved(item: Generated) -> ResolvedEvent:
    said = item.observation
    found = run(
        item.platform,  # type: ignore[arg-type]  # the generator knows no type of the domain
        said["markets"],
        home=said["event"]["home"],
        away=said["event"]["away"],
        index=FOOTBALL,
    )
    players = [player_document(market) for market in found.players]
    return event(item.platform, [], participant_markets=players, **said)


def generated() -> Iterator[Match]:
    scrape = list(
        generate_scrape(
            seed=SEED, events=EVENTS, started_at=STARTED_AT, size="slim", extras=["players"]
        )
    )
    board = Board(MAPPINGS)
    by_match: dict[str, list[Generated]] = {}
    for item in scrape:
        if item.platform in BOOKS:
            by_match.setdefault(board.take(resolved(item)), []).append(item)
    for index in range(EVENTS):
        fixture = draw_fixture(SEED, index, STARTED_AT)
        items = by_match.get(fixture.sportradar_id, [])
        if len(items) == len(BOOKS):
            rows = board.compare(fixture.sportradar_id).players
            yield Match(rows, squads(SEED, fixture), sold(items))


def sold(items: list[Generated]) -> dict[tuple[str, str, str | None, str | None, str], float]:
    """The odds of what takes bets, by bookmaker, market, line, player and outcome."""
    return {
        (
            item.platform,
            market.canonical_id,
            market.line,
            market.participant.feed_id or market.participant.id,
            outcome.outcome,
        ): outcome.odds
        for item in items
        for market in item.expected.players
        for outcome in market.outcomes
        if outcome.active and outcome.odds is not None
    }


@pytest.fixture(scope="module")
def matches() -> list[Match]:
    return list(generated())


def test_who_is_in_one_row_is_one_player_of_the_squad(matches: list[Match]) -> None:
    joined = 0
    for match in matches:
        own_ids = {player.own_id: player for player in match.squad}
        for row in match.joined:
            ours, theirs = row.participants["betpawa"], row.participants["sportybet"]
            assert own_ids[ours.id or ""].feed_id == theirs.feed_id
            joined += 1
    assert joined > 100


def test_everybody_whose_name_is_unique_in_both_spellings_is_joined(matches: list[Match]) -> None:
    """Of two of one name in one team nobody is; in two teams the side tells who is meant."""
    for match in matches:
        names = [(player.key("betpawa"), player.side) for player in match.squad]
        alone = {
            player.feed_id
            for player, name in zip(match.squad, names, strict=True)
            if player.key("sportybet") != name[0] or names.count(name) > 1
        }
        joined = {row.participants["sportybet"].feed_id for row in match.joined}
        sold_by = {
            platform: {who for book, _, _, who, _ in match.sold if book == platform}
            for platform in BOOKS
        }
        both = {
            player.feed_id
            for player in match.squad
            if player.feed_id in sold_by["sportybet"] and player.own_id in sold_by["betpawa"]
        }
        assert joined >= both - alone
        assert joined.isdisjoint(alone)


def test_every_price_of_a_row_is_the_one_that_the_bookmaker_sells_it_at(
    matches: list[Match],
) -> None:
    for match in matches:
        for row in match.rows:
            for outcome, prices in row.prices.items():
                for platform, odds in prices.items():
                    who = row.participants[platform]
                    place = (platform, row.canonical_id, row.line, who.feed_id or who.id, outcome)
                    assert match.sold[place] == odds
