import json

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from worker.domain.catalogue import (
    Entry,
    dump_catalogue,
    dump_entries,
    load_catalogue,
    load_entries,
)
from worker.domain.mapping import MappingError, claims_of, is_canonical_id
from worker.lab.coverage.agreement import switched_on


def test_the_shipped_catalogue_reads_back_byte_for_byte() -> None:
    assert dump_catalogue(CATALOGUE) == CATALOGUE_FILE.read_text(encoding="utf-8")


def test_inactive_mappings_are_told_only_where_they_are() -> None:
    entries = [Entry(one, is_active=place % 3 != 0) for place, one in enumerate(CATALOGUE)]
    text = dump_entries(entries)
    assert load_entries(text) == entries
    assert text.count("is_active") == sum(not entry.is_active for entry in entries)


def test_a_catalogue_in_use_is_without_its_inactive_mappings() -> None:
    text = dump_entries([Entry(CATALOGUE[0], is_active=False), Entry(CATALOGUE[1])])
    assert load_catalogue(text) == [CATALOGUE[1]]


@pytest.mark.parametrize("value", ["no", 0, None])
def test_switched_on_is_true_or_false(value: object) -> None:
    document = json.loads(dump_catalogue(CATALOGUE[:2]))
    document["mappings"][1]["is_active"] = value
    with pytest.raises(MappingError, match=r"mappings\[1\].is_active = .* must be true or false"):
        load_entries(json.dumps(document))


def test_canonical_ids_and_names_are_unique() -> None:
    assert (
        len({one.canonical_id for one in CATALOGUE})
        == len({one.name for one in CATALOGUE})
        == len(CATALOGUE)
    )


def test_every_mapping_has_an_id_and_labels_under_each_of_its_ids() -> None:
    for one in switched_on(CATALOGUE):
        claims = claims_of(one)
        assert claims, one.canonical_id
        assert all(claim.labels for claim in claims), one.canonical_id


def test_what_its_label_alone_speaks_for_ships_switched_off() -> None:
    further = [each for one in CATALOGUE for each in one.also]
    assert {each.grade for each in further} == {"A", "B", "C"}
    assert all(each.active == (each.grade != "C") for each in further)


def test_canonical_ids_have_the_pattern_of_new_ones_and_the_sport_unless_it_is_football() -> None:
    for one in CATALOGUE:
        assert is_canonical_id(one.canonical_id)
        if one.scope.sport != "football":
            assert one.canonical_id.startswith(f"{one.scope.sport}_")


def test_what_is_left_out_is_in_no_mapping() -> None:
    """Of an id of which only outcomes are left out, other outcomes may be there."""
    document = json.loads((CATALOGUE_FILE.parent / "left_out.json").read_text(encoding="utf-8"))
    known = {
        (claim.platform, claim.market_id)
        for one in switched_on(CATALOGUE)
        for claim in claims_of(one)
        if one.scope.sport == "football"
    }
    left_out = document["left_out"]
    assert all(one["reason"] for one in left_out)
    whole = [(one["platform"], one["id"]) for one in left_out if "outcome" not in one]
    assert len(set(whole)) == len(whole) >= 20
    assert known.isdisjoint(whole)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '{"format": 2, "mappings": []}', '{"format": 1}']
)
def test_a_text_that_is_no_catalogue_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        load_catalogue(text)


def test_every_fault_is_named_with_the_mapping_it_is_in() -> None:
    document = json.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    document["mappings"][1]["name"] = ""
    document["mappings"][2] = "x"
    document["mappings"][4]["canonical_id"] = document["mappings"][3]["canonical_id"]
    with pytest.raises(MappingError) as refused:
        load_catalogue(json.dumps(document))
    fields = [fault.field for fault in refused.value.faults]
    assert "mappings[1].name" in fields
    assert "mappings[2].canonical_id" in fields
    assert "mappings[4].canonical_id" in fields
