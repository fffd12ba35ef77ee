"""BetPawa's labels in French."""

from __future__ import annotations

from typing import Final

_LABELS: Final = {
    "Over": "Plus de",
    "Under": "Moins de",
    "Yes": "Oui",
    "No": "Non",
    "Odd": "Impair",
    "Even": "Pair",
}
_SIDES: Final = {"Home": "Domicile", "Away": "Extérieur"}
# Ids whose outcomes no mapping names by their ids, so that a label in French says nothing.
NO_NAMED_IDS: Final = frozenset(
    ("1096764", "1096765", "1096766", "1096778", "1096780", "1096790", "4961", "4964", "4979")
)


def in_french(label: str) -> str | None:
    """The label in French; None when it is the same."""
    return _LABELS.get(label)


def shown_in_french(shown: str) -> str:
    """What is shown next to a price of a three-way handicap: ``Domicile -2``."""
    side, _, line = shown.partition(" ")
    return f"{_SIDES[side]} {line}" if side in _SIDES else shown
