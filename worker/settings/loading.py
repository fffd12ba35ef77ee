"""Settings from the environment, with all faults at once.

A secret can be given as the name of a file that holds it: MARKETMAP_DATABASE_URL_FILE instead of
MARKETMAP_DATABASE_URL.
"""

import json
import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from worker.settings.settings import PREFIX, SECRETS, Settings, variable

# Variables with our prefix that are read elsewhere: by the local services and by the tests.
OTHER_VARIABLES = ("ACTOR", "LOCAL_DIR", "PAYLOADS", "PROFILE")
MAX_SHOWN = 60


class SettingsError(Exception):
    """The settings are invalid; `faults` has a line for each invalid value: variable, value, reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def load_settings() -> Settings:
    """Read the environment. Raises SettingsError, with all faults at once."""
    faults = list(_misspelt(os.environ))
    secrets: dict[str, Any] = dict(_read_secret_files(os.environ, faults))
    try:
        settings = Settings(**secrets)
    except ValidationError as error:
        raise SettingsError([*faults, *map(_describe, error.errors(include_url=False))]) from None
    if faults:
        raise SettingsError(faults)
    return settings


def _read_secret_files(
    environment: Mapping[str, str], faults: list[str]
) -> Iterator[tuple[str, str]]:
    for field in SECRETS:
        name = variable(field) + "_FILE"
        path = environment.get(name)
        if not path:
            continue
        if environment.get(variable(field)):
            faults.append(
                f"{name}: {_shown(path)}: give either this or {variable(field)}, not both"
            )
        try:
            yield field, Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            faults.append(f"{name}: {_shown(path)}: {reason}")


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Name variables that are almost one of ours: a typo would silently leave the default in force."""
    files = [f"{field.upper()}_FILE" for field in SECRETS]
    known = [*(field.upper() for field in Settings.model_fields), *files, *OTHER_VARIABLES]
    for name in sorted(environment):
        suffix = name.removeprefix(PREFIX)
        if suffix == name or suffix in known:
            continue
        for near in get_close_matches(suffix, known, n=1, cutoff=0.85):
            shown = _shown_of(near.lower(), environment[name])
            yield f"{name}: {shown}: there is no such setting; {PREFIX}{near} is meant?"


def _describe(error: Mapping[str, object]) -> str:
    location, message = error["loc"], str(error["msg"]).removeprefix("Value error, ")
    if not isinstance(location, tuple) or not location:
        return message
    field = str(location[0])
    shown = _shown_of(field, error["input"])
    return f"{variable(field)}: {shown}: {message[:1].lower()}{message[1:]}"


def _shown_of(field: str, value: object) -> str:
    return "(hidden)" if field in SECRETS else _shown(value)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
