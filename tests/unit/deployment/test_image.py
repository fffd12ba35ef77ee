"""The Dockerfile, as far as it can be judged without a container engine."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
import yaml

from worker.settings.settings import Settings

ROOT = Path(__file__).parents[3]
TEXT = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))


class Instruction(NamedTuple):
    name: str
    rest: str


INSTRUCTIONS = [
    Instruction(*line.split(" ", 1))
    for line in TEXT.splitlines()
    if line and not line.startswith("#")
]
STARTS = [number for number, one in enumerate(INSTRUCTIONS) if one.name == "FROM"]
LAST_STAGE = INSTRUCTIONS[STARTS[-1] :]


def given(name: str) -> list[str]:
    """What follows an instruction in the last stage, each time that it is there."""
    return [one.rest for one in LAST_STAGE if one.name == name]


def test_every_instruction_is_one_that_an_engine_knows() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {one.name for one in INSTRUCTIONS} <= known


def test_what_builds_stays_behind() -> None:
    assert len(STARTS) == 2
    assert all(one.startswith("--from=build ") for one in given("COPY"))
    assert not [one for one in given("RUN") if "pip" in one]


def test_every_stage_begins_with_one_release_of_python() -> None:
    bases = {INSTRUCTIONS[number].rest.split()[0] for number in STARTS}
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+-slim", base)


def test_it_runs_as_an_ordinary_user_by_number() -> None:
    (user,) = given("USER")
    assert int(user) > 0
    assert [one.name for one in LAST_STAGE].index("USER") > [one.name for one in LAST_STAGE].index(
        "COPY"
    )


def test_a_signal_reaches_the_program_and_no_shell() -> None:
    assert given("ENTRYPOINT") == ['["marketmap"]']
    assert given("CMD") == ['["run", "worker"]']


def test_only_locked_packages_are_installed() -> None:
    installing = [
        one.rest for one in INSTRUCTIONS if one.name == "RUN" and "pip install" in one.rest
    ]
    assert len(installing) == 2
    assert all(
        "--require-hashes" in one or "--constraints requirements.lock" in one for one in installing
    )


def test_no_secret_is_in_it() -> None:
    assert not re.search(r"password|secret|token|private|credential|\.env\b", TEXT, re.IGNORECASE)
    assert not [one for one in INSTRUCTIONS if one.name in {"ARG", "ADD"}]


def test_every_file_it_is_built_from_exists_and_reaches_the_build() -> None:
    copies = [
        one.rest for one in INSTRUCTIONS if one.name == "COPY" and not one.rest.startswith("--from")
    ]
    sources = {source for line in copies for source in shlex.split(line)[:-1]}
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert sources == sent
    assert all((ROOT / source).exists() for source in sources)


@contextmanager
def serving(status: int) -> Iterator[tuple[int, list[str]]]:
    """A server that answers everything so: its port, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_its_health_check_asks_whether_the_process_is_alive(status: int, healthy: bool) -> None:
    (check,) = given("HEALTHCHECK")
    command = check.partition(" CMD ")[2]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with serving(status) as (port, asked):
        done = subprocess.run(
            ["sh", "-c", command],
            env={"PATH": path, "MARKETMAP_HTTP_PORT": str(port)},
            capture_output=True,
            check=False,
        )
    assert asked == ["/livez"]
    assert (done.returncode == 0) == healthy


def test_its_health_check_knows_the_port_that_is_taken_by_default() -> None:
    (check,) = given("HEALTHCHECK")
    assert f"${{MARKETMAP_HTTP_PORT:-{Settings.model_fields['http_port'].default}}}" in check


def test_compose_builds_this_image() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert {one.get("build") for one in services.values()} == {".", None}
