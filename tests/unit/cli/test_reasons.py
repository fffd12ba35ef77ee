"""A reason has a bound, and a longer one is refused before anybody waits for it."""

import pytest
from typer.testing import CliRunner

from worker.cli.main import app
from worker.cli.options import LONGEST_REASON
from worker.storage.changes.sets import LONGEST_TEXT


def test_it_is_that_of_change_sets() -> None:
    assert LONGEST_REASON == LONGEST_TEXT


@pytest.mark.parametrize(
    "command",
    [
        ("mappings", "deactivate", "over_under_ft"),
        ("unmapped", "map", "betpawa", "1"),
    ],
    ids=" ".join,
)
def test_a_longer_one_is_refused_in_words(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(app, [*command, "--actor", "ann", "--reason", "x" * 100_000])
    assert told.exit_code == 2
    assert "'--reason'" in told.output
    assert "100,000 characters, and may have 2,000" in " ".join(told.output.split())
    assert "x" * 100 not in told.output
