"""Wrong types at every field: of the envelope it costs the record, of a market only that market."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final, NamedTuple

from schemas import DeadReason
from tests.support.markets import betpawa, betpawa_row, observation, sportybet
from worker.domain.books.platforms import PLATFORMS, Platform

VALUES: Final[tuple[Any, ...]] = (None, True, 0, -1.5, "", "text", [], {}, [None], {"a": None})
_TEXT: Final = ("", "text")
_NOTHING: Final = (None,)

GOOD_MARKETS: Final[dict[Platform, Any]] = {
    "sportybet": [sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})],
    "betpawa": [betpawa("3743", betpawa_row(None, **{"1": 2.1, "X": 3.2, "2": 3.6}))],
    "bet9ja": {"S_1X2_1": "2.1", "S_1X2_X": "3.2", "S_1X2_2": "3.6"},
}

# By field: the values that are right. schema_version 0 and the text of platform have reasons of their own.
_RIGHT_OF_EVENT: Final[dict[str, tuple[Any, ...]]] = {
    "id": ("text",),
    "sportradar_id": _NOTHING,
    "home": _NOTHING + _TEXT,
    "away": _NOTHING + _TEXT,
    "starts_at": _NOTHING,
    "sport": _NOTHING + _TEXT,
    "competition": _NOTHING + _TEXT,
    "live": (None, True),
    "status": _NOTHING,
}
_RIGHT_OF_ENVELOPE: Final[dict[str, tuple[Any, ...]]] = {
    "schema_version": (0,),
    "platform": _TEXT,
    "observed_at": (),
    "scrape_id": _NOTHING + _TEXT,
    "event": (),
    "part": _NOTHING,
}

# A market that no other entry of a good record speaks of, in which one field is then replaced.
_SPOILT: Final[dict[Platform, Any]] = {
    "sportybet": sportybet(
        "18", "total=2.5", name="Over/Under", prices={"Over 2.5": "1.98"}, product=3
    ),
    "betpawa": betpawa("5000", betpawa_row(10, Over=1.98), name="Over/Under"),
}
_PATHS: Final[dict[Platform, tuple[tuple[Any, ...], ...]]] = {
    "sportybet": (
        (),
        ("id",),
        ("specifier",),
        ("name",),
        ("status",),
        ("product",),
        ("outcomes",),
        ("outcomes", 0),
        ("outcomes", 0, "desc"),
        ("outcomes", 0, "odds"),
        ("outcomes", 0, "isActive"),
    ),
    "betpawa": (
        (),
        ("marketType",),
        ("marketType", "id"),
        ("marketType", "name"),
        ("row",),
        ("row", 0),
        ("row", 0, "handicap"),
        ("row", 0, "prices"),
        ("row", 0, "prices", 0),
        ("row", 0, "prices", 0, "name"),
        ("row", 0, "prices", 0, "price"),
        ("row", 0, "prices", 0, "suspended"),
    ),
}


class Spoilt(NamedTuple):
    """A record in which one field has a value of the wrong type; without a ``reason`` it is resolved."""

    name: str
    platform: Platform
    value: bytes
    reason: DeadReason | None


def spoilt_envelopes() -> Iterator[Spoilt]:
    for platform in PLATFORMS:
        for field, right in _RIGHT_OF_ENVELOPE.items():
            yield from _each(platform, (field,), right, "INVALID_FIELD")
        for field, right in _RIGHT_OF_EVENT.items():
            yield from _each(platform, ("event", field), right, "INVALID_FIELD")
        container: tuple[Any, ...] = ({}, {"a": None}) if platform == "bet9ja" else ([], [None])
        yield from _each(platform, ("markets",), container, "WRONG_SHAPE")
        names: tuple[Any, ...] = (None, {}) if platform == "bet9ja" else _NOTHING
        yield from _each(platform, ("market_names",), names, "INVALID_FIELD")


def spoilt_markets() -> Iterator[Spoilt]:
    """Good records, each with one entry that is not: they are resolved as if it were not there."""
    for platform, spoilt in _SPOILT.items():
        for path in _PATHS[platform]:
            for value in VALUES:
                name = _named(platform, ("market", *path), value)
                document = _document(platform, name)
                document["markets"].append(_replaced(spoilt, path, value))
                yield Spoilt(name, platform, _bytes(document), None)
    for value in VALUES:
        for key in ("S_OU@2.5_O", "S_OU@2.5_", "S_OU@_O", "_", "S_"):
            name = _named("bet9ja", (key,), value)
            document = _document("bet9ja", name)
            document["markets"][key] = value
            yield Spoilt(name, "bet9ja", _bytes(document), None)


def _each(
    platform: Platform, path: tuple[str, ...], right: tuple[Any, ...], reason: DeadReason
) -> Iterator[Spoilt]:
    for value in VALUES:
        if any(value is one or (type(value) is type(one) and value == one) for one in right):
            continue
        name = _named(platform, path, value)
        document = _replaced(_document(platform, name), path, value)
        yield Spoilt(name, platform, _bytes(document), reason)


def _document(platform: Platform, event_id: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        observation(platform, GOOD_MARKETS[platform], id=event_id)
    )
    return document


def _replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copied = deepcopy(document)
    place = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copied


def _bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def _named(platform: Platform, path: tuple[Any, ...], value: Any) -> str:
    return f"{platform} {'.'.join(map(str, path))} = {json.dumps(value)}"
