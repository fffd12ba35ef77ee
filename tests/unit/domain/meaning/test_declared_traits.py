"""What mappings of the catalogue declare of their outcomes is what trying every match gives."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.support.markets import CATALOGUE_FILE
from tests.support.meanings import MEANINGS
from worker.domain.catalogue import load_entries
from worker.domain.mapping import Mapping
from worker.domain.meaning.catalogue import MarketMeaning
from worker.domain.traits import DeclaredTraits

ENTRIES = load_entries(CATALOGUE_FILE.read_text(encoding="utf-8"))
DECLARED = [entry.mapping for entry in ENTRIES if entry.mapping.traits is not None]
VERDICTS = ("exhaustive", "exclusive", "push")
ABOUT = ("family", "period", "subject", "counts", "line")


class Contradiction(NamedTuple):
    trait: str
    declared: object
    derived: object


def contradictions(traits: DeclaredTraits, meaning: MarketMeaning) -> list[Contradiction]:
    """What is declared otherwise than it is derived; what cannot be derived contradicts nothing."""
    found = [Contradiction(name, getattr(traits, name), getattr(meaning, name)) for name in ABOUT]
    if meaning.predicates is not None:
        derived = meaning.traits
        found += [
            Contradiction(name, getattr(traits, name), getattr(derived, name)) for name in VERDICTS
        ]
    return [one for one in found if one.declared != one.derived and one.derived is not None]


def test_every_market_that_has_expressions_declares_its_traits() -> None:
    with_expressions = {name for name, one in MEANINGS.items() if one.predicates is not None}
    assert len(with_expressions) > 100
    assert with_expressions <= {mapping.canonical_id for mapping in DECLARED}


@pytest.mark.parametrize("mapping", DECLARED, ids=lambda one: one.canonical_id)
def test_declared_traits_are_those_that_follow_from_the_meaning(mapping: Mapping) -> None:
    assert mapping.traits is not None
    assert contradictions(mapping.traits, MEANINGS[mapping.canonical_id]) == []


RESULT = DeclaredTraits(
    family="result",
    period="ft",
    subject="match",
    counts="goals",
    line="none",
    exhaustive=True,
    exclusive=True,
    push=False,
)


@pytest.mark.parametrize(
    ("canonical_id", "traits", "wrong"),
    [
        ("1x2_ft", RESULT, []),
        ("1x2_ft", replace(RESULT, push=True), ["push"]),
        ("1x2_ft", replace(RESULT, exclusive=None), ["exclusive"]),
        ("double_chance_ft", replace(RESULT, family="double_chance"), ["exclusive"]),
    ],
)
def test_a_wrong_declaration_is_found(
    canonical_id: str, traits: DeclaredTraits, wrong: list[str]
) -> None:
    found = contradictions(traits, MEANINGS[canonical_id])
    assert [one.trait for one in found] == wrong
