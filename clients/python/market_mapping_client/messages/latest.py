"""`odds.latest`: a compacted topic with the newest ResolvedEvent of each event, or of each part of one.

Keys, and what a tombstone says in its headers. A tombstone has no value, so that compaction can remove it;
the headers say why it is there and up to which moment.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args
from urllib.parse import quote, unquote

from .fields import PLATFORMS, Platform

TOMBSTONE_HEADER: Final = "marketmap-tombstone"
OBSERVED_AT_HEADER: Final = "marketmap-observed-at"
# On a part of a snapshot that is not whole yet: of when the newest whole one is. The process itself needs it.
WHOLE_AT_HEADER: Final = "marketmap-whole-at"

TombstoneReason = Literal["ended", "unseen", "replaced"]
TOMBSTONE_REASONS: Final[dict[TombstoneReason, str]] = {
    "ended": "The event has finished or was cancelled, as of `marketmap-observed-at`.",
    "unseen": "The event was not seen for too long, last at `marketmap-observed-at`.",
    "replaced": "A newer snapshot, of `marketmap-observed-at`, has other parts.",
}
# What stands for itself in a key, next to letters and digits. "/" does not: it comes before a part.
_PLAIN: Final = " !\"#$&'()*+,:;<=>?@[\\]^`{|}"
_REASONS: Final = get_args(TombstoneReason)


class LatestKey(NamedTuple):
    """What a key of `odds.latest` names; ``number`` is that of a part, 0 for an event that has none."""

    platform: Platform
    event_id: str
    number: int


def latest_key(platform: str, event_id: str, number: int = 0) -> bytes:
    """`platform:event id`, for a part `platform:event id/number`; `/` and `%` of an id are escaped."""
    part = f"/{number}" if number else ""
    return f"{platform}:{quote(event_id, safe=_PLAIN, encoding='utf-8')}{part}".encode()


def parse_latest_key(key: bytes) -> LatestKey | None:
    """What a key names; None for one that ``latest_key`` never writes."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    named, _, rest = text.partition(":")
    escaped, _, digits = rest.partition("/")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else 0
    for platform in PLATFORMS:
        found = LatestKey(platform, unquote(escaped), number)
        if platform == named and escaped and latest_key(*found) == key:
            return found
    return None


def tombstone_reason(value: str) -> TombstoneReason | None:
    """A reason as the header has it; None for any other text."""
    return next((reason for reason in _REASONS if reason == value), None)
