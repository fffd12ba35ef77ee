"""Rewrites what a bookmaker has written into other forms of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.shapes import bet9ja, betpawa, sportybet

if TYPE_CHECKING:
    from random import Random

    from worker.lab.synthetic.expected import AnswerSheet


def reshape(platform: str, markets: Any, answers: AnswerSheet, rng: Random) -> frozenset[str]:
    """Rewrite the markets of an event in place, with their truth; the forms that they have now."""
    if platform == "betpawa":
        return betpawa.reshape(markets, answers, rng)
    if platform == "sportybet":
        return sportybet.reshape(markets, rng)
    return bet9ja.reshape(markets, answers, rng)
