"""Somebody who follows a document: in a folder of their own, command after command, as it stands."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Final

import orjson
from typer.testing import CliRunner

from tests.support.people.documents import PAGE_WIDTH, ROOT, Step, is_shown
from tests.support.services.installation import PATIENCE_S
from worker.cli.main import app
from worker.local.ports import pick_free

NOT_RUN: Final = {
    "make": "its targets are what CI runs",
    "docker": "tests need no container engine",
    "kubectl": "tests need no cluster",
    "kafka-consumer-groups.sh": "Kafka's own tools are not among the local services' jars; "
    "tests/support/services/operator.py does the same by Kafka's own client",
}
# Commands that are not run and whose output is shown all the same, with the test that compares it.
SHOWN_ELSEWHERE: Final = {
    "make demo": "tests/integration/test_demo.py",
    "make test": "tests/unit/support/test_documents.py",
}
_WRITTEN_PORTS: Final = ("8080", "8081", "8082")
# They leave children or loggers behind in their process, or show what loggers of others write there.
_ALONE: Final = {"services", "migrate", "doctor"}
_SHELL: Final = re.compile(r"[|<>&;$]|^\w+=")
_ASSIGNMENTS: Final = re.compile(r"^((?:\w+=\S+ )*)")


class Job:
    """What a command with ``&`` behind it started; it has said that it works once ``start`` returns."""

    def __init__(
        self, command: str, folder: Path, environment: Mapping[str, str], log: Path
    ) -> None:
        self._command, self._log = command, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "-c", _ASSIGNMENTS.sub(r"\1exec ", command, count=1)],
                cwd=folder,
                env=environment,
                stdout=output,
                stderr=output,
            )

    def wait_until_it_works(self) -> None:
        """A process of ours by its endpoint, anything else by what it prints first."""
        until(self._is_ready if "marketmap run" in self._command else self._has_printed)

    def stop(self) -> None:
        """By SIGTERM, which our own processes answer with exit code 0."""
        self._process.terminate()
        code = self._process.wait(PATIENCE_S)
        assert code == (0 if "marketmap run" in self._command else -signal.SIGTERM), self._told()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self._told()
        lines = [
            orjson.loads(line)
            for line in self._log.read_bytes().splitlines()
            if line.endswith(b"}")
        ]
        addresses = [line["address"] for line in lines if line.get("event") == "listening"]
        return bool(addresses) and _answer(f"{addresses[0]}/readyz") is not None

    def _has_printed(self) -> bool:
        assert self._process.poll() is None, self._told()
        return b"\n" in self._log.read_bytes()

    def _told(self) -> str:
        return (
            f"{self._command} ended with {self._process.poll()}:\n{self._log.read_text()[-4000:]}"
        )


class Reader:
    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._ports = dict(
            zip(_WRITTEN_PORTS, map(str, pick_free(len(_WRITTEN_PORTS))), strict=True)
        )
        ours = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "MARKETMAP_HTTP_PORT": self._ports["8080"],
            "MARKETMAP_LOCAL_DIR": str(folder / ".local"),
            "COLUMNS": str(PAGE_WIDTH),
        }
        others = {
            name: value for name, value in os.environ.items() if not name.startswith("MARKETMAP_")
        }
        self._environment = others | ours | dict(environment)
        self._jobs: dict[int, Job] = {}  # by the numbers that a shell gives them

    def take(self, step: Step) -> None:
        """Do what a step says. The ports that documents name stand for ones that are free here."""
        command = re.sub(r"\b808[0-2]\b", lambda port: self._ports[port[0]], step.command)
        program, *arguments = shlex.split(command, comments=True)
        other = {"export": self._export, "kill": self._kill, "curl": self._get}.get(program)
        output = ""
        if program in NOT_RUN:
            check_not_run(program, arguments)
            return
        if other:
            output = other(arguments) or ""
        elif command.endswith(" &"):
            self._start(command.removesuffix(" &"))
        else:
            code, output = self._run(command, program, arguments)
            assert code == step.exit_code, f"{step}\nended with {code}:\n{output}"
        if step.shown:
            output = self._as_written(output)
            assert is_shown(output, step.shown), f"{step}\nshows:\n{output}"

    def _as_written(self, output: str) -> str:
        """What a command shows, with the ports of the document."""
        for written, ours in self._ports.items():
            output = re.sub(rf"\b{ours}\b", written, output)
        return output

    def leave(self) -> None:
        """Stop what the document left running."""
        for job in self._jobs.values():
            job.stop()

    def kill(self) -> None:
        for job in self._jobs.values():
            job.kill()

    def _run(self, command: str, program: str, arguments: list[str]) -> tuple[int, str]:
        """In this process where that is the same: starting another takes longer than most commands."""
        if program == "marketmap" and arguments[0] not in _ALONE and not _SHELL.search(command):
            return self._run_here(arguments)
        ended = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return ended.returncode, ended.stdout + ended.stderr

    def _run_here(self, arguments: list[str]) -> tuple[int, str]:
        assert arguments[0] != "run", "it never ends: write & behind it"
        absent = dict.fromkeys(name for name in os.environ if name not in self._environment)
        with contextlib.chdir(self._folder):
            result = CliRunner(env=absent | self._environment).invoke(app, arguments)
        unexpected = result.exception and not isinstance(result.exception, SystemExit)
        return result.exit_code, result.output + (repr(result.exception) if unexpected else "")

    def _start(self, command: str) -> None:
        number = max(self._jobs, default=0) + 1
        log = self._folder / f"job-{number}.log"
        self._jobs[number] = Job(command, self._folder, self._environment, log)
        self._jobs[number].wait_until_it_works()

    def _export(self, arguments: list[str]) -> None:
        for argument in arguments:
            name, _, value = argument.partition("=")
            known = self._environment | {"PWD": str(self._folder)}
            self._environment[name] = Template(value).substitute(known)

    def _kill(self, arguments: list[str]) -> None:
        """`kill %1`: the first job."""
        for argument in arguments:
            self._jobs.pop(int(argument.removeprefix("%"))).stop()

    def _get(self, arguments: list[str]) -> str:
        """`curl URL`, which need not be installed; what the endpoint answers, with `--retry` once it does."""
        *options, url = arguments
        assert options in ([], _RETRYING)
        if options:
            until(lambda: _answer(url) is not None)
        answer = _answer(url)
        assert answer is not None, url
        return answer


# Without `-f` curl would print the answers that it does not take as the last one.
_RETRYING: Final = ["-sf", "--retry", "30", "--retry-delay", "1", "--retry-connrefused"]


def check_not_run(program: str, arguments: list[str]) -> None:
    """What cannot be run here at least names what there is: targets of make, files of this repository."""
    if program == "make":
        targets = re.findall(
            r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
        )
        assert set(targets) >= {one for one in arguments if "=" not in one}, arguments
    named = [one for one in arguments if one.startswith(("deploy/", "docs/", "scripts/"))]
    assert [one for one in named if not (ROOT / one).exists()] == []


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def _answer(url: str) -> str | None:
    """The body, if the status is 200."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  the worker's own address
            body = response.read().decode("utf-8")
            return str(body) if response.status == 200 else None
    except OSError:
        return None
