"""Mistakes that senders make again and again: how each is recognised, and how it is put right. Pure.

The worker says what a record is not. This says what it probably is: a bookmaker's own reply, an observation
that was encoded twice, milliseconds in place of a time. It decides nothing: whether a record is refused, and
with which reason, is what the worker's own reading says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple, get_args

import orjson

from schemas import PLATFORMS, Event, Observation
from schemas.fields import number_of_entries, timestamp_text
from schemas.raw_reply import (
    BOOKMAKERS,
    MARKETS_ARE,
    UnknownReplyError,
    form_of_markets,
    observation_from_reply,
    part_of_reply,
    platform_of,
)

MistakeCode = Literal[
    "COMPRESSED",
    "ENCODED_TWICE",
    "LIST_OF_OBSERVATIONS",
    "RAW_REPLY",
    "MISSPELT_FIELD",
    "MISPLACED_FIELD",
    "EPOCH_TIME",
    "TIME_WITHOUT_OFFSET",
    "NUMBER_NOT_TEXT",
    "UNKNOWN_PLATFORM",
    "SWAPPED_PLATFORM",
]
MISTAKE_CODES: Final[tuple[MistakeCode, ...]] = get_args(MistakeCode)


class Mistake(NamedTuple):
    """What a fault probably is. ``field`` is a path in the observation, None for the whole record."""

    code: MistakeCode
    field: str | None
    what: str
    fix: str


# How compressed files begin, and what compressed them.
_MAGIC: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
# Other names of fields that senders use; names that only differ in their writing are found without a list.
_ALSO_CALLED: Final = {
    "timestamp": "observed_at",
    "scraped_at": "observed_at",
    "seen_at": "observed_at",
    "bookmaker": "platform",
    "book": "platform",
    "source": "platform",
    "odds": "markets",
}
_ALSO_CALLED_IN_EVENT: Final = {
    "event_id": "id",
    "home_team": "home",
    "home_team_name": "home",
    "away_team": "away",
    "away_team_name": "away",
    "start_time": "starts_at",
    "starts": "starts_at",
    "kickoff": "starts_at",
    "kick_off": "starts_at",
    "sr_id": "sportradar_id",
    "league": "competition",
    "tournament": "competition",
    "is_live": "live",
}
_OBSERVATION_FIELDS: Final = tuple(Observation.model_fields)
_EVENT_FIELDS: Final = tuple(Event.model_fields)
_CLOSE: Final = 0.82
_MOST_FIELDS: Final = 50  # of a hostile object
_LONGEST_NAME: Final = 40
_TIMES: Final = ("observed_at", "starts_at")
_IDS: Final = ("id", "sportradar_id")
# Digits of an epoch of the years 2001 to 2099, and how many of its units make a second.
_UNITS: Final = {10: ("seconds", 1), 13: ("milliseconds", 10**3), 16: ("microseconds", 10**6)}


def is_compressed(value: bytes) -> str | None:
    """What a value was compressed with; None when it does not begin like something compressed."""
    return next((name for magic, name in _MAGIC.items() if value.startswith(magic)), None)


def mistake_of_record(value: bytes | None) -> Mistake | None:
    """The mistake that makes a value no observation at all; None when it may be one."""
    if not value:
        return None
    name = is_compressed(value)
    if name is not None:
        return Mistake(
            "COMPRESSED",
            None,
            f"the value is compressed with {name}, not JSON",
            "send plain JSON and let the producer compress (compression.type; in aiokafka compression_type)",
        )
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return mistake_of_document(document)


def mistake_of_document(document: object) -> Mistake | None:
    """As ``mistake_of_record``, of a value that is JSON."""
    if isinstance(document, str):
        return _encoded_twice(document)
    if isinstance(document, list):
        return Mistake(
            "LIST_OF_OBSERVATIONS",
            None,
            f"the value is {number_of_entries(document)}, not one observation",
            "send each observation as a record of its own; in a file, one JSON document a line"
            " (jq -c '.[]' FILE)",
        )
    return _raw_reply(document) if isinstance(document, dict) else None


def _encoded_twice(text: str) -> Mistake | None:
    try:
        inner = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(inner, (dict, list)):
        return None
    return Mistake(
        "ENCODED_TWICE",
        None,
        "the value is a JSON text that holds JSON: it was encoded twice",
        "encode the observation once (json.dumps of the object, not of its text)",
    )


def _raw_reply(document: Mapping[str, Any]) -> Mistake | None:
    platform = platform_of(document)
    if platform is not None:
        try:
            observation_from_reply(document, datetime(2000, 1, 1, tzinfo=UTC), platform=platform)
        except UnknownReplyError as error:
            return Mistake(
                "RAW_REPLY", None, f"this is a reply without an event: {error}", "do not publish it"
            )
        except ValueError:  # the reply says something of its event that an observation must not
            pass
        return Mistake(
            "RAW_REPLY",
            None,
            f"this is {BOOKMAKERS[platform]}'s own reply, not an observation",
            f"wrap it: marketmap wrap FILE, or observation_from_{platform} of the client kit",
        )
    inner = part_of_reply(document)
    if inner is None:
        return None
    bookmaker, name = inner
    return Mistake(
        "RAW_REPLY",
        None,
        f"this looks like {name} of {BOOKMAKERS[bookmaker]}'s reply, not like an observation",
        "keep the whole reply and wrap it: marketmap wrap FILE, or"
        f" observation_from_{bookmaker} of the client kit",
    )


def mistakes_of_fields(document: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield a mistake for each field of the envelope that holds one, in the order of the fields."""
    yield from _misspelt(document, _OBSERVATION_FIELDS, _ALSO_CALLED, "")
    event = document.get("event")
    in_event = event if isinstance(event, dict) else {}
    yield from _misspelt(in_event, _EVENT_FIELDS, _ALSO_CALLED_IN_EVENT, "event.")
    yield from _misplaced(document, in_event)
    yield from _times(document, "")
    yield from _times(in_event, "event.")
    yield from _numbers(in_event)
    platform = _platform(document)
    if platform is not None:
        yield platform


def _misspelt(
    found: Mapping[str, Any], fields: tuple[str, ...], also: Mapping[str, str], path: str
) -> Iterator[Mistake]:
    for name in list(found)[:_MOST_FIELDS]:
        if name in fields or len(name) > _LONGEST_NAME:
            continue
        meant = _meant(name, fields, also)
        if meant is not None and meant not in found:
            yield Mistake(
                "MISSPELT_FIELD",
                f"{path}{meant}",
                f'is missing, and "{path}{name}" is no field',
                f'did you mean "{meant}"? Rename "{name}"',
            )


def _meant(name: str, fields: tuple[str, ...], also: Mapping[str, str]) -> str | None:
    written = _snake(name)
    if written in fields:
        return written
    if written in also:
        return also[written]
    plain = written.replace("_", "")
    by_plain = {field.replace("_", ""): field for field in fields}
    if plain in by_plain:
        return by_plain[plain]
    close = get_close_matches(written, fields, n=1, cutoff=_CLOSE)
    return close[0] if close else None


def _snake(name: str) -> str:
    """``observedAt``, ``observed-at`` and ``Observed At`` as ``observed_at``."""
    separated = "".join(
        f"_{character}" if character.isupper() and before.islower() else character
        for before, character in zip(" " + name, name, strict=False)
    )
    return "_".join(separated.replace("-", "_").replace(" ", "_").lower().split("_")).strip("_")


def _misplaced(document: Mapping[str, Any], event: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield fields of the event that are next to it; ``eventId`` is its id."""
    names = {
        _snake(name): name for name in list(document)[:_MOST_FIELDS] if len(name) <= _LONGEST_NAME
    }
    for written, name in names.items():
        if name in _OBSERVATION_FIELDS or written in _ALSO_CALLED:
            continue
        meant = _ALSO_CALLED_IN_EVENT.get(written, written)
        if meant in _EVENT_FIELDS and meant not in event:
            yield Mistake(
                "MISPLACED_FIELD",
                f"event.{meant}",
                f'is missing, and "{name}" is not inside event',
                f'put it there: "event": {{"{meant}": ...}}',
            )


def _times(found: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    for name in _TIMES:
        if name not in found:
            continue
        value = found[name]
        epoch = _epoch(value)
        without_offset = _without_offset(value) if isinstance(value, str) else None
        if epoch is not None:
            unit, moment = epoch
            yield Mistake(
                "EPOCH_TIME",
                f"{path}{name}",
                f"{value} is a number of {unit} since 1970",
                f'write "{moment}"',
            )
        elif without_offset is not None:
            yield Mistake(
                "TIME_WITHOUT_OFFSET",
                f"{path}{name}",
                f'"{value}" has no UTC offset',
                f'write "{without_offset}Z" if it is UTC,'
                f' "{without_offset}+01:00" if it is the time of Lagos',
            )


def _epoch(value: object) -> tuple[str, str] | None:
    """The unit of an epoch of our time, and the time as an observation writes it."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    digits = (
        value
        if isinstance(value, str)
        else f"{value:.6f}"
        if isinstance(value, float)
        else str(value)
    )
    whole, _, fraction = digits.partition(".")
    if not (whole.isascii() and whole.isdigit()) or whole[0] == "0" or len(whole) not in _UNITS:
        return None
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    unit, units_a_second = _UNITS[len(whole)]
    seconds, rest = divmod(int(whole), units_a_second)
    microseconds = rest * (10**6 // units_a_second)
    if fraction and units_a_second == 1:
        microseconds = int(fraction[:6].ljust(6, "0"))
    if seconds >= _YEAR_2100:
        return None
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return unit, timestamp_text(moment)


_YEAR_2100: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


def _without_offset(text: str) -> str | None:
    """A time that only lacks its offset, as RFC 3339 writes it; None for any other text."""
    if len(text) > _LONGEST_NAME or len(text) < len("2026-11-22T12:00"):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is not None else moment.isoformat()


def _numbers(event: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in _IDS:
        value = event.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
            yield Mistake(
                "NUMBER_NOT_TEXT", f"event.{name}", f"{value} is a number", f'write "{value}"'
            )


def _platform(document: Mapping[str, Any]) -> Mistake | None:
    if "platform" not in document:
        return None
    named, form = document["platform"], form_of_markets(document.get("markets"))
    if named in PLATFORMS:
        if form is None or form == named:
            return None
        return Mistake(
            "SWAPPED_PLATFORM",
            "platform",
            f'says "{named}", but the markets are in the form of {form}',
            f'write "platform": "{form}", or, if it is {named}, put {MARKETS_ARE[named]} of its reply'
            " into markets",
        )
    if not isinstance(named, str):
        return None
    plain = "".join(character for character in named.lower() if character.isalnum())
    close = get_close_matches(plain, PLATFORMS, n=1, cutoff=_CLOSE)
    meant: str | None = form or (close[0] if close else None)
    names = ", ".join(PLATFORMS)
    return Mistake(
        "UNKNOWN_PLATFORM",
        "platform",
        f'"{named[:_LONGEST_NAME]}" is none of {names}',
        f'did you mean "{meant}"?' if meant else f"write one of {names}",
    )
