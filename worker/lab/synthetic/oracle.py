"""Compares a resolved event with the truth. A price under a name that is not its own is the worst fault."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from worker.lab.synthetic.expected import Expected, ExpectedMarket

Kind = Literal[
    "WRONG_LABEL",
    "WRONG_ODDS",
    "WRONG_ACTIVE",
    "WRONG_EXTERNAL_ID",
    "MISSING_MARKET",
    "EXTRA_MARKET",
    "MISSING_OUTCOME",
    "REPEATED",
    "MISSING_MISS",
    "EXTRA_MISS",
    "MISSING_REJECTION",
    "EXTRA_REJECTION",
]
ResultKey = tuple[str, str | None]


class Discrepancy(NamedTuple):
    """``expected`` and ``got`` are short texts for a person, empty where there is nothing."""

    kind: Kind
    where: str
    expected: str
    got: str


class _Price(NamedTuple):
    odds: float | None
    active: bool


def check(expected: Expected, resolved_event: Mapping[str, Any]) -> list[Discrepancy]:
    """Differences between the truth and one ResolvedEvent as parsed JSON; none when it is right.

    WRONG_LABEL: a market, line or outcome was published that the event does not sell, or one that it sells at
    the price of something else in the same platform market. WRONG_ODDS: the price is that of nothing there.
    Odds are compared as numbers.
    """
    markets = resolved_event.get("markets", [])
    truth = {(market.canonical_id, market.line): market for market in expected.markets}
    return [
        *_repeated((m["canonical_id"], m.get("line")) for m in markets),
        *_missing_markets(truth, markets),
        *_market_differences(expected, truth, markets),
        *_misses(expected, resolved_event.get("misses", [])),
        *_rejections(expected, resolved_event.get("rejected", [])),
    ]


def wrong_labels(differences: Iterable[Discrepancy]) -> list[Discrepancy]:
    return [difference for difference in differences if difference.kind == "WRONG_LABEL"]


def _repeated(keys: Iterable[ResultKey]) -> Iterator[Discrepancy]:
    for (canonical_id, line), times in Counter(keys).items():
        if times > 1:
            yield Discrepancy("REPEATED", _at(canonical_id, line), "once", f"{times} times")


def _missing_markets(
    truth: dict[ResultKey, ExpectedMarket], markets: list[Any]
) -> Iterator[Discrepancy]:
    got = {(market["canonical_id"], market.get("line")) for market in markets}
    for key in truth.keys() - got:
        yield Discrepancy("MISSING_MARKET", _at(*key), truth[key].external_market_id, "")


def _market_differences(
    expected: Expected, truth: dict[ResultKey, ExpectedMarket], markets: list[Any]
) -> Iterator[Discrepancy]:
    sold = _prices_sold(expected)
    held_back = {(rejection.external_market_id, rejection.line) for rejection in expected.rejected}
    for market in markets:
        key = (market["canonical_id"], market.get("line"))
        if key in truth:
            yield from _known_market(truth[key], market, sold)
        elif (market["external_market_id"], market.get("line")) in held_back:
            yield Discrepancy("EXTRA_MARKET", _at(*key), "rejected", market["external_market_id"])
        else:
            yield Discrepancy(
                "WRONG_LABEL", _at(*key), "", f"sold as {market['external_market_id']}"
            )


def _prices_sold(expected: Expected) -> set[tuple[str, float | None]]:
    """Every price by the platform's market id."""
    return {
        (m.external_market_id, outcome.odds) for m in expected.markets for outcome in m.outcomes
    }


def _known_market(
    truth: ExpectedMarket, market: Mapping[str, Any], sold: set[tuple[str, float | None]]
) -> Iterator[Discrepancy]:
    where = _at(truth.canonical_id, truth.line)
    if market["external_market_id"] != truth.external_market_id:
        yield Discrepancy(
            "WRONG_EXTERNAL_ID", where, truth.external_market_id, market["external_market_id"]
        )
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


def _outcome(
    where: str,
    right: _Price | None,
    outcome: Mapping[str, Any],
    external_id: str,
    sold: set[tuple[str, float | None]],
) -> Iterator[Discrepancy]:
    at = f"{where} {outcome['outcome']}"
    got = _Price(None if outcome.get("odds") is None else float(outcome["odds"]), outcome["active"])
    if right is None:
        yield Discrepancy("WRONG_LABEL", at, "", str(got.odds))
        return
    if got.odds != right.odds:
        moved = got.odds is not None and (external_id, got.odds) in sold
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


def _at(canonical_id: str, line: str | None) -> str:
    return canonical_id if line is None else f"{canonical_id} {line}"


def _text(entry: tuple[str | None, ...]) -> str:
    return " ".join(str(part) for part in entry if part is not None)
