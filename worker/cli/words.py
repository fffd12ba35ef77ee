"""Numbers with the word for what they count. Pure."""

from __future__ import annotations


def noun_of(number: float, noun: str, plural: str | None = None) -> str:
    """Return the word that agrees with the number: one ``market``, all others ``markets``."""
    return noun if number == 1 else plural or f"{noun}s"


def number_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 market``, ``2,000 markets``."""
    return f"{number:,} {noun_of(number, noun, plural)}"
