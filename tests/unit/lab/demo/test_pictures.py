import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from worker.cli.main import COMMANDS
from worker.lab.demo import pictures
from worker.lab.demo.odds import SuggestedMarket
from worker.settings.settings import Settings


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=250)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("kept", [None, Settings(database_url="postgresql://127.0.0.1/demo")])
def test_what_to_try_next_are_commands_that_exist(kept: Settings | None, console: Console) -> None:
    pictures.what_next(kept, to=console)
    tried = written(console).partition("Try next:\n")[2].splitlines()
    assert any("marketmap run insight" in line and "suggest" in line for line in tried)
    for line in tried:
        command = re.match(r"  marketmap (\w+)", line)
        assert command is not None
        assert command[1] in COMMANDS


def exported(console: Console) -> list[str]:
    return [line.strip() for line in written(console).splitlines() if "export PATH" in line]


def test_without_the_command_on_path_the_line_that_brings_it_there_comes_first(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    pictures.what_next(None, to=console)
    script = f"{exported(console)[0]}; command -v marketmap"
    found = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(Path(sys.executable).parent / "marketmap")


def test_another_marketmap_on_path_is_not_taken_for_this_one(
    console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "marketmap"
    other.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    pictures.what_next(None, to=console)
    assert len(exported(console)) == 1


def test_with_the_command_on_path_nothing_has_to_be_exported(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    pictures.what_next(None, to=console)
    assert exported(console) == []


def test_a_missing_second_act_is_said_with_the_market_that_was_not_there(console: Console) -> None:
    pictures.no_second_act(to=console)
    assert "No second act: bet9ja Z_OUA, the market to map, is not in the queue" in written(console)


def test_a_third_act_that_is_left_out_is_said_with_the_reason(console: Console) -> None:
    pictures.no_third_act("the extra `insight` is not installed", to=console)
    assert written(console) == "\nNo third act: the extra `insight` is not installed.\n"


def test_the_evidence_has_the_prices_of_the_suggested_market_alone(
    console: Console, suggested: SuggestedMarket
) -> None:
    console.print(pictures.evidence(suggested))
    rows = [line.split() for line in written(console).splitlines()]
    assert rows == [
        ["event", "label", "outcome", "bet9ja", "betpawa", "sportybet"],
        ["Reds", "-", "Blues", "1X", "home_draw", "1.20", "1.25", "-"],
        ["X2", "draw_away", "1.90", "-", "-"],
    ]


def test_a_swap_that_raised_no_alarm_is_said(console: Console) -> None:
    pictures.alarmed(None, to=console)
    assert "Yes and no of btts_ft at sportybet were swapped, and no alarm came." in written(console)
