"""Why a suggestion is not confident: a closed list of codes, and their words. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

NotConfident = Literal[
    "NOT_THE_FIRST",
    "TOO_FEW_EVENTS",
    "ONE_KIND_OF_EVIDENCE",
    "PRICES_APART",
    "LABELS_UNPAIRED",
    "LABELS_OR_NAME_UNLIKE",
    "ANOTHER_IS_NEAR",
    "SOLD_UNDER_ANOTHER_ID",
]

LEAST_EVENTS: Final = 5
WORDS: Final[dict[NotConfident, str]] = {
    "NOT_THE_FIRST": "another candidate is nearer",
    "TOO_FEW_EVENTS": f"fewer than {LEAST_EVENTS} events",
    "ONE_KIND_OF_EVIDENCE": "one kind of evidence alone",
    "PRICES_APART": "its prices are too far from the references",
    "LABELS_UNPAIRED": "labels without an outcome",
    "LABELS_OR_NAME_UNLIKE": "labels, name or prices compared say too little for it",
    "ANOTHER_IS_NEAR": "another candidate is about as near",
    "SOLD_UNDER_ANOTHER_ID": "the bookmaker sells this bet under another id",
}


def in_words(codes: Iterable[NotConfident]) -> str:
    """Return the reasons as a phrase; empty without any."""
    return ", ".join(WORDS[one] for one in codes)


def known_codes(stored: object) -> tuple[NotConfident, ...]:
    """Return what is a code of all that was stored, in the order of the list."""
    return tuple(one for one in WORDS if isinstance(stored, list) and one in stored)
