"""What senders and editors make long is sorted and paired in proportion to its length."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support.growth import TIMES_LARGER, is_in_proportion
from worker.console.editor.faults import faults_of_form
from worker.console.editor.form import PAIR_NAMES, as_sent, values_of
from worker.console.editor.further import NAMES
from worker.console.faults import ChangeFault, FormFault, FormState, RefusedForm
from worker.console.forms import SentForm
from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.insight.boards import Board, Sold
from worker.insight.seen_labels import seen_labels
from worker.operations.evidence.families import members
from worker.storage.insight.evidence import StoredSuggestion

pytestmark = pytest.mark.usefixtures("frozen")


def test_names_of_one_match_are_told_apart_in_proportion_to_their_number() -> None:
    def work(number: int) -> Callable[[], object]:
        boards = [
            Board(
                event,
                "sportybet",
                teams("Reds", "Blues"),
                (Sold("8", None, "Scorer", {f"Name {event} {n}": 2.0 for n in range(number)}, 0),),
            )
            for event in ("one", "two", "three")
        ]
        return lambda: seen_labels(boards, "sportybet", "8", MappingIndex([]))

    assert is_in_proportion(work(2000), work(2000 * TIMES_LARGER))


def test_a_family_is_divided_in_proportion_to_its_size() -> None:
    def suggestion(number: int) -> StoredSuggestion:
        return StoredSuggestion(
            *("betpawa", f"x{number}", 1, "Goals", "goals", 1, "none", {}, [], {}, 9, 0.5, 0.5),
            is_confident=number % 2 == 0,
            reason="",
            updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        )

    def work(number: int) -> Callable[[], object]:
        among = [suggestion(place) for place in range(number)]
        return lambda: members(among, among[0])

    assert is_in_proportion(work(2000), work(2000 * TIMES_LARGER))


def test_labels_that_become_new_outcomes_are_read_in_proportion_to_their_number() -> None:
    def work(number: int) -> Callable[[], object]:
        form = SentForm(
            [
                one
                for place in range(number)
                for one in zip(PAIR_NAMES, ("new", "sportybet_desc", f"L{place}"), strict=True)
            ]
        )
        assert len(values_of(form)["outcome_mapping"]) == number
        return lambda: values_of(form)

    assert is_in_proportion(work(1600), work(1600 * TIMES_LARGER))


@pytest.mark.parametrize("is_of_market", [False, True])
def test_faults_find_their_inputs_in_proportion_to_the_size_of_the_form(is_of_market: bool) -> None:
    def work(number: int) -> Callable[[], object]:
        sent = [
            (name, {"further_platform": "betpawa", "further_id": str(place)}.get(name, ""))
            for place in range(number)
            for name in NAMES
        ]
        fields = as_sent(SentForm(sent))
        faults = [
            ChangeFault("taken", market=("betpawa", str(place)))
            if is_of_market
            else ChangeFault("is empty", f"also[{place}].id")
            for place in range(number)
        ]
        assert [one.row for one in faults_of_form(faults, fields)] == list(range(number))
        return lambda: faults_of_form(faults, fields)

    assert is_in_proportion(work(400), work(400 * TIMES_LARGER))


def test_inputs_find_their_faults_in_proportion_to_the_size_of_the_form() -> None:
    def work(number: int) -> Callable[[], object]:
        faults = [FormFault(f"fault {row}", "further_id", row) for row in range(number)]
        refused = RefusedForm("/edit", SentForm([]), "Nothing was saved.", faults)

        def shown() -> list[list[str]]:
            form = FormState("/edit", refused)
            return [form.faults("further_id", row) for row in range(number)]

        assert shown() == [[f"fault {row}"] for row in range(number)]
        return shown

    assert is_in_proportion(work(1000), work(1000 * TIMES_LARGER))
