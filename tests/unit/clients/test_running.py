"""A program that uses the kit ends with a sentence where a person can do something about it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clients.python.market_mapping_client.errors import ClientError
from clients.python.market_mapping_client.messages.raw_reply import UnknownReplyError
from clients.python.market_mapping_client.running import run


async def failing(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def answering() -> int:
    return await asyncio.sleep(0, 42)


def test_the_result_of_the_program_is_returned() -> None:
    assert run(answering()) == 42


@pytest.mark.parametrize(
    "error",
    [ClientError("NO_ANSWER", "nobody answers", "try again"), UnknownReplyError("no reply")],
)
def test_what_a_person_can_act_on_is_a_sentence_and_exit_code_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/somewhere/my_board.py"])
    with pytest.raises(SystemExit) as ended:
        run(failing(error))
    # Python writes a text to stderr, and ends with 1.
    assert ended.value.code == f"my_board: {error}"


def test_ctrl_c_ends_it_with_130() -> None:
    with pytest.raises(SystemExit) as ended:
        run(failing(KeyboardInterrupt()))
    assert ended.value.code == 130


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(failing(ZeroDivisionError()))


PROGRAM = """
import asyncio, sys
from market_mapping_client import ClientError, run

closed = []

async def numbers():
    try:
        for number in range(1_000_000):
            await asyncio.sleep(0)
            yield number
    finally:
        await asyncio.sleep(0.01)  # as a client takes its time to stop
        sys.stderr.write("closed\\n")

async def main():
    async for number in numbers():
        {body}

run(main())
"""


def run_program(body: str, *, lines_read: int | None = None) -> tuple[int, str]:
    """The exit code and the stderr of a program, whose output is closed after ``lines_read`` lines."""
    kit = Path(__file__).parents[3] / "clients" / "python"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body)],
        env=os.environ | {"PYTHONPATH": str(kit)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines_read or 0):
            process.stdout.readline()
        if lines_read is not None:
            process.stdout.close()
        said = process.stderr.read()
    return process.returncode, said


def test_an_error_inside_an_iteration_is_one_sentence_and_the_iteration_is_closed() -> None:
    code, said = run_program('raise ClientError("NO_ANSWER", "nobody answers", "try again")')
    assert (code, said.splitlines()) == (1, ["closed", "-c: NO_ANSWER: nobody answers; try again"])


def test_a_reader_of_the_output_that_has_seen_enough_ends_it_quietly() -> None:
    code, said = run_program("print(number, flush=True)", lines_read=2)
    assert (code, said.splitlines()) == (1, ["closed"])


def test_a_pipe_of_the_program_s_own_that_breaks_is_a_fault() -> None:
    code, said = run_program("raise BrokenPipeError('mine')")
    assert (code, "BrokenPipeError: mine" in said) == (1, True)
