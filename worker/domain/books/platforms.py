"""The three bookmakers, and what each calls a market's own id."""

from __future__ import annotations

from typing import Final, Literal, TypeGuard

Platform = Literal["betpawa", "sportybet", "bet9ja"]

PLATFORMS: Final[tuple[Platform, ...]] = ("betpawa", "sportybet", "bet9ja")


def is_platform(value: object) -> TypeGuard[Platform]:
    return value in PLATFORMS
