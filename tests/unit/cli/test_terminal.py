"""Colours, bars and completion as a person at a terminal has them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people.terminal import at_terminal

COLOUR = "\x1b[31m"
ESCAPE = "\x1b"
TWO_TOPICS = {"observations.betpawa", "observations.bet9ja"}
WRONG_USAGE = ("migrate", "--down")


def test_colours_are_for_terminals() -> None:
    seen = at_terminal(*WRONG_USAGE)
    assert seen.code == 2
    assert COLOUR in seen.screen


def test_no_color_is_respected() -> None:
    seen = at_terminal(*WRONG_USAGE, NO_COLOR="1")
    assert seen.code == 2
    assert "--down needs a --revision" in seen.screen
    assert COLOUR not in seen.screen


def test_a_pipe_gets_no_escapes() -> None:
    command = [sys.executable, "-m", "worker.cli", *WRONG_USAGE]
    piped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert piped.returncode == 2
    assert ESCAPE not in piped.stdout + piped.stderr


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        (["marketmap", "top"], {"topics"}),
        (["marketmap", "topics", "ensure", "--ch"], {"--check"}),
        (["marketmap", "unmapped", "list", "--platform", "bet"], {"betpawa", "bet9ja"}),
        (["marketmap", "unmapped", "list", "--status", "A"], {"ACKNOWLEDGED"}),
        (["marketmap", "replay", "plan", "--topic", "observations.b"], TWO_TOPICS),
        (["marketmap", "--profile", "p"], {"prod"}),
        (["marketmap", "mappings", "show", "x"], set()),  # no database is known
        (["marketmap", "doctor", "--as", "re"], {"relay", "reader", "replay", "redrive"}),
    ],
)
def test_the_completion_of_bash_is_installed_and_completes(
    bash_home: dict[str, str], typed: list[str], proposed: set[str]
) -> None:
    script = """
    source ~/.bashrc
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _marketmap_completion marketmap
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    shown = bash(script, bash_home, *typed)
    assert set(shown.split()) == proposed


@pytest.fixture(scope="module")
def bash_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a bash whose user has installed the completion."""
    folder = Path(sys.executable).parent
    home_folder = tmp_path_factory.mktemp("home")
    home = {
        "HOME": str(home_folder),
        "PATH": f"{folder}:{os.environ['PATH']}",
        "MARKETMAP_LOCAL_DIR": str(home_folder / "local"),
    }
    (home_folder / ".config" / "marketmap").mkdir(parents=True)
    (home_folder / ".config" / "marketmap" / "prod.env").write_text("")
    assert "completion installed" in bash("marketmap --install-completion; true", home)
    return home


def bash(script: str, environment: dict[str, str], *arguments: str) -> str:
    command = ["bash", "-c", script, "bash", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout
