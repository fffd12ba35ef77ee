"""Bet9ja's forms: no price, prices as numbers or objects, keys of other sports, and keys that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from worker.lab.synthetic.expected import UNKNOWN_MARKET, ExpectedRejection

if TYPE_CHECKING:
    from random import Random

    from worker.lab.synthetic.expected import AnswerSheet

_NO_PRICES: Final = ("1", "1.00", "-", "", None, 1, 1.0)
_OTHER_SPORTS: Final = ("LIVEB_12", "LIVETT_OU", "T_YESNO", "B_HSQ")
# A line with a plus, which may be that of either side; and a key of a betting slip.
_NO_KEYS: Final = ("S_AH@+0.25_2", "839196379$S_OU@2.5_O")
# The share of events that have a form.
SHARES: Final[dict[str, float]] = {
    "no_price": 0.5,
    "numbers": 0.1,
    "objects": 0.08,
    "other_sports": 0.05,
    "no_keys": 0.05,
}


def reshape(odds: dict[str, Any], answers: AnswerSheet, rng: Random) -> frozenset[str]:
    """Rewrite an event's odds in place; the forms that it has."""
    drawn = {form: rng.random() for form in SHARES}
    forms = frozenset(form for form, share in SHARES.items() if drawn[form] < share)
    for key, value in odds.items():
        odds[key] = _written(value, forms, rng)
    if "other_sports" in forms:
        for market in _OTHER_SPORTS:
            answers.miss(market, UNKNOWN_MARKET)
            odds[f"{market}_1"] = {"v": 1.85}
    if "no_keys" in forms:
        for key in _NO_KEYS:
            answers.rejected.append(ExpectedRejection(key, None, "INVALID_KEY_FORMAT"))
            odds[key] = "1.9"
    return forms


def odds_of(written: Any) -> float | None:
    """The price that a value stands for in any of these forms; None when there is none."""
    value = written["v"] if isinstance(written, dict) else written
    return None if value in ("-", "", None) or float(value) <= 1 else float(value)


def _written(value: str, forms: frozenset[str], rng: Random) -> Any:
    written: Any = value
    if value == "1" and "no_price" in forms:
        written = rng.choice(_NO_PRICES)
    elif "numbers" in forms:
        written = float(value)
    return {"v": written} if "objects" in forms else written
