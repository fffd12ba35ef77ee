"""Real prices witness truths and labels: one real event on three books against a model fitted to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.payloads import MISSING, PAYLOADS
from worker.lab.synthetic.books.sportybet import filled, line_words
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.model import MatchModel
from worker.lab.synthetic.offers import Offer, offers

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason=MISSING)
# Fitted to the event's 1X2, over/under 2.5 and corner prices.
MODEL = MatchModel(goals=(1.38, 1.22), corners=(5.0, 4.4), cards=(2.0, 2.2), red_cards=(0.08, 0.09))
MARGIN = 1.07
Prices = dict[str, float]


def real(platform: str) -> Any:
    return json.loads((PAYLOADS / f"wuhan_qingdao.{platform}.json").read_text())


def sportybet() -> Iterator[tuple[Offer, str | None, Prices]]:
    data = real("sportybet")["data"]
    names = {"home": data["homeTeamName"], "away": data["awayTeamName"]}
    sold = {(m["id"], m.get("specifier", "")): m["outcomes"] for m in data["markets"]}
    for offer in offers("sportybet"):
        for line in offer.lines:
            words = names | ({} if line is None else line_words(line))
            row = sold.get((offer.external_id, filled(offer.form.get("specifier", ""), words)), [])
            shown = {o["desc"]: float(o["odds"]) for o in row if o["isActive"]}
            labels = {filled(s.label, words): s.outcome for s in offer.selections}
            yield offer, line, {labels[desc]: odds for desc, odds in shown.items()}


def bet9ja() -> Iterator[tuple[Offer, str | None, Prices]]:
    sold = real("bet9ja")["D"]["O"]
    for offer in offers("bet9ja"):
        for line in offer.lines:
            market = offer.external_id if line is None else f"{offer.external_id}@{line}"
            odds = {
                s.outcome: float(sold.get(f"{market}_{s.label}", "1")) for s in offer.selections
            }
            yield offer, line, {outcome: price for outcome, price in odds.items() if price > 1}


def betpawa() -> Iterator[tuple[Offer, str | None, Prices]]:
    sold: dict[tuple[str, int | None], Prices] = {}
    for market in real("betpawa")["markets"]:
        for row in market["row"]:
            prices = sold.setdefault((market["marketType"]["id"], row["handicap"]), {})
            prices.update({p["name"]: p["price"] for p in row["prices"] if not p["suspended"]})
    for offer in offers("betpawa"):
        for line in offer.lines:
            shown = sold.get(
                (offer.external_id, None if line is None else int(float(line) * 4)), {}
            )
            labels = {s.label: s.outcome for s in offer.selections}
            yield offer, line, {labels[name]: odds for name, odds in shown.items()}


@pytest.mark.parametrize(("book", "least"), [(sportybet, 450), (bet9ja, 250), (betpawa, 300)])
def test_real_prices_agree_with_the_truth_under_their_labels(book: Any, least: int) -> None:
    fair = FairPrices(MODEL)
    apart = [
        (
            abs(1 / odds / MARGIN - fair.of(offer.market, line)[outcome]),
            offer.market.canonical_id,
            line,
            outcome,
        )
        for offer, line, prices in book()
        for outcome, odds in prices.items()
        if not outcome.startswith("other")
    ]
    apart.sort(key=lambda entry: entry[0])

    assert len(apart) > least
    assert apart[len(apart) // 2][0] < 0.02
    assert apart[int(len(apart) * 0.95)][0] < 0.09, apart[-5:]
    assert apart[-1][0] < 0.16, apart[-5:]
