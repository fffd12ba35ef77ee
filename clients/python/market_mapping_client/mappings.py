"""A copy of the mapping table, from `mappings.changes`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .compacted_state import CompactedState, KafkaRecord
from .messages import MappingChanged, MappingState
from .unreadable import UnreadableRecord, log_unreadable


class Mappings(Mapping[str, MappingState]):
    """The rows of the table by canonical id, in use or switched off.

    Pass it every record of the topic, in any order and as often as they come. One that cannot be read leaves
    the mapping out, and is passed to ``on_unreadable``, which by default logs a warning.
    """

    def __init__(
        self, *, on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable
    ) -> None:
        self._changes = CompactedState(
            MappingChanged.model_validate_json,
            lambda change: change.mapping_version,
            on_unreadable,
        )
        self.version = 0

    def take(self, record: KafkaRecord) -> bool:
        """Return whether the record changes the table."""
        is_new = self._changes.take(record)
        newest = self._changes.get(record.key or b"")
        if newest is not None:
            self.version = max(self.version, newest.mapping_version)
        return is_new

    def __getitem__(self, canonical_id: str) -> MappingState:
        change = self._changes.get(canonical_id.encode())
        if change is None or change.new is None:
            raise KeyError(canonical_id)
        return change.new

    def __iter__(self) -> Iterator[str]:
        return (change.canonical_id for change in self._changes if change.new is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)
