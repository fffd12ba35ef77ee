"""Output and files that cannot be written or read end a command with one sentence."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from worker.cli.file_failures import file_failure

OBSERVATION = json.dumps({"platform": "sportybet"}) + "\n"


def run(folder: Path, *arguments: str, stdout: Path | None = None) -> tuple[int, str]:
    """Return the exit code and what is on stderr."""
    with (stdout or folder / "out").open("w") as output:
        finished = subprocess.run(
            [sys.executable, "-m", "worker.cli", *arguments],
            cwd=folder,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return finished.returncode, finished.stderr


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "config",
        "config --json",
        "config --csv",
        "resolve observations.jsonl",
        "validate observations.jsonl --json",
        "topics grants",
        "topics grants --commands",
        "roles --sql",
    ],
)
def test_an_output_without_room(command: str, tmp_path: Path) -> None:
    (tmp_path / "observations.jsonl").write_text(OBSERVATION)
    code, said = run(tmp_path, *command.split(), stdout=Path("/dev/full"))
    assert code == 1, said
    last = said.splitlines()[-1]
    if "--json" in command:
        last = json.loads(last)["message"]
    assert last == "The output cannot be written: No space left on device"
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    code, said = run(tmp_path, "schemas", "export", "--out", "/dev/full/x")
    assert (code, said) == (1, "/dev/full/x cannot be read or written: Not a directory\n")


@pytest.mark.parametrize("command", ["validate", "resolve"])
def test_a_file_that_fails_when_it_is_read(command: str, tmp_path: Path) -> None:
    code, said = run(tmp_path, command, "/proc/self/mem")
    assert code == 1
    assert said.splitlines()[-1] == "A file cannot be read or written: Input/output error"
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        OSError(errno.EADDRINUSE, "Address already in use"),
        TimeoutError(),
    ],
)
def test_an_error_of_the_network_is_none_of_a_file(error: OSError) -> None:
    assert file_failure(error) is None
