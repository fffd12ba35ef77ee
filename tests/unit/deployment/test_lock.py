"""What can be said of the packages that we build on without asking anybody."""

import re
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
LOCKED = re.split(r"\n(?=[a-z0-9])", re.sub(r"^\s*#.*\n", "", LOCK, flags=re.MULTILINE).strip())
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


def test_every_package_is_locked_to_one_version_with_its_hashes() -> None:
    assert len(LOCKED) > 80
    for one in LOCKED:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==[^\s;]+( ;[^\\]+)? \\\n", one), one
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", one), one


def test_nothing_comes_from_elsewhere_than_an_index() -> None:
    assert not re.findall(r"https?://|file:|git\+|^-[a-z-]|^\./", LOCK, re.MULTILINE)


def test_what_an_installation_holds_is_locked() -> None:
    names = {re.match(r"[a-z0-9._-]+", one)[0] for one in LOCKED}  # type: ignore[index]  # matched above
    assert {name.replace("_", "-") for name in INSTALLED} - {"market-mapping-worker"} <= names


def test_what_an_installation_holds_names_its_licence_and_none_binds_what_we_publish() -> None:
    licences = {name: licence(name) for name in INSTALLED - {"market-mapping-worker"}}
    assert [name for name, one in licences.items() if not one] == []
    assert {name: one for name, one in licences.items() if COPYLEFT.search(one)} == {}
