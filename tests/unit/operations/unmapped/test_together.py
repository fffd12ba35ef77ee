"""Several missed markets become one mapping: their ids, the labels that agree, and one kind of line."""

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.domain.mapping import MappingError, parse_mapping
from worker.operations.unmapped.together import drafted_together
from worker.storage.misses import QueuedMiss

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def miss(
    source: str, market_id: str, *labels: str, qualifier: str | None = None, name: str = "Corner"
) -> QueuedMiss:
    nothing: dict[str, Any] = dict.fromkeys(QueuedMiss._fields)
    known = {
        "source": source,
        "external_market_id": market_id,
        "market_name": name,
        "sample_outcomes": [{"label": one, "qualifier": qualifier} for one in labels],
        "first_seen_at": NOON,
        "last_seen_at": NOON,
    }
    return QueuedMiss(**nothing | known)


def test_ids_are_in_the_columns_and_labels_that_agree_in_one_row() -> None:
    made = drafted_together(
        [
            miss("sportybet", "800", "Yes", "No"),
            miss("betpawa", "77", "yes", "Nein"),
            miss("bet9ja", "S_X", "No"),
        ]
    )
    mapping = parse_mapping(made)
    assert (mapping.sportybet_id, mapping.betpawa_id, mapping.bet9ja_key) == ("800", "77", "S_X")
    yes, no = mapping.outcomes
    assert (yes.sportybet_desc, yes.betpawa_name, yes.bet9ja_suffix) == ("Yes", "yes", None)
    assert (no.sportybet_desc, no.betpawa_name, no.bet9ja_suffix) == ("No", None, "No")


def test_more_ids_of_one_bookmaker_are_further_ones_each_once() -> None:
    made = drafted_together(
        [miss("sportybet", one, "Yes", "No") for one in ("800", "801?goalnr=2", "802", "802")]
    )
    mapping = parse_mapping(made)
    assert mapping.sportybet_id == "800"
    assert [one.id for one in mapping.also] == ["801", "802"]


def test_a_line_and_specifiers_are_those_of_each_bookmaker() -> None:
    mapping = parse_mapping(
        drafted_together(
            [
                miss("sportybet", "18", "Over 2.5", "Under 2.5", qualifier="total=2.5|goalnr=1"),
                miss("sportybet", "19", "Over 2.5", "Under 2.5", qualifier="total=2.5|goalnr=2"),
            ]
        )
    )
    assert mapping.line_rule.kind == "total"
    assert mapping.line_rule.fixed == {"sportybet": {"goalnr": "1"}}
    assert [one.fixed for one in mapping.also] == [{"goalnr": "2"}]
    assert [one.sportybet_desc for one in mapping.outcomes] == ["Over", "Under"]


def test_ids_of_one_phase_are_of_that_phase_and_outside_of_the_columns() -> None:
    both = drafted_together(
        [miss("sportybet", "10?@prematch", "Yes"), miss("sportybet", "10?@live", "Yes")]
    )
    mapping = parse_mapping(both)
    assert mapping.scope.phase == "both"
    assert [(one.id, one.phase) for one in mapping.also] == [
        ("10", "prematch"),
        ("10", "live"),
    ]
    live = parse_mapping(drafted_together([miss("sportybet", "10?@live", "Yes")]))
    assert (live.scope.phase, live.sportybet_id) == ("live", None)
    assert [(one.id, one.phase) for one in live.also] == [("10", "both")]


@pytest.mark.parametrize(
    ("missed", "field"),
    [
        ([miss("sportybet", "1", "Yes"), miss("sportybet", "2?@tennis", "Yes")], "scope.sport"),
        ([miss("sportybet", "1", "Yes"), miss("nobody", "2", "Yes")], "platform"),
    ],
)
def test_markets_that_no_mapping_can_read_together_are_refused(
    missed: list[QueuedMiss], field: str
) -> None:
    with pytest.raises(MappingError) as refused:
        drafted_together(missed)
    assert [one.field for one in refused.value.faults] == [field]
