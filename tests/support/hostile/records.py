"""Records as no sender should write them, and the reason that each is dead-lettered for."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from schemas import DeadReason
from tests.support.hostile.fields import spoilt_envelopes

Headers = list[tuple[str, bytes | None]]

LARGEST: Final = 3 * 1024 * 1024
_TWO_MB: Final = 2 * 1024 * 1024
_ABSENT: Final = object()
_EVENT: Final = {"id": "hostile", "home": "Wuhan Three Towns FC", "away": "Qingdao Hainiu FC"}
_ENVELOPE: Final = {
    "schema_version": 1,
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00Z",
    "event": _EVENT,
    "markets": [],
}


class Hostile(NamedTuple):
    """A record and the reason for which it must be dead-lettered."""

    name: str
    platform: str
    key: bytes | None
    value: bytes | None
    reason: DeadReason
    headers: Headers = []  # noqa: RUF012  # nobody changes it


def body(**fields: Any) -> bytes:
    """An observation's bytes with these fields of the envelope; ``_ABSENT`` leaves one out."""
    document = {
        name: value for name, value in ({**_ENVELOPE, **fields}).items() if value is not _ABSENT
    }
    return json.dumps(document).encode()


def event(**fields: Any) -> bytes:
    merged = {name: value for name, value in ({**_EVENT, **fields}).items() if value is not _ABSENT}
    return body(event=merged)


def with_raw(raw: bytes) -> bytes:
    """A good observation but for a field whose value is written just so."""
    return body()[:-1] + b', "extra": ' + raw + b"}"


def _bytes() -> dict[str, tuple[DeadReason, bytes | None]]:
    label = [{"id": "1", "outcomes": [{"desc": "Ho\x00me", "odds": "1.5"}]}]
    return {
        "nul in a label": ("NUL_CHARACTER", body(markets=label)),
        "nul in the name of a field": ("NUL_CHARACTER", body(markets=[{"i\x00d": 1}])),
        "nul in the envelope": ("NUL_CHARACTER", event(home="a\x00b")),
        "lone high surrogate": ("INVALID_JSON", event(home="\ud800")),
        "lone low surrogate": ("INVALID_JSON", body(markets=[{"id": "\udfff"}])),
        "NaN": ("INVALID_JSON", with_raw(b"NaN")),
        "Infinity": ("INVALID_JSON", with_raw(b"-Infinity")),
        "1e999": ("INVALID_JSON", with_raw(b"1e999")),
        "integer of 5,000 digits": ("INVALID_JSON", with_raw(b"9" * 5000)),
        "nesting of 100,000": ("INVALID_JSON", with_raw(b"[" * 100_000 + b"]" * 100_000)),
        "objects nested 100,000 deep": (
            "INVALID_JSON",
            with_raw(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ),
        "tombstone": ("TOMBSTONE", None),
        "empty": ("EMPTY", b""),
        "blanks": ("EMPTY", b" \r\n\t "),
        "invalid utf-8": ("INVALID_UTF8", body().replace(b"Wuhan", b"Wuh\xff\xfe")),
        "latin-1": ("INVALID_UTF8", body().replace(b"Wuhan", b"M\xfcnchen")),
        "utf-16": ("INVALID_UTF8", body().decode().encode("utf-16")),
        "byte order mark": ("INVALID_JSON", b"\xef\xbb\xbf" + body()),
        "cut short": ("INVALID_JSON", body()[:-1]),
        "two documents": ("INVALID_JSON", body() + body()),
        "a zipped body": ("INVALID_UTF8", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"),
        "a list": ("NOT_AN_OBJECT", b"[" + body() + b"]"),
        "a text": ("NOT_AN_OBJECT", b'"observation"'),
        "null": ("NOT_AN_OBJECT", b"null"),
        "a number": ("NOT_AN_OBJECT", b"1"),
        "an empty object": ("INVALID_FIELD", b"{}"),
        "larger than is read": ("TOO_LARGE", body() + b" " * LARGEST),
        "a text of 2 MB": ("NOT_AN_OBJECT", b'"' + b"x" * _TWO_MB + b'"'),
        "a name of 2 MB": ("INVALID_FIELD", event(home="x" * _TWO_MB)),
        "an id of 2 MB": ("INVALID_FIELD", event(id="x" * _TWO_MB)),
        "a platform of 2 MB": ("UNSUPPORTED_PLATFORM", body(platform="x" * _TWO_MB)),
        "a time of 2 MB": ("INVALID_FIELD", body(observed_at="2" * _TWO_MB)),
        "markets of 2 MB of text": ("WRONG_SHAPE", body(markets="x" * _TWO_MB)),
        "2 MB of empty lists": ("WRONG_SHAPE", body(markets=[[]] * 500_000)),
        "2 MB of no JSON": ("INVALID_JSON", b"{" * _TWO_MB),
    }


def _fields() -> dict[str, tuple[DeadReason, bytes]]:
    wrong_envelopes: list[tuple[str, Any, DeadReason]] = [
        ("schema_version", "1", "INVALID_FIELD"),
        ("schema_version", True, "INVALID_FIELD"),
        ("schema_version", None, "INVALID_FIELD"),
        ("schema_version", 2, "UNSUPPORTED_VERSION"),
        (
            "schema_version",
            -(10**30),
            "INVALID_FIELD",
        ),  # beyond 64 bits a number is read as a float
        ("platform", _ABSENT, "INVALID_FIELD"),
        ("platform", 1, "INVALID_FIELD"),
        ("platform", ["sportybet"], "INVALID_FIELD"),
        ("platform", None, "INVALID_FIELD"),
        ("platform", "betway", "UNSUPPORTED_PLATFORM"),
        ("platform", "SportyBet", "UNSUPPORTED_PLATFORM"),
        ("observed_at", _ABSENT, "INVALID_FIELD"),
        ("observed_at", 1795348800, "INVALID_FIELD"),
        ("observed_at", "2026-11-22T12:00:00", "INVALID_FIELD"),
        ("observed_at", "2026-02-30T12:00:00Z", "INVALID_FIELD"),
        ("observed_at", "1999-12-31T23:59:59Z", "INVALID_FIELD"),
        ("observed_at", "yesterday", "INVALID_FIELD"),
        ("scrape_id", 7, "INVALID_FIELD"),
        ("scrape_id", "x" * 101, "INVALID_FIELD"),
        ("event", _ABSENT, "INVALID_FIELD"),
        ("event", None, "INVALID_FIELD"),
        ("event", [], "INVALID_FIELD"),
        ("event", "sr:match:1", "INVALID_FIELD"),
        ("event", {}, "INVALID_FIELD"),
        ("markets", _ABSENT, "INVALID_FIELD"),
        ("markets", None, "WRONG_SHAPE"),
        ("markets", "[]", "WRONG_SHAPE"),
        ("markets", {"S_1X2_1": "1.5"}, "WRONG_SHAPE"),
        ("market_names", {"S_1X2": "1X2"}, "INVALID_FIELD"),
        ("market_names", [], "INVALID_FIELD"),
        ("part", 1, "INVALID_FIELD"),
        ("part", {"number": 1}, "INVALID_FIELD"),
        ("part", {"number": 3, "of": 2}, "INVALID_FIELD"),
        ("part", {"number": 0, "of": 2}, "INVALID_FIELD"),
        ("part", {"number": "1", "of": 2}, "INVALID_FIELD"),
        ("part", {"number": 1.0, "of": 2}, "INVALID_FIELD"),
        ("part", {"number": 1, "of": 1001}, "INVALID_FIELD"),
    ]
    wrong_events: list[tuple[str, Any]] = [
        ("id", _ABSENT),
        ("id", 68995116),
        ("id", ""),
        ("id", "a\nb"),
        ("id", "x" * 101),
        ("sportradar_id", 68995116),
        ("sportradar_id", "sr:match:1"),
        ("home", 5),
        ("home", "x" * 256),
        ("away", ["Qingdao"]),
        ("starts_at", "soon"),
        ("sport", {}),
        ("competition", False),
        ("live", "yes"),
        ("live", 1),
        ("status", "ended"),
        ("status", "Live"),
        ("status", 1),
    ]
    envelopes = {
        f"{name} is {_told(value)}": (reason, body(**{name: value}))
        for name, value, reason in wrong_envelopes
    }
    events: dict[str, tuple[DeadReason, bytes]] = {
        f"event.{name} is {_told(value)}": ("INVALID_FIELD", event(**{name: value}))
        for name, value in wrong_events
    }
    return envelopes | events


def _told(value: Any) -> str:
    return "absent" if value is _ABSENT else repr(value)[:24]


def _other_platforms() -> list[Hostile]:
    """Markets in another platform's form, under a platform's name and on its topic."""
    of_betpawa = [
        {"marketType": {"id": "3743"}, "row": [{"prices": [{"name": "1", "price": 1.5}]}]}
    ]
    of_sportybet = [{"id": "1", "outcomes": [{"desc": "Home", "odds": "1.5", "isActive": 1}]}]
    of_bet9ja = {"S_1X2_1": "1.5"}
    mixed = [
        ("sportybet", of_betpawa),
        ("sportybet", of_bet9ja),
        ("betpawa", of_sportybet),
        ("betpawa", of_bet9ja),
        ("bet9ja", of_betpawa),
        ("bet9ja", {"markets": of_sportybet}),
    ]
    return [
        Hostile(
            f"foreign {number}",
            platform,
            b"k%d" % number,
            body(platform=platform, markets=m),
            "WRONG_SHAPE",
        )
        for number, (platform, m) in enumerate(mixed)
    ]


def _wrong_types() -> list[Hostile]:
    return [
        Hostile(name, platform, name.encode(), value, reason)
        for name, platform, value, reason in spoilt_envelopes()
        if reason is not None
    ]


def hostile_records() -> list[Hostile]:
    """Every kind, spread over the topics of the three platforms, with keys and headers to be kept."""
    platforms = ("sportybet", "betpawa", "bet9ja")
    wrong = [
        Hostile(name, platforms[n % 3], b"key %d" % n, value, reason, [("trace", b"%d" % n)])
        for n, (name, (reason, value)) in enumerate({**_bytes(), **_fields()}.items())
    ]
    no_headers: Headers = []
    strange: Headers = [
        ("", b""),
        ("null", None),
        ("binary", b"\xff\x00\xfe"),
        ("twice", b"1"),
        ("twice", b"2"),
    ]
    return [
        *wrong,
        *_other_platforms(),
        *_wrong_types(),
        Hostile("tombstone without a key", "betpawa", None, None, "TOMBSTONE", no_headers),
        Hostile("no key", "sportybet", None, b"not json", "INVALID_JSON", no_headers),
        Hostile("an empty key", "sportybet", b"", b"{", "INVALID_JSON", no_headers),
        Hostile("a binary key", "bet9ja", b"\x00\xff\x80", b"[]", "NOT_AN_OBJECT", no_headers),
        Hostile("strange headers", "betpawa", b"strange", b"{]", "INVALID_JSON", strange),
        Hostile(
            "content type",
            "sportybet",
            b"typed",
            b"no json",
            "INVALID_JSON",
            [("content-type", b"text/plain")],
        ),
    ]
