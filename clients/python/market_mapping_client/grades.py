"""How well the odds bear out each mapping at each bookmaker, from `mappings.evidence`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from .compacted_state import CompactedState, KafkaRecord
from .messages import EvidenceGrade, MappingGraded, grade_key
from .unreadable import UnreadableRecord, log_unreadable

GradedMapping = tuple[str, str]


class Grades(Mapping[GradedMapping, MappingGraded]):
    """The grades by canonical id and platform. What is not in it was not compared with anything.

    Pass it every record of the topic, in any order and as often as they come. One that cannot be read leaves
    the grade out, and is passed to ``on_unreadable``, which by default logs a warning.
    """

    def __init__(
        self, *, on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable
    ) -> None:
        self._graded = CompactedState(
            MappingGraded.model_validate_json,
            lambda one: (one.mapping_version, one.graded_at),
            on_unreadable,
        )

    def take(self, record: KafkaRecord) -> bool:
        """Return whether the record changes a grade."""
        return self._graded.take(record)

    def grade(self, canonical_id: str, platform: str) -> EvidenceGrade | None:
        """Return the grade of a mapping at a bookmaker; None if it was not compared with anything."""
        found = self.get((canonical_id, platform))
        return None if found is None else found.grade

    def __getitem__(self, mapping: GradedMapping) -> MappingGraded:
        canonical_id, platform = mapping
        found = self._graded.get(grade_key(platform, canonical_id).encode())
        if found is None:
            raise KeyError(mapping)
        return found

    def __iter__(self) -> Iterator[GradedMapping]:
        return ((one.canonical_id, one.platform) for one in self._graded)

    def __len__(self) -> int:
        return len(self._graded)
