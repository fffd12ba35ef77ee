"""Profiles: the settings of an installation in a file, chosen by name.

`marketmap --profile prod lag` reads `prod.env`, from the folder `profiles` or from `~/.config/marketmap`. The
file is all that counts then: settings from the environment are ignored, and local services are not used, so
that no command talks to the database of one installation and the brokers of another.

A line of a profile is `NAME=VALUE`, as in the environment; `#` begins a comment. A message names the file,
the line and the setting, and never a value: it may be a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Final

from worker.cli.console import did_you_mean, fail

VARIABLE: Final = "MARKETMAP_PROFILE"
PREFIX: Final = "MARKETMAP_"
SUFFIX: Final = ".env"
# Whose these are, does not depend on the installation.
KEPT: Final = ("MARKETMAP_ACTOR", "MARKETMAP_LOCAL_DIR", "MARKETMAP_PAYLOADS", VARIABLE)

_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def folders() -> list[Path]:
    """Where profiles are looked for; the first one that has it counts."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [Path("profiles"), Path(configuration) / "marketmap"]


def known_profiles() -> list[str]:
    files = (file for folder in folders() for file in folder.glob(f"*{SUFFIX}"))
    return sorted({file.name.removesuffix(SUFFIX) for file in files if file.is_file()} - {""})


def use_profile(name: str, environment: MutableMapping[str, str]) -> None:
    """Put the settings of a profile in the place of those of the environment; a fault ends the command."""
    values = dict(_read(_find(name)))
    for variable in [one for one in environment if one.startswith(PREFIX) and one not in KEPT]:
        del environment[variable]
    environment.update(values)
    environment[VARIABLE] = name


def _find(name: str) -> Path:
    places = [folder / f"{name}{SUFFIX}" for folder in folders()]
    found = (
        next((file for file in places if file.is_file()), None) if _NAME.fullmatch(name) else None
    )
    if found is None:
        known = known_profiles()
        where = " and ".join(str(folder) for folder in folders())
        shown = f"the profiles are {', '.join(known)}" if known else "there is none"
        fail(
            f"There is no profile {name}: {shown} (in {where}).",
            2,
            hint=did_you_mean(name, known),
            kind="NOT_FOUND",
        )
    return found


def _read(file: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        fail(f"{file} cannot be read: {reason}", 2)
    known = _known_variables()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        if "\0" in line:
            fail(f"{file}, line {number}: a setting holds no NUL byte", 2)
        found = _LINE.fullmatch(line)
        if found is None:
            fail(f"{file}, line {number}: this is not NAME=VALUE", 2)
        variable, value = found[1], found[2].strip()
        if variable not in known:
            hint = did_you_mean(variable, known)
            fail(f"{file}, line {number}: {variable} is no setting.", 2, hint=hint)
        yield variable, _unquoted(value)


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if is_quoted else value


def _known_variables() -> list[str]:
    from worker.settings.settings import SECRETS, Settings, variable  # noqa: PLC0415  help must not wait for pydantic

    files = [f"{variable(field)}_FILE" for field in SECRETS]
    return [
        *map(variable, Settings.model_fields),
        *files,
        *(one for one in KEPT if one != VARIABLE),
    ]
