"""What each bookmaker sells, read from the data files in `data` (data/README.md says what they hold)."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import orjson

from worker.lab.synthetic.question import QuestionedMarket

PLATFORMS = ("betpawa", "sportybet", "bet9ja")
_OUTCOME = 0


class OfferedOutcome(NamedTuple):
    """One outcome of an offer: the canonical outcome, the label as a template, the feed's own outcome id."""

    outcome: str
    label: str
    feed_id: str


class Offer(NamedTuple):
    """A canonical market in one bookmaker's own form. ``frequency`` is the share of events that have it.

    ``lines`` is (None,) for a market without one. ``stray`` is an outcome (label, feed id) that no mapping
    knows. ``shares_id``: another canonical market has the same platform id. ``form`` holds what only this
    book's form needs.
    """

    market: QuestionedMarket
    external_id: str
    frequency: float
    selections: tuple[OfferedOutcome, ...]
    lines: tuple[str | None, ...]
    stray: tuple[str, str] | None
    shares_id: bool
    form: dict[str, Any]


class Unmapped(NamedTuple):
    """A market that no mapping knows. ``rows`` are its specifiers or params; () when it has none."""

    external_id: str
    frequency: float
    rows: tuple[str, ...]
    outcomes: tuple[Any, ...]
    form: dict[str, Any]


def load(name: str) -> list[dict[str, Any]]:
    """The rows of a data file."""
    parsed: list[dict[str, Any]] = orjson.loads(
        resources.files(__package__).joinpath("data", name).read_bytes()
    )
    return parsed


@cache
def offers(platform: str) -> tuple[Offer, ...]:
    """Mapped markets that ``platform`` sells."""
    return offers_in("mapped", platform)


@cache
def offers_in(name: str, platform: str) -> tuple[Offer, ...]:
    """What ``platform`` sells of the markets in a data file."""
    sold = [entry for entry in load(f"{name}.json") if platform in entry]
    uses = Counter(entry[platform]["id"] for entry in sold)
    return tuple(_offer(entry, entry[platform], uses) for entry in sold)


@cache
def unmapped(platform: str) -> tuple[Unmapped, ...]:
    """Markets that ``platform`` sells and no mapping knows."""
    return tuple(_unmapped(entry) for entry in load(f"unmapped_{platform}.json"))


def _offer(entry: dict[str, Any], sold: dict[str, Any], uses: Counter[str]) -> Offer:
    stray = sold.get("stray")
    return Offer(
        market=_market(entry),
        external_id=sold["id"],
        frequency=sold["frequency"],
        selections=tuple(
            OfferedOutcome(o[0], o[1], o[2] if len(o) > 2 else "") for o in sold["outcomes"]
        ),
        lines=tuple(sold.get("lines", (None,))),
        stray=(stray[0], stray[-1]) if stray else None,
        shares_id=uses[sold["id"]] > 1,
        form=sold,
    )


def _market(entry: dict[str, Any]) -> QuestionedMarket:
    sold = (entry[platform]["outcomes"] for platform in PLATFORMS if platform in entry)
    outcomes = dict.fromkeys(selection[_OUTCOME] for selections in sold for selection in selections)
    return QuestionedMarket(
        entry["id"],
        entry["family"],
        entry.get("period", ""),
        entry.get("side", ""),
        tuple(outcomes),
    )


def _unmapped(entry: dict[str, Any]) -> Unmapped:
    return Unmapped(
        external_id=entry["id"],
        frequency=entry["frequency"],
        rows=tuple(entry.get("specifiers") or entry.get("lines") or ()),
        outcomes=tuple(entry.get("outcomes", ())),
        form=entry,
    )
