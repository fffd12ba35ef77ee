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
    known = {
        "ARG",
        "FROM",
        "WORKDIR",
        "COPY",
        "RUN",
        "ENV",
        "USER",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert {one.name for one in INSTRUCTIONS} <= known


def test_what_builds_stays_behind() -> None:
    assert len(STARTS) == 2
    assert all(one.startswith("--from=build ") for one in given("COPY"))
    assert not [one for one in given("RUN") if "pip" in one]


def test_every_stage_begins_with_one_release_of_python() -> None:
    bases = {INSTRUCTIONS[number].rest.split()[0] for number in STARTS}
    assert bases == {"${PYTHON_IMAGE}"}
    (argument,) = [one.rest for one in INSTRUCTIONS if one.name == "ARG"]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+-slim", argument)


DIGEST = "python:3.13-slim@sha256:" + "a1" * 32


def make_image(**environment: str) -> subprocess.CompletedProcess[str]:
    """With a program in the place of the container engine that prints what it is told."""
    return subprocess.run(
        ["make", "--no-print-directory", "image", "CONTAINER=echo"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("base", ["", "python:3.13-slim", DIGEST[:-1], "x; touch y @" + DIGEST])
def test_a_base_that_can_be_moved_is_refused_for_an_image(base: str) -> None:
    done = make_image(PYTHON_IMAGE=base)
    assert done.returncode != 0
    assert "name the base by digest" in done.stderr
    assert done.stdout == ""


def test_an_image_is_built_on_the_base_that_was_named_by_digest() -> None:
    done = make_image(PYTHON_IMAGE=DIGEST)
    assert done.returncode == 0, done.stderr
    assert f"--build-arg PYTHON_IMAGE={DIGEST} " in done.stdout


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
    commands = [
        command
        for one in INSTRUCTIONS
        if one.name == "RUN"
        for command in one.rest.split(" && ")
        if "pip install" in command
    ]
    assert len(commands) == 3
    assert all(
        "--require-hashes" in one or "--constraints requirements.lock" in one or "--no-deps" in one
        for one in commands
    )


def test_what_builds_a_package_is_locked_as_well() -> None:
    building = re.findall(r"uv pip install .*?(?=&&|$)", TEXT, re.MULTILINE)
    assert len(building) == 2
    for one in building:
        assert "--build-constraints requirements.lock --require-build-hashes" in one


def test_no_secret_is_in_it() -> None:
    assert not re.search(r"password|secret|token|private|credential|\.env\b", TEXT, re.IGNORECASE)
    assert not [one for one in INSTRUCTIONS if one.name == "ADD"]
    assert all(one.rest.startswith("PYTHON_IMAGE=") for one in INSTRUCTIONS if one.name == "ARG")


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
