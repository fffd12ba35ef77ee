"""What a mapping becomes when it is extended by a suggestion: an id, a further id, a label of an id."""

from typing import Any

import pytest

from worker.domain.index import MappingIndex
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping
from worker.domain.markets import Market
from worker.domain.scope import parse_external_id
from worker.operations.unmapped.extending import extended, extended_by_players


def state(**changed: Any) -> dict[str, Any]:
    """Both teams to score, at SportyBet as 29, without a label of no there."""
    return {
        "canonical_id": "btts",
        "name": "Both Teams To Score",
        "betpawa_id": "3795",
        "sportybet_id": "29",
        "bet9ja_key": None,
        "priority": 0,
        "line_rule": None,
        "outcome_mapping": [
            {"canonical_id": "yes", "betpawa_name": "Yes", "sportybet_desc": "Yes", "position": 0},
            {"canonical_id": "no", "betpawa_name": "No", "sportybet_desc": None, "position": 1},
        ],
        **changed,
    }


def outcome_of(values: dict[str, Any], label: str, qualifier: str | None = None) -> str | None:
    """What the extended mapping makes of a label of SportyBet's 29."""
    mapping = parse_mapping(values)
    assert parse_mapping(dump_mapping(mapping)) == mapping
    market = MappingIndex([mapping]).meaning("sportybet", "29", qualifier)
    assert isinstance(market, Market)
    slot = market.slot(label, None, None)
    return None if slot is None else slot.outcome


def extend(values: dict[str, Any], outcomes: dict[str, str]) -> dict[str, Any]:
    return extended(values, "sportybet", parse_external_id("29"), outcomes)


def test_the_label_of_an_outcome_without_one_goes_into_the_column() -> None:
    given = state()
    found = extend(given, {"no": "no"})
    assert found["outcome_mapping"][1]["sportybet_desc"] == "no"
    assert found.get("also") is None
    assert given == state()
    assert (outcome_of(found, "Yes"), outcome_of(found, "No")) == ("yes", "no")


def test_a_label_that_is_known_in_other_letters_stays_as_it_is_written() -> None:
    found = extend(state(), {"yes": "yes", "no": "no"})
    assert found["outcome_mapping"][0]["sportybet_desc"] == "Yes"
    assert found["sportybet_id"] == "29"
    free = extend(state(sportybet_id=None), {"yes": "yes", "no": "no"})
    assert free["outcome_mapping"][0]["sportybet_desc"] == "Yes"


def test_a_second_label_of_an_outcome_is_read_next_to_the_first() -> None:
    found = extend(state(), {"gg": "yes", "no": "no"})
    assert found["sportybet_id"] is None
    for label, outcome in {"Yes": "yes", "GG": "yes", "No": "no"}.items():
        assert outcome_of(found, label) == outcome


def test_a_second_label_leaves_the_rule_of_the_id_as_it_was() -> None:
    values = state(line_rule={"fixed": {"sportybet": {"half": "1"}}, "free": ["variant"]})
    values["outcome_mapping"][0]["sportybet_outcome_ids"] = ["74"]
    found = extend(values, {"gg": "yes"})
    (entry,) = found["also"]
    assert (entry["fixed"], entry["free"]) == ({"half": "1"}, ["variant"])
    assert entry["outcome_ids"] == {"yes": ["74"]}
    assert outcome_of(found, "GG", "half=1|variant=x") == "yes"


def test_a_label_of_a_further_id_joins_its_labels() -> None:
    own = [{"platform": "sportybet", "id": "29", "active": True, "labels": {"yes": ["Ja"]}}]
    found = extend(state(sportybet_id=None, also=own), {"nein": "no"})
    assert found["also"][0]["labels"] == {"yes": ["Ja"], "no": ["nein"]}
    assert (outcome_of(found, "Ja"), outcome_of(found, "Nein")) == ("yes", "no")


def test_a_further_id_that_has_the_labels_of_the_columns_keeps_them() -> None:
    own = [{"platform": "sportybet", "id": "29", "active": True}]
    found = extend(state(sportybet_id=None, also=own), {"nein": "no"})
    assert found["also"][0]["labels"] == {"yes": ["Yes"], "no": ["nein"]}


def test_of_several_further_ids_of_one_id_none_is_chosen() -> None:
    own = [
        {"platform": "sportybet", "id": "29", "active": True, "fixed": {"half": half}}
        for half in ("1", "2")
    ]
    with pytest.raises(MappingError, match="several such ids"):
        extend(state(sportybet_id=None, also=own), {"no": "no"})


def test_a_mapping_of_players_reads_the_players_of_another_bookmaker_too() -> None:
    given = state(
        betpawa_id=None,
        sportybet_id=None,
        participant={"kind": "player"},
        also=[{"platform": "betpawa", "id": "129108"}],
        outcome_mapping=[
            {"canonical_id": "yes", "betpawa_name": "{player}"},
            {"canonical_id": "no_goal", "betpawa_name": "No Goal"},
        ],
    )
    labels = [{"label": text} for text in ("Raul Jimenez", "no goal", "Own Goal")]
    found = extended_by_players(given, "sportybet", "40", labels)
    _, further = parse_mapping(found).also
    assert (further.platform, further.id) == ("sportybet", "40")
    assert further.labels == {"yes": ("{player}",), "no_goal": ("no goal",)}
    found["also"][1]["active"] = False
    again = extended_by_players(found, "sportybet", "40", labels)
    assert parse_mapping(again).also[1].active
    with pytest.raises(MappingError):
        extended_by_players(given, "sportybet", "40?@basketball", labels)
