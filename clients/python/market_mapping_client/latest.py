"""The newest state of each event of each platform. Pure."""

from datetime import datetime

from .messages import ResolvedEvent


class Latest:
    """Takes resolved events in any order and as often as they come."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str], ResolvedEvent] = {}

    def take(self, event: ResolvedEvent) -> bool:
        """Whether the event is newer than what was known: neither a repetition nor an older state."""
        key = (event.platform, event.event.id)
        known = self._events.get(key)
        if known is not None and _age(event) <= _age(known):
            return False
        self._events[key] = event
        return True


def _age(event: ResolvedEvent) -> tuple[datetime, int]:
    return event.observed_at, event.mapping_version
