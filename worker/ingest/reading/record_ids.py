"""What a record says of itself that its sender can find it by: its scrape and its event. Pure.

A dead letter carries both when they can be read, also when the rest of the envelope cannot.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from schemas.fields import LONGEST_IDENTIFIER, NO_CONTROL, NO_NUL

_SCRAPE_ID: Final = re.compile(NO_NUL)
_EVENT_ID: Final = re.compile(NO_CONTROL)


class RecordIds(NamedTuple):
    """``scrape_id`` and ``event.id`` of an observation; None for one that is absent or cannot be read."""

    scrape_id: str | None = None
    event_id: str | None = None


NO_IDS: Final = RecordIds()


def ids_in(document: Any) -> RecordIds:
    """Read the ids of a parsed record of any form, or of an envelope. Never raises."""
    if not isinstance(document, dict):
        return NO_IDS
    event = document.get("event")
    return RecordIds(
        _text(document.get("scrape_id"), _SCRAPE_ID),
        _text(event.get("id"), _EVENT_ID) if isinstance(event, dict) else None,
    )


def _text(value: Any, pattern: re.Pattern[str]) -> str | None:
    """Return an id that its field may hold. A whole number, a usual mistake, is read as its digits."""
    if type(value) is int:
        value = str(value)
    is_id = (
        isinstance(value, str)
        and len(value) <= LONGEST_IDENTIFIER
        and pattern.fullmatch(value) is not None
    )
    return value if is_id else None
