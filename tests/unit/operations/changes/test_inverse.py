"""What takes a change set back is read from its audit rows."""

from datetime import UTC, datetime
from typing import Any

from worker.operations.changes.inverse import inverse_of
from worker.storage.audit import AuditRow

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
A: dict[str, Any] = {"id": 5, "canonical_id": "a", "name": "A"}
B: dict[str, Any] = {"id": 5, "canonical_id": "b", "name": "B"}


def change(version: int, action: str, old: Any, new: Any, name: str = "a") -> AuditRow:
    return AuditRow(version, 5, name, action, old, new, "why", NOON, "ann")


def test_what_was_created_is_to_be_deleted() -> None:
    (inverse,) = inverse_of([change(1, "CREATE", None, A)])
    assert (inverse.before, inverse.name, inverse.version) == (None, "a", 1)


def test_what_was_deleted_is_to_be_created_again() -> None:
    (inverse,) = inverse_of([change(2, "DELETE", A, None)])
    assert (inverse.before, inverse.name, inverse.canonical_id) == (A, None, "a")


def test_several_changes_of_a_mapping_go_back_to_before_the_first() -> None:
    middle = A | {"name": "AA"}
    steps = [change(1, "UPDATE", A, middle), change(2, "UPDATE", middle, A | {"name": "AAA"})]
    (inverse,) = inverse_of(steps)
    assert (inverse.before, inverse.version) == (A, 2)


def test_a_renamed_mapping_is_one_under_two_names() -> None:
    (inverse,) = inverse_of([change(1, "DELETE", A, None), change(2, "CREATE", None, B, "b")])
    assert (inverse.before, inverse.name, inverse.version) == (A, "b", 2)


def test_what_was_created_and_deleted_again_leaves_nothing() -> None:
    assert inverse_of([change(1, "CREATE", None, A), change(2, "DELETE", A, None)]) == []


def test_a_mapping_that_was_replaced_under_its_name_is_two() -> None:
    other = A | {"id": 6}
    found = inverse_of([change(1, "DELETE", A, None), change(2, "CREATE", None, other)])
    assert [(one.before, one.name) for one in found] == [(A, None), (None, "a")]


def test_values_that_cannot_be_read_are_left_alone() -> None:
    assert inverse_of([change(1, "UPDATE", "a value that is no row", None)]) == []
