import io
import re

import pytest
from rich.console import Console

from worker.cli.main import COMMANDS
from worker.lab.demo import pictures
from worker.settings.settings import Settings


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=250)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("kept", [None, Settings(database_url="postgresql://127.0.0.1/demo")])
def test_what_to_try_next_are_three_commands_that_exist(
    kept: Settings | None, console: Console
) -> None:
    pictures.what_next(kept, to=console)
    tried = written(console).partition("Try next:\n")[2].splitlines()
    assert len(tried) == 3
    for line in tried:
        command = re.match(r"  (?:make|marketmap) (\w+)", line)
        assert command is not None
        assert command[1] in COMMANDS


def test_a_missing_second_act_is_said_with_the_market_that_was_not_there(console: Console) -> None:
    pictures.no_second_act(to=console)
    assert "No second act: bet9ja S_OUA, the market to map, is not in the queue" in written(console)
