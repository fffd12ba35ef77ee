import copy
from typing import Any

import pytest
from pydantic import ValidationError

from schemas import ResolvedEvent, ResolvedOutcome
from schemas.examples import RESOLVED_EVENT


def refused_at(document: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        ResolvedEvent.model_validate(document)
    return ".".join(map(str, refused.value.errors()[0]["loc"]))


def changed(*path: str | int, to: object) -> dict[str, Any]:
    document = copy.deepcopy(RESOLVED_EVENT)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return document


def test_an_active_outcome_without_odds_is_refused() -> None:
    with pytest.raises(ValidationError, match="an active outcome has odds"):
        ResolvedOutcome.model_validate({"outcome": "over", "odds": None, "active": True})


def test_an_inactive_outcome_may_have_odds_or_none() -> None:
    assert ResolvedOutcome(outcome="over", odds=1.98, active=False).odds == 1.98
    assert ResolvedOutcome(outcome="over", active=False).odds is None


@pytest.mark.parametrize(
    "path", [(), ("event",), ("markets", 0), ("markets", 0, "outcomes", 0), ("misses", 0)]
)
def test_unknown_fields_are_ignored(path: tuple[str | int, ...]) -> None:
    """A message may gain an optional field; a reader of the form before it reads the rest."""
    document = changed(*path, "of_a_later_version", to={"some": ["thing"]})
    assert ResolvedEvent.model_validate(document) == ResolvedEvent.model_validate(RESOLVED_EVENT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("markets", 0, "line"), "2.50"),
        (("markets", 0, "line"), 2.5),
        (("markets", 0, "outcomes"), []),
        (("markets", 0, "canonical_id"), ""),
        (("misses", 0, "reason"), "INVALID_ODDS"),
        (("misses", 0, "external_market_id"), "x" * 101),
        (("misses", 0, "market_name"), "x" * 256),
        (("rejected", 0, "code"), "UNKNOWN_MARKET"),
        (("rejected", 0, "detail"), "x" * 501),
        (("mapping_version",), -1),
        (("mapping_version",), True),
        (("omitted", "misses"), -1),
        (("schema_version",), 2),
    ],
)
def test_a_value_outside_of_the_contract_is_refused_where_it_stands(
    path: tuple[str | int, ...], value: object
) -> None:
    assert refused_at(changed(*path, to=value)) == ".".join(map(str, path))


@pytest.mark.parametrize(
    "field", ["schema_version", "event", "mapping_version", "markets", "misses", "rejected"]
)
def test_what_downstream_relies_on_is_always_there(field: str) -> None:
    assert (
        refused_at({name: value for name, value in RESOLVED_EVENT.items() if name != field})
        == field
    )


def test_lists_are_complete_unless_it_says_otherwise() -> None:
    document = {name: value for name, value in RESOLVED_EVENT.items() if name != "omitted"}
    assert ResolvedEvent.model_validate(document).omitted is None
