"""The compiled part as a wheel: a worker that was installed by pip has it without a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.people.wheels import ROOT, UV, build_wheel, install

CARGO = shutil.which("cargo")


@pytest.fixture(scope="module")
def recall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `make wheels` builds it."""
    if CARGO is None:
        pytest.skip("no Rust compiler (cargo) is found")
    folder = tmp_path_factory.mktemp("recall")
    maturin = Path(sys.executable).with_name("maturin")
    command: list[str | Path] = [
        maturin,
        "build",
        "--release",
        "--locked",
        "--quiet",
        "--out",
        folder,
    ]
    subprocess.run([*command, "--manifest-path", ROOT / "recall" / "Cargo.toml"], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_a_worker_that_pip_installed_uses_the_wheel_without_a_compiler(
    recall: Path, tmp_path: Path
) -> None:
    programs = install(build_wheel(ROOT, tmp_path), tmp_path / "environment")
    without_compiler = {name: value for name, value in os.environ.items() if name != "PATH"}
    python = programs / "python"
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--no-deps", "--offline", "--python", python, recall],
        env=without_compiler | {"PATH": str(programs)},
        check=True,
    )
    shown = subprocess.run(
        [python, "-c", "from worker.ingest.planning.recall import IS_COMPILED; print(IS_COMPILED)"],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "True\n"


def test_the_wheel_serves_every_python_from_3_11_on(recall: Path) -> None:
    assert "-cp311-abi3-" in recall.name
