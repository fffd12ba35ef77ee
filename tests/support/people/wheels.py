"""A wheel of this repository, and an environment that holds nothing but the wheel and what it depends on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
UV = Path(sys.prefix) / ".uv" / "bin" / "uv"
# As in the Dockerfile: the versions of the lock, and of them only what the wheel asks for.
LOCKED = ("--constraints", str(ROOT / "requirements.lock"))


def build_wheel(project: Path, folder: Path) -> Path:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(folder),
        ],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path, *, extra: str = "") -> Path:
    """The environment's folder of programs. Without the network when the set-up's cache holds everything."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, environment], check=True)
    command = [str(UV), "pip", "install", "--quiet", "--python", str(environment), *LOCKED]
    command += [f"{wheel}[{extra}]" if extra else str(wheel)]
    if subprocess.run([*command, "--offline"], check=False, capture_output=True).returncode:
        subprocess.run(command, check=True, env=os.environ | index())
    return environment / "bin"


def index() -> dict[str, str]:
    """An index that is configured for pip serves uv, too, as in the set-up."""
    index = os.environ.get("PIP_INDEX_URL")
    return {"UV_DEFAULT_INDEX": index} if index else {}
