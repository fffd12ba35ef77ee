"""The set-up names what a bare machine lacks, before it writes anything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "bootstrap"
NO_SUCH_COMMAND = "#!/bin/sh\nexit 127\n"
WITHOUT_VENV = f"""#!/bin/sh
case "$2" in *ensurepip*) exit 1;; esac
exec "{sys.executable}" "$@"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "programs").mkdir()
    shutil.copy(SCRIPT, tmp_path / "scripts")
    return tmp_path


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'programs'}:{os.environ['PATH']}"
    return subprocess.run(
        [checkout / "scripts" / "bootstrap"],
        env={"PATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def program(checkout: Path, name: str, text: str) -> Path:
    file = checkout / "programs" / name
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_a_machine_without_a_new_enough_python_is_told_what_to_install(checkout: Path) -> None:
    for name in ("python3", "python3.13", "python3.12", "python3.11"):
        program(checkout, name, NO_SUCH_COMMAND)
    outcome = set_up(checkout)
    assert outcome.returncode == 1
    assert "Python 3.11 or newer is needed" in outcome.stderr
    assert not (checkout / ".venv").exists()


def test_a_chosen_python_that_is_too_old_is_refused_by_name(checkout: Path) -> None:
    outcome = set_up(checkout, PYTHON=str(program(checkout, "old", NO_SUCH_COMMAND)))
    assert outcome.returncode == 1
    assert "programs/old is no Python 3.11 or newer" in outcome.stderr


def test_a_python_without_its_venv_module_is_told_the_package(checkout: Path) -> None:
    # sys.executable of a wrapped interpreter is the wrapper, as Debian's is without python3-venv.
    bare = program(checkout, "bare", WITHOUT_VENV)
    bare.write_text(
        WITHOUT_VENV.replace("exec ", f'case "$2" in *executable*) echo {bare}; exit;; esac\nexec ')
    )
    outcome = set_up(checkout, PYTHON=str(bare))
    assert outcome.returncode == 1
    assert f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in outcome.stderr
