"""What can be said of the packages that we build on without asking anybody."""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def packages(lock: str) -> list[str]:
    """The lines of each package of a lock file, without comments."""
    return re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE).strip())


LOCKED = packages(LOCK)
LOCK_FILES = {
    "requirements.lock": 80,
    "scripts/uv-requirements.txt": 1,
    "scripts/release-requirements.txt": 20,
}
EXTRAS = {"sqlalchemy": ["asyncio"], "faststream": ["kafka"]}
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)")


def installed(name: str, found: set[str]) -> set[str]:
    """A distribution and what it needs to run on this machine, at whatever depth."""
    if name in found:
        return found
    found.add(name)
    for one in map(Requirement, distribution(name).requires or ()):
        if one.marker is None or any(
            one.marker.evaluate({"extra": extra}) for extra in EXTRAS.get(name, [""])
        ):
            installed(one.name.lower(), found)
    return found


INSTALLED = installed("market-mapping-worker", set())


def licence(name: str) -> str:
    about = distribution(name).metadata
    told = [
        one for field in ("License-Expression", "License") for one in about.get_all(field) or ()
    ]
    classified = [one for one in about.get_all("Classifier") or () if one.startswith("License ::")]
    return "; ".join(one[:100] for one in (*told, *classified))


@pytest.mark.parametrize(("name", "least"), LOCK_FILES.items())
def test_every_package_is_locked_to_one_version_with_its_hashes(name: str, least: int) -> None:
    locked = packages((ROOT / name).read_text(encoding="utf-8"))
    assert len(locked) >= least
    for one in locked:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==[^\s;]+( ;[^\\]+)? \\\n", one), one
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", one), one


@pytest.mark.parametrize("name", LOCK_FILES)
def test_nothing_comes_from_elsewhere_than_an_index(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert not re.findall(r"https?://|file:|git\+|^-[a-z-]|^\./", lock, re.MULTILINE)


@pytest.mark.parametrize("project", [".", "recall", "clients/python"])
def test_what_builds_a_project_is_locked(project: str) -> None:
    built = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["build-system"]
    names = {re.match(r"[a-z0-9._-]+", one)[0] for one in LOCKED}  # type: ignore[index]  # matched above
    needed = {Requirement(one).name for one in built["requires"]}
    assert needed <= names
    # What hatchling asks for when it makes an editable installation, as the set-up does.
    assert "editables" in names


@pytest.mark.parametrize("script", ["scripts/bootstrap", "Makefile"])
def test_every_installation_is_by_hash_and_builds_with_what_is_locked(script: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / script).read_text(encoding="utf-8"))
    found = re.findall(r"pip (?:install|sync) .*", text)
    assert found
    for one in found:
        assert "--require-hashes" in one or "--no-deps" in one, one
        assert (
            "--no-build-isolation" in one
            or "--require-build-hashes" in one
            or "--only-binary :all:" in one
            or "-r scripts/uv-requirements.txt" in one
        ), one
    assert not re.search(r"\btool run\b|\buvx\b", text)


def test_what_an_installation_holds_is_locked() -> None:
    names = {re.match(r"[a-z0-9._-]+", one)[0] for one in LOCKED}  # type: ignore[index]  # matched above
    assert {name.replace("_", "-") for name in INSTALLED} - {"market-mapping-worker"} <= names


def test_what_an_installation_holds_names_its_licence_and_none_binds_what_we_publish() -> None:
    licences = {name: licence(name) for name in INSTALLED - {"market-mapping-worker"}}
    assert [name for name, one in licences.items() if not one] == []
    assert {name: one for name, one in licences.items() if COPYLEFT.search(one)} == {}
