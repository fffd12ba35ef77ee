"""The vocabulary is closed: the shipped catalogue uses each of its words, and no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.meanings import MEANINGS, MEANINGS_FILE
from worker.domain.meaning.catalogue import load_meanings
from worker.domain.meaning.expression import MeaningError
from worker.domain.meaning.vocabulary import SETTLEMENTS, SPORTS, TRAIT_LINES, VOCABULARY

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "markets.json"
TRAITS: list[dict[str, Any]] = [
    one["traits"] for one in json.loads(CATALOGUE.read_text(encoding="utf-8"))["mappings"]
]


@pytest.mark.parametrize("name", VOCABULARY)
def test_each_word_is_used_and_no_other_is(name: str) -> None:
    assert {one[name] for one in TRAITS} <= set(VOCABULARY[name])
    assert {getattr(one, name) for one in MEANINGS.values()} == set(VOCABULARY[name])


def test_sports_lines_and_sentences_are_those_of_the_catalogue() -> None:
    assert {one["sport"] for one in TRAITS} == set(SPORTS)
    assert {one["line"] for one in TRAITS} <= set(TRAIT_LINES)
    assert set(SETTLEMENTS) <= {one.get("settlement") for one in TRAITS}


@pytest.mark.parametrize("name", VOCABULARY)
def test_a_meaning_in_other_words_is_refused_and_names_the_market(name: str) -> None:
    document = json.loads(MEANINGS_FILE.read_text(encoding="utf-8"))
    document["meanings"]["1x2_ft"][name] = "something"
    with pytest.raises(MeaningError, match=f"1x2_ft.*{name} is none of"):
        load_meanings(json.dumps(document))
