"""What the odds say is shown whole in a narrow terminal: labels and ids are wrapped, none is cut."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Final

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from worker.cli.tables import print_table
from worker.insight.graded import GradedEvidence
from worker.operations.evidence.tables import (
    alarm_table,
    examples_table,
    suggestion_table,
    worst_table,
)
from worker.storage.insight.alarms import StoredAlarm
from worker.storage.insight.evidence import StoredEvidence, StoredSample, StoredSuggestion

NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
MAPPING: Final = "home_or_away_both_halves_over_under_ft"
LABEL: Final = "Home team or both teams and over two and a half goals"
OUTCOME: Final = "home_or_both_teams_and_over_in_both_halves"
REASON: Final = "from other bookmakers 0.02 in 24 prices; sold on the same events as 800118, 29 too"
EVENT: Final = "Manchester United Football Club - Wolverhampton Wanderers Football Club"


def suggested() -> Table:
    return suggestion_table(
        [
            StoredSuggestion(
                *("sportybet", "800117", 1, "Name", MAPPING, 7, "total", {LABEL: OUTCOME}, [], {}),
                *(12, 0.9, 0.98, True, REASON, NOON),
            )
        ]
    )


def examples() -> Table:
    home, away = EVENT.split(" - ")
    price = {"qualifier": "total=2.5|from=1|to=45", "label": LABEL, "odds": 1.91}
    other = {"platform": "betpawa", "canonical_id": MAPPING, "outcome": OUTCOME, "odds": 1.87}
    return examples_table([StoredSample("1", home, away, NOON, NOON, [price] * 2, [other] * 2)])


def worst() -> Table:
    furthest = {"event": EVENT, "line": "2.5", "outcome": OUTCOME, "chance": 0.1}
    row = StoredEvidence(
        MAPPING, "sportybet", "betpawa", 7, 12, 24, 2, 0.02, 0.1, furthest, NOON, NOON
    )
    return worst_table([GradedEvidence(MAPPING, "sportybet", "verified", [row])])


def alarm() -> Table:
    known = dict.fromkeys(StoredAlarm._fields) | {
        "id": 1,
        "canonical_id": MAPPING,
        "platform": "sportybet",
        "version": 7,
        "kind": "assignment",
        "events": 12,
        "canonical_id_instead": MAPPING,
        "outcomes_instead": {LABEL: OUTCOME},
        "reason": REASON,
        "status": "OPEN",
        "raised_at": NOON,
    }
    return alarm_table(StoredAlarm(**known))  # type: ignore[arg-type]  # the types of these values


@pytest.mark.parametrize("table", [suggested(), examples(), worst(), alarm()])
def test_nothing_is_cut_at_80_columns(table: Table) -> None:
    narrow, wide = shown(table, 80), shown(table, 400)
    assert max(map(cell_len, narrow.splitlines())) <= 80
    assert LABEL in wide or OUTCOME in wide
    # What is wrapped is somewhere else, but all of it is there.
    assert Counter("".join(narrow.split())) == Counter("".join(wide.split()))


def shown(table: Table, width: int) -> str:
    screen = StringIO()
    print_table(table, to=Console(file=screen, width=width))
    return screen.getvalue()


def test_each_price_of_an_example_has_a_line_of_its_own() -> None:
    wide = shown(examples(), 400)
    assert "\\n" not in wide
    assert len([line for line in wide.splitlines() if f"{LABEL} 1.91" in line]) == 2
