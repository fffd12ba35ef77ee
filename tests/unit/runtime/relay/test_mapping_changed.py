from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas import ID_HEADER, MappingChanged
from worker.kafka.record import Outgoing
from worker.runtime.relay.mapping_changed import UnpublishableChangeError, mapping_changed
from worker.storage.columns.json_columns import UnusableJson
from worker.storage.columns.time_columns import LATEST

ROW: dict[str, Any] = {
    "id": 12,
    "canonical_id": "over_under_ft",
    "name": "Over/Under - Full Time",
    "betpawa_id": "5000",
    "sportybet_id": "18",
    "bet9ja_key": None,
    "outcome_mapping": [{"canonical_id": "over", "sportybet_desc": "Over", "position": 0}],
    "priority": 0,
    "is_active": True,
    "created_at": "2026-11-22T12:00:00.123456+00:00",
    "updated_at": "2026-11-22T12:00:00+00:00",
    "created_by": None,
    "line_rule": {"kind": "total"},
    "a_later_column": 1,
}


@dataclass
class Row:
    id: int = 4711
    canonical_id: str = "over_under_ft"
    action: str = "UPDATE"
    old_value: Any = None
    new_value: Any = None
    reason: str | None = "new label"
    created_at: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    created_by: str | None = "ada"
    login: str | None = "editor_ada"


def encode(max_bytes: int = 1_000_000, **row: Any) -> Outgoing:
    return mapping_changed("changes", Row(**row), max_bytes=max_bytes).output


def read(outgoing: Outgoing) -> MappingChanged:
    return MappingChanged.model_validate_json(outgoing.value or b"")


def test_the_message_is_the_audit_row() -> None:
    change = read(encode(old_value=ROW | {"priority": 3}, new_value=ROW))
    assert (change.mapping_version, change.action, change.created_by) == (4711, "UPDATE", "ada")
    assert change.login == "editor_ada"
    assert change.old is not None
    assert change.new is not None
    assert (change.old.priority, change.new.priority) == (3, 0)
    assert change.new.line_rule == {"kind": "total"}


def test_what_a_mapping_declares_of_its_market_is_in_the_message() -> None:
    traits = {
        "family": "total",
        "period": "ft",
        "subject": "match",
        "counts": "sendings_off",
        "line": "total",
        "exhaustive": True,
        "exclusive": True,
        "push": None,
        "settlement": "Bet9ja counts extra time as well.",
    }
    change = read(encode(new_value=ROW | {"traits": traits}))
    assert change.new is not None
    assert change.new.traits is not None
    assert change.new.traits.model_dump(exclude_none=True, exclude={"sport"}) == {
        name: value for name, value in traits.items() if value is not None
    }


def test_it_is_keyed_by_canonical_id_and_carries_its_version_as_its_id() -> None:
    outgoing = encode(new_value=ROW)
    assert (outgoing.topic, outgoing.key) == ("changes", b"over_under_ft")
    headers = dict(outgoing.headers)
    assert headers[ID_HEADER] == headers["ce_id"] == b"mapping_audit_log/4711"
    assert headers["ce_type"] == b"marketmap.mapping_changed.v1"


def test_a_deletion_is_a_message_and_no_tombstone() -> None:
    change = read(encode(action="DELETE", old_value=ROW))
    assert (change.action, change.new) == ("DELETE", None)


def test_columns_that_the_schema_does_not_have_stay_out() -> None:
    assert "a_later_column" not in orjson.loads(encode(new_value=ROW).value or b"")["new"]


@pytest.mark.parametrize(
    "broken", [7, None, "x", [], {}, {"canonical_id": None}, {"sportybet_desc": "Yes"}]
)
def test_of_a_broken_row_the_well_formed_outcomes_are_told(broken: Any) -> None:
    rows = [broken, *ROW["outcome_mapping"]]
    change = read(encode(new_value=ROW | {"outcome_mapping": rows}))
    assert change.new is not None
    assert [outcome.canonical_id for outcome in change.new.outcome_mapping] == ["over"]


def test_what_does_not_fit_loses_the_old_state_first_and_then_the_lists() -> None:
    large = ROW | {"outcome_mapping": ROW["outcome_mapping"] * 100}
    whole = len(encode(old_value=large, new_value=large).value or b"")
    without_old = read(encode(whole - 1, old_value=large, new_value=large))
    assert (without_old.old, len(without_old.new.outcome_mapping if without_old.new else ())) == (
        None,
        100,
    )
    without_lists = read(encode(2000, old_value=large, new_value=large))
    assert without_lists.new is not None
    assert (without_lists.new.name, without_lists.new.outcome_mapping) == (ROW["name"], [])


@pytest.mark.parametrize(
    "old", [{}, {"outcome_mapping": None}, {"outcome_mapping": {}}, [], 7, "x"]
)
def test_an_audit_row_of_another_form_is_no_obstacle(old: Any) -> None:
    change = read(encode(old_value=old, new_value=ROW))
    assert change.old is None or (change.old.name, change.old.outcome_mapping) == (
        "over_under_ft",
        [],
    )


@pytest.mark.parametrize("spoilt", [{"position": 10**20}, {"extra": 10**20}, {"position": 2**63}])
def test_an_outcome_that_cannot_be_encoded_is_left_out(spoilt: dict[str, Any]) -> None:
    outcome = {"canonical_id": "under", "sportybet_desc": "Under"}
    change = read(encode(new_value=ROW | {"outcome_mapping": [outcome | spoilt, outcome]}))
    assert change.new is not None
    assert [(one.canonical_id, one.position) for one in change.new.outcome_mapping] == [
        ("under", None)
    ]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"line_rule": {"fixed": 10**20}},
        {"line_rule": "total"},
        {"priority": 10**20},
        {"created_at": "infinity"},
        {"name": 7},
        {"betpawa_id": ["5000"]},
        {"is_active": "yes"},
    ],
)
def test_a_value_that_the_schema_has_no_place_for_is_left_out_and_the_others_are_not(
    spoilt: dict[str, Any],
) -> None:
    change = read(encode(old_value=ROW, new_value=ROW | spoilt))
    assert change.new is not None
    assert change.old is not None
    assert (change.new.sportybet_id, change.new.outcome_mapping[0].canonical_id) == ("18", "over")
    assert not mapping_changed("changes", Row(new_value=ROW | spoilt), max_bytes=10_000).is_whole


@pytest.mark.parametrize(("action", "is_active"), [("UPDATE", True), ("DEACTIVATE", False)])
def test_a_state_that_cannot_be_read_is_no_deletion(action: str, is_active: bool) -> None:
    unusable = UnusableJson("a value that is too long")
    change = read(encode(action=action, old_value=unusable, new_value=unusable))
    assert change.new is not None
    assert (change.new.canonical_id, change.new.is_active) == ("over_under_ft", is_active)
    assert change.new.outcome_mapping == []


def test_a_row_in_the_form_of_the_schema_is_published_whole() -> None:
    assert mapping_changed("changes", Row(old_value=ROW, new_value=ROW), max_bytes=10_000).is_whole


@pytest.mark.parametrize(
    "row",
    [
        {"created_at": LATEST},
        {"canonical_id": ""},
        {"action": "RENAME"},
        {"id": -1},
    ],
)
def test_a_row_of_which_no_message_can_be_made_is_named(row: dict[str, Any]) -> None:
    with pytest.raises(UnpublishableChangeError, match="has no message"):
        encode(**row, new_value=ROW)


def test_a_row_whose_least_message_does_not_fit_is_named() -> None:
    with pytest.raises(UnpublishableChangeError, match="4711"):
        encode(max_bytes=100, new_value=ROW)
