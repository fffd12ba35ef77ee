from datetime import UTC, datetime
from typing import Any

from schemas import MappingChanged
from tests.support.editing.table_view import fold


def change(version: int, name: str, *, gone: bool = False) -> MappingChanged:
    state: dict[str, Any] = {"canonical_id": name, "name": f"at {version}", "outcome_mapping": []}
    return MappingChanged.model_validate(
        {
            "schema_version": 1,
            "action": "DELETE" if gone else "UPDATE",
            "mapping_version": version,
            "canonical_id": name,
            "new": None if gone else state,
            "created_at": datetime(2026, 11, 22, tzinfo=UTC),
        }
    )


LOG = [change(1, "a"), change(2, "b"), change(3, "a"), change(4, "b", gone=True), change(5, "c")]


def names(changes: list[MappingChanged]) -> dict[str, str]:
    return {name: state.name for name, state in fold(changes).items()}


def test_the_newest_change_of_each_mapping_counts_and_a_deleted_one_is_gone() -> None:
    assert names(LOG) == {"a": "at 3", "c": "at 5"}


def test_a_compacted_topic_gives_the_same_table() -> None:
    assert fold(LOG[2:]) == fold(LOG)


def test_repetitions_and_latecomers_change_nothing() -> None:
    assert fold([*LOG, *LOG[:4]]) == fold(LOG)


def test_a_mapping_that_is_made_again_after_it_was_deleted_is_there() -> None:
    assert names([*LOG, change(6, "b")])["b"] == "at 6"
