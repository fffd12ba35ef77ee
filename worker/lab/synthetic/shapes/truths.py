"""How the truth of a market changes when the bookmaker closes it, or contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.expected import INVALID_ODDS, ExpectedMarket, ExpectedRejection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from worker.lab.synthetic.expected import AnswerSheet

# A canonical market and one of its outcomes.
MarketOutcome = tuple[str, str]


def close(
    answers: AnswerSheet,
    is_closed: Callable[[ExpectedMarket], bool],
    outcomes: Collection[MarketOutcome] | None = None,
    *,
    shows_odds: bool = True,
) -> None:
    """Nothing of these markets, or these outcomes of them, can be bet on."""

    def closed(market: ExpectedMarket) -> ExpectedMarket:
        return market._replace(
            outcomes=tuple(
                outcome._replace(active=False, odds=outcome.odds if shows_odds else None)
                if outcomes is None or (market.canonical_id, outcome.outcome) in outcomes
                else outcome
                for outcome in market.outcomes
            )
        )

    answers.markets = [
        closed(market) if is_closed(market) else market for market in answers.markets
    ]


def hide_closed(answers: AnswerSheet, canonical_id: str, line: str | None) -> None:
    """Of two closed prices that differ, neither is shown."""
    answers.markets = [
        market._replace(
            outcomes=tuple(
                outcome if outcome.active else outcome._replace(odds=None)
                for outcome in market.outcomes
            )
        )
        if (market.canonical_id, market.line) == (canonical_id, line)
        else market
        for market in answers.markets
    ]


def refuse(answers: AnswerSheet, canonical_id: str, line: str | None) -> None:
    """A market that contradicts itself is refused."""
    for market in answers.markets:
        if (market.canonical_id, market.line) == (canonical_id, line):
            refused = ExpectedRejection(market.external_market_id, line, INVALID_ODDS)
            answers.rejected.append(refused)
    answers.markets = [
        market
        for market in answers.markets
        if (market.canonical_id, market.line) != (canonical_id, line)
    ]


def take_off(answers: AnswerSheet, is_off: Callable[[ExpectedMarket], bool]) -> bool:
    """Leave out these markets, which nobody can read; whether there were any."""
    kept = [market for market in answers.markets if not is_off(market)]
    had_any = len(kept) < len(answers.markets)
    answers.markets = kept
    return had_any
