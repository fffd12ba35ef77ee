"""The names of the bookmakers, as data has them."""

from __future__ import annotations

from typing import Final, Literal, TypeGuard, get_args

Platform = Literal["betpawa", "sportybet", "bet9ja"]

PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)


def is_platform(value: object) -> TypeGuard[Platform]:
    return value in PLATFORMS
