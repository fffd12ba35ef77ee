"""What a release holds, as far as it can be shown without the network: sources that build, and the crates."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
HATCHLING = Path(sys.executable).with_name("hatchling")
MATURIN = Path(sys.executable).with_name("maturin")


def built(folder: Path, target: str, into: Path) -> Path:
    command: list[str | Path] = [HATCHLING, "build", "--target", target, "--directory", into]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (made,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


def unpacked(archive: Path, into: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return folder


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_sources_of_the_client_kit_build_the_same_wheel(tmp_path: Path) -> None:
    checkout = ROOT / "clients" / "python"
    source = unpacked(built(checkout, "sdist", tmp_path / "sdist"), tmp_path / "unpacked")
    ours = files_of(built(checkout, "wheel", tmp_path / "ours"))
    theirs = files_of(built(source, "wheel", tmp_path / "theirs"))
    assert ours == theirs
    assert "market_mapping_client/py.typed" in ours
    assert "market_mapping_client/markets.json" in ours


def test_the_sources_of_recall_hold_all_that_builds_it(tmp_path: Path) -> None:
    command: list[str | Path] = [MATURIN, "sdist", "--out", tmp_path / "sdist"]
    command += ["--manifest-path", ROOT / "recall" / "Cargo.toml"]
    subprocess.run(command, check=True, capture_output=True)
    (archive,) = (tmp_path / "sdist").glob("*.tar.gz")
    source = unpacked(archive, tmp_path / "unpacked")
    held = {path.relative_to(source).name for path in source.rglob("*") if path.is_file()}
    written = {path.name for path in (ROOT / "recall" / "src").rglob("*.rs")}
    assert written | {"Cargo.toml", "Cargo.lock", "pyproject.toml", "PKG-INFO"} <= held


def test_the_bill_of_materials_gains_the_crates_of_recall_once(tmp_path: Path) -> None:
    sbom, lock = tmp_path / "sbom.json", ROOT / "recall" / "Cargo.lock"
    package = {"bom-ref": "requirements-L1", "name": "aiokafka", "type": "library"}
    sbom.write_text(json.dumps({"bomFormat": "CycloneDX", "components": [package]}))
    for _ in range(2):
        script = ROOT / "scripts" / "sbom_crates.py"
        subprocess.run([sys.executable, script, sbom, lock], check=True)
    components = json.loads(sbom.read_text())["components"]
    locked = tomllib.loads(lock.read_text())["package"]
    expected = {(one["name"], one["version"]) for one in locked if "source" in one}
    assert components[0] == package
    assert len(components) == 1 + len(expected)
    assert {(one["name"], one["version"]) for one in components[1:]} == expected
    assert "pyo3" in {one["name"] for one in components}
    assert all(len(one["hashes"][0]["content"]) == 64 for one in components[1:])


def test_a_release_sums_what_it_made_and_says_if_it_was_not_audited() -> None:
    """What `make release` would do: checksums come last, after everything has passed."""
    for audit, says in (("no", "NOT audited"), ("", "scripts/audit.py")):
        command = ["make", "--dry-run", "--no-print-directory", "release", f"AUDIT={audit}"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        steps = [shown.index(step) for step in ("maturin build", "sbom_crates", "SHA256SUMS")]
        assert steps == sorted(steps)
        assert says in shown
        assert ("scripts/audit.py" in shown) is (audit == "")
