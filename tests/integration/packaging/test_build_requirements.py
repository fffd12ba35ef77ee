"""What builds a package is held to its hash: another file of the same version is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.people.wheels import ROOT, UV, index

LOCK = ROOT / "requirements.lock"


def build_with(lock: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Install the client kit, which hatchling builds, as the Dockerfile installs the worker."""
    command: list[str | Path] = [UV, "pip", "install", "--no-deps", "--no-cache"]
    command += ["--python", sys.executable, "--target", folder]
    command += ["--build-constraints", lock, "--require-build-hashes"]
    command += ["--preview-features", "build-dependency-hashes", ROOT / "clients" / "python"]
    return subprocess.run(
        command, env=os.environ | index(), capture_output=True, text=True, check=False
    )


def test_a_package_is_built_with_the_locked_files(tmp_path: Path) -> None:
    done = build_with(LOCK, tmp_path / "installed")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "installed" / "market_mapping_client").is_dir()


def test_a_file_with_another_hash_builds_nothing(tmp_path: Path) -> None:
    forged = tmp_path / "forged.lock"
    start, hatchling, rest = re.split(
        r"^(hatchling==.*)$", LOCK.read_text(), maxsplit=1, flags=re.MULTILINE
    )
    head, hashes, tail = re.split(r"((?:\s+--hash=\S+(?: \\)?)+)", rest, maxsplit=1)
    other = re.sub(r"sha256:[0-9a-f]{4}", "sha256:0000", hashes)
    forged.write_text(f"{start}{hatchling}{head}{other}{tail}")
    done = build_with(forged, tmp_path / "installed")
    assert done.returncode != 0
    assert "Hash mismatch for `hatchling" in done.stderr


def test_a_file_without_a_hash_builds_nothing(tmp_path: Path) -> None:
    bare = tmp_path / "bare.lock"
    bare.write_text("".join(re.findall(r"^(hatchling==\S+)", LOCK.read_text(), re.MULTILINE)))
    done = build_with(bare, tmp_path / "installed")
    assert done.returncode != 0
    assert "no trusted hash" in done.stderr
