"""Compares a resolved event with the truth. A price under a name that is not its own is the worst fault."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from worker.lab.synthetic.expected import ExpectedPlayerMarket

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.lab.synthetic.expected import Expected, ExpectedMarket

    TrueMarket = ExpectedMarket | ExpectedPlayerMarket

Kind = Literal[
    "WRONG_LABEL",
    "WRONG_ODDS",
    "WRONG_ACTIVE",
    "WRONG_COMPLETE",
    "WRONG_EXTERNAL_ID",
    "WRONG_PARTICIPANT",
    "MISSING_MARKET",
    "EXTRA_MARKET",
    "MISSING_OUTCOME",
    "REPEATED",
    "MISSING_MISS",
    "EXTRA_MISS",
    "MISSING_REJECTION",
    "EXTRA_REJECTION",
]
# A canonical market, its line, and what identifies its participant if it has one.
ResultKey = tuple[str, str | None, tuple[str | None, ...]]
_SAID_OF_PLAYERS = ("name", "key", "side", "feed_id", "id")


class Discrepancy(NamedTuple):
    """``expected`` and ``got`` are short texts for a person, empty where there is nothing."""

    kind: Kind
    where: str
    expected: str
    got: str


class _Price(NamedTuple):
    odds: float | None
    active: bool


class _Sold(NamedTuple):
    """What an event sells: each price by the platform's market id, and what the worker has to refuse."""

    prices: set[tuple[str, float | None]]
    refused: set[tuple[str, str | None]]


def check(expected: Expected, resolved_event: Mapping[str, Any]) -> list[Discrepancy]:
    """Differences between the truth and one ResolvedEvent as parsed JSON; none when it is right.

    WRONG_LABEL: a market, line, player or outcome was published that the event does not sell, or one that it
    sells at the price of something else in the same platform market. WRONG_ODDS: the price is that of nothing
    there. Odds are compared as numbers.
    """
    truth: dict[ResultKey, TrueMarket] = {_key_of(market): market for market in expected.markets}
    truth |= {_key_of(market): market for market in expected.players}
    published: list[tuple[ResultKey, Any]] = [
        (_published_key(market), market)
        for part in ("markets", "participant_markets")
        for market in resolved_event.get(part) or []
    ]
    return [
        *_repeated(key for key, _market in published),
        *_missing_markets(truth, {key for key, _market in published}),
        *_market_differences(_sold(expected), truth, published),
        *_misses(expected, resolved_event.get("misses", [])),
        *_rejections(expected, resolved_event.get("rejected", [])),
    ]


def wrong_labels(differences: Iterable[Discrepancy]) -> list[Discrepancy]:
    return [difference for difference in differences if difference.kind == "WRONG_LABEL"]


def _key_of(market: TrueMarket) -> ResultKey:
    if isinstance(market, ExpectedPlayerMarket):
        return market.canonical_id, market.line, market.participant.identity
    return market.canonical_id, market.line, ()


def _published_key(market: Mapping[str, Any]) -> ResultKey:
    said = market.get("participant")
    identity: tuple[str | None, ...] = ()
    if said is not None:
        ids = said.get("feed_id"), said.get("id")
        identity = ids if any(ids) else (said.get("key"), said.get("side"))
    return market["canonical_id"], market.get("line"), identity


def _sold(expected: Expected) -> _Sold:
    markets: list[TrueMarket] = [*expected.markets, *expected.players]
    return _Sold(
        {(m.external_market_id, outcome.odds) for m in markets for outcome in m.outcomes},
        {(rejection.external_market_id, rejection.line) for rejection in expected.rejected},
    )


def _repeated(keys: Iterable[ResultKey]) -> Iterator[Discrepancy]:
    for key, times in Counter(keys).items():
        if times > 1:
            yield Discrepancy("REPEATED", _at(key), "once", f"{times} times")


def _missing_markets(
    truth: dict[ResultKey, TrueMarket], got: set[ResultKey]
) -> Iterator[Discrepancy]:
    for key in truth.keys() - got:
        yield Discrepancy("MISSING_MARKET", _at(key), truth[key].external_market_id, "")


def _market_differences(
    sold: _Sold, truth: dict[ResultKey, TrueMarket], published: list[tuple[ResultKey, Any]]
) -> Iterator[Discrepancy]:
    for key, market in published:
        if key in truth:
            yield from _known_market(_at(key), truth[key], market, sold)
        elif (market["external_market_id"], market.get("line")) in sold.refused:
            yield Discrepancy("EXTRA_MARKET", _at(key), "rejected", market["external_market_id"])
        else:
            yield Discrepancy(
                "WRONG_LABEL", _at(key), "", f"sold as {market['external_market_id']}"
            )


def _known_market(
    where: str, truth: TrueMarket, market: Mapping[str, Any], sold: _Sold
) -> Iterator[Discrepancy]:
    if market["external_market_id"] != truth.external_market_id:
        yield Discrepancy(
            "WRONG_EXTERNAL_ID", where, truth.external_market_id, market["external_market_id"]
        )
    complete = market.get("complete") is not False
    if complete != truth.complete:
        yield Discrepancy("WRONG_COMPLETE", where, str(truth.complete), str(complete))
    yield from _participant(where, truth, market)
    right = {outcome.outcome: _Price(outcome.odds, outcome.active) for outcome in truth.outcomes}
    names = [outcome["outcome"] for outcome in market["outcomes"]]
    for name, times in Counter(names).items():
        if times > 1:
            yield Discrepancy("REPEATED", f"{where} {name}", "once", f"{times} times")
    for name in right.keys() - set(names):
        yield Discrepancy("MISSING_OUTCOME", f"{where} {name}", str(right[name].odds), "")
    for outcome in market["outcomes"]:
        yield from _outcome(
            where, right.get(outcome["outcome"]), outcome, truth.external_market_id, sold
        )


def _participant(where: str, truth: TrueMarket, market: Mapping[str, Any]) -> Iterator[Discrepancy]:
    if not isinstance(truth, ExpectedPlayerMarket):
        return
    for name in _SAID_OF_PLAYERS:
        right, got = getattr(truth.participant, name), market["participant"].get(name)
        if right != got:
            yield Discrepancy("WRONG_PARTICIPANT", f"{where} {name}", str(right), str(got))


def _outcome(
    where: str,
    right: _Price | None,
    outcome: Mapping[str, Any],
    external_id: str,
    sold: _Sold,
) -> Iterator[Discrepancy]:
    at = f"{where} {outcome['outcome']}"
    got = _Price(None if outcome.get("odds") is None else float(outcome["odds"]), outcome["active"])
    if right is None:
        yield Discrepancy("WRONG_LABEL", at, "", str(got.odds))
        return
    if got.odds != right.odds:
        moved = got.odds is not None and (external_id, got.odds) in sold.prices
        yield Discrepancy(
            "WRONG_LABEL" if moved else "WRONG_ODDS", at, str(right.odds), str(got.odds)
        )
    if got.active != right.active:
        yield Discrepancy("WRONG_ACTIVE", at, str(right.active), str(got.active))


def _misses(expected: Expected, misses: list[Any]) -> Iterator[Discrepancy]:
    right = Counter(tuple(miss) for miss in expected.misses)
    got = Counter(_fields(miss, "external_market_id", "reason", "outcome") for miss in misses)
    for entry in (right - got).elements():
        yield Discrepancy("MISSING_MISS", str(entry[0]), _text(entry), "")
    for entry in (got - right).elements():
        yield Discrepancy("EXTRA_MISS", str(entry[0]), "", _text(entry))


def _rejections(expected: Expected, rejected: list[Any]) -> Iterator[Discrepancy]:
    right = Counter(tuple(entry) for entry in expected.rejected)
    got = Counter(_fields(entry, "external_market_id", "line", "code") for entry in rejected)
    for entry in (right - got).elements():
        yield Discrepancy("MISSING_REJECTION", str(entry[0]), _text(entry), "")
    for entry in (got - right).elements():
        yield Discrepancy("EXTRA_REJECTION", str(entry[0]), "", _text(entry))


def _fields(entry: Mapping[str, Any], *names: str) -> tuple[str | None, ...]:
    return tuple(entry.get(name) for name in names)


def _at(key: ResultKey) -> str:
    canonical_id, line, identity = key
    return " ".join(str(part) for part in (canonical_id, line, *identity) if part is not None)


def _text(entry: tuple[str | None, ...]) -> str:
    return " ".join(str(part) for part in entry if part is not None)
