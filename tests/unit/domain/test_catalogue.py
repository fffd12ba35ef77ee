import json

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from worker.domain.catalogue import dump_catalogue, load_catalogue
from worker.domain.mapping import MappingError
from worker.domain.platforms import PLATFORMS


def test_the_shipped_catalogue_reads_back_byte_for_byte() -> None:
    assert dump_catalogue(CATALOGUE) == CATALOGUE_FILE.read_text(encoding="utf-8")


def test_canonical_ids_and_names_are_unique() -> None:
    assert (
        len({one.canonical_id for one in CATALOGUE}) == len({one.name for one in CATALOGUE}) == len(CATALOGUE)
    )


def test_every_mapping_has_a_platform_and_a_label_on_each_of_its_platforms() -> None:
    for one in CATALOGUE:
        platforms = [platform for platform in PLATFORMS if one.id_on(platform)]
        assert platforms
        for platform in platforms:
            assert any(outcome.on(platform) for outcome in one.outcomes), (one.canonical_id, platform)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"format": 2, "mappings": []}', '{"format": 1}'])
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
