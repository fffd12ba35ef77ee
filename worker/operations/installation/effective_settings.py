"""The settings in effect, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from worker.settings.settings import SECRETS, Settings, variable
from worker.storage.engine import printable_url

SettingSource = Literal["default", "environment", "profile", "file", "local services"]

HIDDEN: Final = "(hidden)"


class Effective(NamedTuple):
    """A setting as it may be shown: a secret only as set, the database only as an address."""

    variable: str
    value: Any
    source: SettingSource


def effective_settings(settings: Settings, environment: Mapping[str, str]) -> list[Effective]:
    """Return every setting, in their order; ``settings`` were read from ``environment``. Pure."""
    given = {name.upper() for name, value in environment.items() if value}
    return [
        Effective(variable(field), _shown(field, value), _source(field, value, given))
        for field, value in settings
    ]


def _shown(field: str, value: Any) -> Any:
    if field not in SECRETS or value is None:
        return value
    return printable_url(value) if field == "database_url" else HIDDEN


def _source(field: str, value: Any, given: set[str]) -> SettingSource:
    if f"{variable(field)}_FILE" in given and field in SECRETS:
        return "file"
    if variable(field) in given:
        return "profile" if "MARKETMAP_PROFILE" in given else "environment"
    return "default" if value == Settings.model_fields[field].default else "local services"
