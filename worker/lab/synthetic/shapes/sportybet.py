"""SportyBet's forms: ids as numbers, no price as nothing, labels with other brackets, commas or blanks.

None of them changes anything of the truth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from worker.lab.synthetic.books.at_event import Json

_NO_PRICES: Final = ("1.00", "0.00", "1", "", None)
_TOTAL: Final = re.compile(r"(Over|Under) (\d+(?:\.\d+)?)")
_HANDICAP: Final = re.compile(r"(Home|Away) \(([+-]\d+(?:\.\d+)?)\)")
_IN_PORTUGUESE: Final = {"Home": "Casa", "Draw": "Empate", "Away": "Fora"}
_RESULT: Final = "1"
# The share of events that have a form.
SHARES: Final[dict[str, float]] = {
    "integers": 0.08,
    "no_price": 0.4,
    "brackets": 0.06,
    "commas": 0.04,
    "no_brackets": 0.06,
    "blanks": 0.08,
    "status": 0.3,
    "portuguese": 0.05,
}


def reshape(rows: list[Json], rng: Random) -> frozenset[str]:
    """Rewrite an event's rows in place; the forms that it has."""
    drawn = {form: rng.random() for form in SHARES}
    forms = {form for form, share in SHARES.items() if drawn[form] < share}
    forms -= {"commas"} if "brackets" in forms else set()
    for row in rows:
        for form, rewrite in _REWRITES.items():
            if form in forms:
                rewrite(row, rng)
    return frozenset(forms)


def _integers(row: Json, _rng: Random) -> None:
    for holder in (row, *row["outcomes"]):
        if str(holder["id"]).isdigit():
            holder["id"] = int(holder["id"])


def _no_price(row: Json, rng: Random) -> None:
    for outcome in row["outcomes"]:
        if float(outcome["odds"] or 0) in {0.0, 1.0}:
            outcome["odds"] = rng.choice(_NO_PRICES)


def _labels(change: Callable[[str], str]) -> Callable[[Json, Random], None]:
    def rewrite(row: Json, _rng: Random) -> None:
        for outcome in row["outcomes"]:
            outcome["desc"] = change(outcome["desc"])

    return rewrite


def _in_brackets(label: str) -> str:
    total = _TOTAL.fullmatch(label)
    return label if total is None else f"{total[1]} ({total[2]})"


def _with_comma(label: str) -> str:
    total = _TOTAL.fullmatch(label)
    return label if total is None else f"{total[1]} {total[2].replace('.', ',')}"


def _without_brackets(label: str) -> str:
    handicap = _HANDICAP.fullmatch(label)
    return label if handicap is None else f"{handicap[1]} {handicap[2]}"


def _with_blanks(label: str) -> str:
    return label.replace(" (", "  (")


def _status(row: Json, _rng: Random) -> None:
    """Closed is 1 or 2, whatever the outcomes say of themselves."""
    if row["status"] == 1:
        row["status"] = 2


def _portuguese(row: Json, _rng: Random) -> None:
    if str(row["id"]) == _RESULT:
        for outcome in row["outcomes"]:
            outcome["desc"] = _IN_PORTUGUESE.get(outcome["desc"], outcome["desc"])


_REWRITES: Final[dict[str, Callable[[Json, Random], None]]] = {
    "no_price": _no_price,
    "brackets": _labels(_in_brackets),
    "commas": _labels(_with_comma),
    "no_brackets": _labels(_without_brackets),
    "blanks": _labels(_with_blanks),
    "status": _status,
    "portuguese": _portuguese,
    "integers": _integers,
}
