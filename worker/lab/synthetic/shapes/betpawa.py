"""BetPawa's forms, of which an event has some: where a line stands and in which unit, what absent looks like.

All but two change nothing of the truth: in a language that the mappings have no labels for, a market is lost
unless they name the ids of its outcomes; and levels that disagree about a line are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.lab.synthetic.expected import INVALID_ODDS, NO_MATCHING_OUTCOMES, ExpectedRejection
from worker.lab.synthetic.shapes.flags import is_in_row, line_of, named_in, suspend_some
from worker.lab.synthetic.shapes.french import NO_NAMED_IDS, in_french, shown_in_french
from worker.lab.synthetic.shapes.truths import take_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from worker.lab.synthetic.books.at_event import Json
    from worker.lab.synthetic.expected import AnswerSheet

_ALL_KEYS: Final = ("hcp", "total", "player", "score", "number", "group")
_KEYS: Final = {"NORMAL": "total", "ASIAN": "hcp", "EUROPEAN": "hcp", "NUMBER_SPECIFIER": "number"}
_NO_PRICES: Final = (0, 0.0, 1, 1.0, None)
_NOTHING: Final = (None, "")
_CONTRADICTIONS: Final = 0.04
# The share of events that have a form. The forms of a line exclude each other.
SHARES: Final[dict[str, float]] = {
    "absent": 0.3,
    "intermediate": 0.12,
    "one_level": 0.1,
    "contradiction": 0.05,
    "integers": 0.08,
    "french": 0.1,
    "no_price": 0.4,
    "flags": 0.15,
}
_OF_A_LINE: Final = ("absent", "intermediate", "one_level", "contradiction")


def reshape(markets: list[Json], answers: AnswerSheet, rng: Random) -> frozenset[str]:
    """Rewrite an event's markets in place; the forms that it has."""
    drawn = {form: rng.random() for form in SHARES}
    forms = {form for form, share in SHARES.items() if drawn[form] < share}
    for other in sorted(forms & set(_OF_A_LINE))[1:]:
        forms.remove(other)
    for market in markets:
        for form, rewrite in _REWRITES.items():
            if form in forms:
                rewrite(market, answers, rng)
    return frozenset(forms)


def _prices(market: Json) -> Iterator[Json]:
    for row in market["row"]:
        yield from row["prices"]


def _flags(market: Json, answers: AnswerSheet, rng: Random) -> None:
    external_id = market["marketType"]["id"]
    is_refused = any(each.external_market_id == external_id for each in answers.rejected)
    if named_in(external_id) and not is_refused:
        suspend_some(answers, rng, market)


def _no_price(market: Json, _answers: AnswerSheet, rng: Random) -> None:
    for price in _prices(market):
        name = "odds" if "odds" in price else "price"
        if price[name] == 0:
            price[name] = rng.choice(_NO_PRICES)


def _absent(market: Json, _answers: AnswerSheet, rng: Random) -> None:
    """Null, an empty text or 0 at every level where there is no line."""
    for row in market["row"]:
        if row.get("handicap") is not None:
            continue
        row["handicap"] = rng.choice((*_NOTHING, 0))
        row["formattedHandicap"] = rng.choice(_NOTHING)
        row["specifier"] = rng.choice((*_NOTHING, {}, dict.fromkeys(_ALL_KEYS)))
        for price in row["prices"]:
            price["handicap"] = rng.choice(_NOTHING)


def _intermediate(market: Json, _answers: AnswerSheet, rng: Random) -> None:
    """Every key of the specifier is there; a line is in quarters or not, the number of a goal never is."""
    key = _KEYS.get(market["marketType"].get("handicapType", ""))
    nothing = rng.choice(_NOTHING)
    for row in market["row"]:
        line = line_of(row)
        row["specifier"] = dict.fromkeys(_ALL_KEYS, nothing)
        if key is not None and line is not None:
            in_quarters = key != "number" and rng.random() < 0.5
            row["specifier"][key] = str(row["handicap"]) if in_quarters else line


def _one_level(market: Json, _answers: AnswerSheet, rng: Random) -> None:
    """A total stands in one place only."""
    if market["marketType"].get("handicapType") != "NORMAL":
        return
    level = rng.choice(("price", "formatted", "specifier", "number"))
    for row in market["row"]:
        line = line_of(row)
        if line is None:
            continue
        for name in ("handicap", "formattedHandicap", "specifier"):
            row.pop(name, None)
        if level != "price":
            for price in row["prices"]:
                price.pop("handicap", None)
        row.update(_level(level, line))


def _level(level: str, line: str) -> Json:
    match level:
        case "formatted":
            return {"formattedHandicap": line}
        case "specifier":
            return {"specifier": {"total": line}}
        case "number":
            return {"specifier": {"total": float(line)}}
        case _:
            return {}


def _contradiction(market: Json, answers: AnswerSheet, rng: Random) -> None:
    """The handicap and the specifier of a row name two lines, or the key is that of another kind of line."""
    kind = market["marketType"].get("handicapType")
    external_id = market["marketType"]["id"]
    if kind not in {"NORMAL", "ASIAN"} or rng.random() >= len(market["row"]) * _CONTRADICTIONS:
        return
    row = rng.choice(market["row"])
    line, named = line_of(row), named_in(external_id)
    alone = [other for other in market["row"] if line_of(other) == line] == [row]
    if line is None or not alone or any(price["name"] not in named for price in row["prices"]):
        return
    if rng.random() < 0.5:
        row["specifier"] = {_KEYS[kind]: f"{float(line) + 1:g}"}
    else:
        row["specifier"] = {"hcp" if kind == "NORMAL" else "total": line}
    if take_off(answers, is_in_row(external_id, row)):
        answers.rejected.append(ExpectedRejection(external_id, None, "INVALID_SPECIFIER"))


def _integers(market: Json, _answers: AnswerSheet, _rng: Random) -> None:
    """Ids as numbers."""
    for holder in (market["marketType"], *_prices(market)):
        for name in ("id", "typeId"):
            if str(holder.get(name, "")).isdigit():
                holder[name] = int(holder[name])


def _french(market: Json, answers: AnswerSheet, _rng: Random) -> None:
    """Labels in French: read by the ids of the outcomes where the mapping names them, else lost."""
    external_id = market["marketType"]["id"]
    named = named_in(external_id)
    prices = list(_prices(market))
    if not named or any(price["name"] not in named for price in prices):
        return
    is_lost = external_id in NO_NAMED_IDS
    if is_lost and not all(in_french(price["name"]) for price in prices):
        return
    for price in prices:
        price["name"] = in_french(price["name"]) or price["name"]
        if price.get("handicap"):
            price["handicap"] = shown_in_french(price["handicap"])
    if is_lost:
        had_any = take_off(answers, lambda each: each.external_market_id == external_id)
        # What is not known to be its outcome has no odds to refuse.
        refused = {
            each
            for each in answers.rejected
            if each.external_market_id == external_id and each.code == INVALID_ODDS
        }
        answers.rejected = [each for each in answers.rejected if each not in refused]
        if had_any or refused:
            answers.miss(external_id, NO_MATCHING_OUTCOMES)


_REWRITES: Final[dict[str, Callable[[Json, AnswerSheet, Random], None]]] = {
    # Flags and contradictions read the usual form, so they come first.
    "flags": _flags,
    "contradiction": _contradiction,
    "french": _french,
    "no_price": _no_price,
    "absent": _absent,
    "intermediate": _intermediate,
    "one_level": _one_level,
    "integers": _integers,
}
