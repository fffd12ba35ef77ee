from typing import Any

import pytest

from tests.support.markets import FOOTBALL
from worker.domain.coverage import Coverage, coverage, is_covered
from worker.domain.draft import draft_of_players
from worker.domain.index import MappingIndex
from worker.domain.mapping import parse_mapping


def sample(*labels: str, qualifier: str | None = None) -> list[dict[str, Any]]:
    return [{"label": label, "odds": 2.0, "qualifier": qualifier} for label in labels]


def test_a_mapped_market_is_told_with_the_labels_it_knows_and_those_it_does_not() -> None:
    found = coverage(
        FOOTBALL, "sportybet", "18", sample("Over 2.5", "Exactly", qualifier="total=2.5")
    )
    assert found == Coverage(unread=(), known=("Over 2.5",), unknown=("Exactly",))


@pytest.mark.parametrize(
    ("source", "market_id", "samples"),
    [
        ("sportybet", "no such id", sample("Yes")),
        ("sportybet", "8?goalnr=77", sample("None", qualifier="goalnr=77")),
        ("sportybet", "18?minute", sample("Over 2.5", qualifier="minute=5")),
        ("williamhill", "18", sample("Over 2.5")),
    ],
)
def test_another_market_is_not_covered(source: str, market_id: str, samples: Any) -> None:
    found = coverage(FOOTBALL, source, market_id, samples)
    assert (found.is_market, found.known, is_covered(found, "UNKNOWN_MARKET")) == (False, (), False)


def test_a_label_that_cannot_be_read_is_covered_by_its_id() -> None:
    french = [
        {"label": "Plus de", "odds": 1.9, "qualifier": "2.5", "id": "5001"},
        {"label": "Moins de", "odds": 1.9, "qualifier": "2.5", "id": "5002"},
    ]
    found = coverage(FOOTBALL, "betpawa", "5000", french)
    assert is_covered(found, "NO_MATCHING_OUTCOMES")
    for strange in (None, 7, "999"):
        without = [one | {"id": strange} for one in french]
        found = coverage(FOOTBALL, "betpawa", "5000", without)
        assert found.unknown == ("Plus de", "Moins de")


@pytest.mark.parametrize("samples", [None, [], {}, [1], [{"label": 5}]])
def test_without_samples_the_id_alone_tells(samples: Any) -> None:
    assert coverage(FOOTBALL, "bet9ja", "S_1X2", samples) == Coverage(
        unread=(), known=(), unknown=()
    )


def test_one_specifier_of_another_market_is_enough_to_be_uncovered() -> None:
    both = sample("Over 2.5", qualifier="total=2.5") + sample(
        "Over 2.5", qualifier="total=2.5|minute=9"
    )
    found = coverage(FOOTBALL, "sportybet", "18", both)
    assert not found.is_market
    assert found.unread == ("total=2.5|minute=9",)


def test_missed_labels_are_covered_once_all_are_known() -> None:
    partly = Coverage(unread=(), known=("a",), unknown=("b",))
    assert is_covered(partly, "UNKNOWN_MARKET")
    assert not is_covered(partly, "NO_MATCHING_OUTCOMES")
    assert is_covered(partly._replace(unknown=()), "NO_MATCHING_OUTCOMES")


def test_a_market_of_players_says_which_labels_may_be_names_and_knows_none_of_them() -> None:
    mapping = parse_mapping(draft_of_players("sportybet", "40", "Scorer", sample("No Goal")))
    labels = sample("Antuna, Uriel (Pumas UNAM)", "No Goal", "Over 2.5")
    found = coverage(MappingIndex([mapping]), "sportybet", "40", labels)
    assert found == Coverage(
        unread=(),
        known=("No Goal",),
        unknown=("Antuna, Uriel (Pumas UNAM)", "Over 2.5"),
        players=("Antuna, Uriel (Pumas UNAM)",),
    )
    assert is_covered(found, "UNKNOWN_MARKET")
    assert not is_covered(found, "NO_MATCHING_OUTCOMES")
