"""SportyBet: one object a market and specifier; the label in ``desc``, the line in ``specifier``."""

from __future__ import annotations

import re
from typing import Any, Final

from worker.domain.books.book import Book, Params
from worker.domain.books.odds import is_exactly, prices_of
from worker.domain.books.rows import (
    MarketNames,
    ParsedRow,
    ParticipantIds,
    Rejection,
    Rows,
    Selection,
    Side,
    abbreviate,
    id_or_none,
    text_or_none,
    unreadable,
)
from worker.domain.books.shape import Shape

LONGEST_SPECIFIER = 1000
NOT_A_TEXT: Final = "not a text"
PREMATCH: Final = "3"
# `sr:player:1006665`; `pre:playerprops:71583282:1006665`, and after it a number, a side, or both.
_PLAYER: Final = re.compile(r"sr:player:(\d{1,20})", re.ASCII)
_PLAYER_OF_MATCH: Final = re.compile(
    r"pre:playerprops:\d{1,20}:(\d{1,20})(?::(\d{1,3}))?(?::(\d{1,3}))?", re.ASCII
)
_PLAYER_QUALIFIER: Final = re.compile(r"variant=pre:playerprops:\d{1,20}:(\d{1,20})", re.ASCII)
_ANY_PLAYER: Final = "variant=pre:playerprops:0:0"
_SIDES: Final[dict[str, Side]] = {"1": "home", "2": "away"}


def parse_specifier(specifier: str | None) -> Params | None:
    """``total=2.5|minsnr=10`` as pairs in the feed's order; empty when missing; None when unreadable.

    ``format_specifier`` of the result is the text again.
    """
    if not specifier:
        return ()
    if len(specifier) > LONGEST_SPECIFIER:
        return None
    pairs = tuple(_pair(part) for part in specifier.split("|"))
    keys = {key for key, _ in pairs}
    if len(keys) != len(pairs) or "" in keys:
        return None
    return pairs


def _pair(part: str) -> tuple[str, str]:
    key, separator, value = part.partition("=")
    return (key, value) if separator and value else ("", "")


def format_specifier(params: Params) -> str:
    return "|".join(f"{key}={value}" for key, value in params)


def rows(markets: list[Any], names: MarketNames | None = None) -> Rows:
    """Rows of ``data.markets``."""
    del names  # each market carries its own
    for market in markets:
        yield from _market_rows(market)


def _market_rows(market: Any) -> Rows:
    if type(market) is not dict:
        yield unreadable("a market must be an object", market)
        return
    market_id = id_or_none(market.get("id"))
    if market_id is None:
        yield unreadable("a market's id must be a text or a whole number", market.get("id"))
        return
    name = text_or_none(market.get("name")) or text_or_none(market.get("desc"))
    qualifier = _qualifier(market.get("specifier"))
    row = row_of(market_id, qualifier, name, market.get("outcomes"), is_open=_is_open(market))
    yield row._replace(product=product_of(market.get("product")))


def row_of(
    market_id: str, qualifier: str | None, name: str | None, outcomes: Any, *, is_open: bool
) -> ParsedRow:
    """A row of ``outcomes`` of any form."""
    selections: list[Selection] = []
    faults: list[Rejection] = []
    if type(outcomes or []) is not list:
        faults.append(unreadable("outcomes must be a list", outcomes, market_id))
        outcomes = []
    for outcome in outcomes or []:
        selection = _selection(outcome, is_open=is_open)
        if selection is None:
            faults.append(
                unreadable("an outcome must be an object whose desc is a text", outcome, market_id)
            )
        else:
            selections.append(selection)
    return ParsedRow(market_id, qualifier, name, selections, faults)


def product_of(product: Any) -> str:
    """Prematch, where a market does not say: 3; in play is 1."""
    return PREMATCH if product is None else abbreviate(product)


def _qualifier(specifier: Any) -> str | None:
    """The specifier verbatim; one that is not a text becomes a text that no rule can read."""
    if specifier is None or type(specifier) is str:
        return specifier or None
    return NOT_A_TEXT


def _selection(outcome: Any, *, is_open: bool) -> Selection | None:
    if type(outcome) is not dict or type(label := outcome.get("desc")) is not str:
        return None
    odds = outcome.get("odds")
    is_active = is_open and _is_on(outcome.get("isActive", 1)) and not is_no_price(odds)
    return Selection(label, None, odds, is_active, id_or_none(outcome.get("id")))


def _is_open(market: dict[str, Any]) -> bool:
    """Status 0 is open; 1 is suspended, whatever the outcomes say of themselves."""
    return market.get("status", 0) in (0, "0") and not market.get("banned")


def _is_on(flag: object) -> bool:
    return flag in (1, "1")


def is_no_price(odds: object) -> bool:
    return odds is None or odds == "" or is_exactly(0, odds) or is_exactly(1, odds)


def participant_ids(selection: Selection, has_number: bool) -> ParticipantIds | None:  # noqa: FBT001  (a book's function)
    """The player of an outcome's id. What follows is the number that the label has, then the side."""
    id_ = selection.id
    if id_ is None:
        return None
    player = _PLAYER.fullmatch(id_)
    if player is not None:
        return ParticipantIds(player[1], None, None)
    player = _PLAYER_OF_MATCH.fullmatch(id_)
    if player is None:
        return None
    feed_id, first, second = player.groups()
    number, side = (first, second) if has_number or second is not None else (None, first)
    return ParticipantIds(feed_id, None, _SIDES.get(side), number)


def participant_in(params: Params) -> str | None:
    """The player whom a row's variant names: its outcomes are all about this one."""
    for key, value in params:
        if key == "variant":
            player = _PLAYER_OF_MATCH.fullmatch(value)
            return None if player is None else player[1]
    return None


def player_qualifier(qualifier: str) -> tuple[str, str] | None:
    """The specifier for any player, and the player: most rows of players have no other key."""
    player = _PLAYER_QUALIFIER.fullmatch(qualifier)
    return None if player is None else (_ANY_PLAYER, player[1])


open_prices: Final = prices_of(is_no_price)
_OUTCOME: Final = Shape(
    "outcome",
    read={"desc", "id", "isActive", "odds"},
    ignored={
        "cashOutIsActive",
        "isWinning",  # of a settled market
        "playerName",
        "playerScore",
        "probability",
        "voidProbability",
    },
)
_MARKET: Final = Shape(
    "market",
    read={"banned", "desc", "id", "name", "outcomes", "product", "specifier", "status"},
    ignored={
        "earlyPayoutMarkets",
        "farNearOdds",
        "favourite",
        "group",
        "groupId",
        "lastOddsChangeTime",
        "marketExtendVOS",
        "marketGuide",
        "mode",
        "parameters",
        "sourceType",
        "title",
    },
    within={"outcomes": _OUTCOME},
)
BOOK: Final = Book(
    platform="sportybet",
    id_column="sportybet_id",
    label_column="sportybet_desc",
    outcome_ids_column="sportybet_outcome_ids",
    line_keys={"total": "total", "handicap": "hcp", "european": "hcp"},
    container=list,
    read_rows=rows,
    parse_qualifier=parse_specifier,
    is_no_price=is_no_price,
    shape=_MARKET,
    shows_lines=True,
    has_named_keys=True,
    has_start_scores=True,
    participant_ids=participant_ids,
    participant_in=participant_in,
    player_qualifier=player_qualifier,
)
