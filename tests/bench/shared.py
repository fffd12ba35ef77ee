"""What several measurements of the evidence from odds have in common."""

from __future__ import annotations

import random
from collections.abc import Mapping

from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping as MarketMapping


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201  # what it is for


def shipped_mappings() -> dict[str, MarketMapping]:
    """The catalogue that ships, by canonical id."""
    text = shipped_catalogue().read_text(encoding="utf-8")
    return {one.canonical_id: one for one in load_catalogue(text)}


def sold_by_all(mappings: Mapping[str, MarketMapping], *, outcomes: int = 1) -> list[str]:
    """The mappings with an id of each bookmaker and so many outcomes or more, mixed, the same each time."""
    names = [
        name
        for name, one in mappings.items()
        if None not in (one.betpawa_id, one.sportybet_id, one.bet9ja_key)
        and len(one.outcomes) >= outcomes
    ]
    random.Random(1).shuffle(names)  # no secret
    return names
