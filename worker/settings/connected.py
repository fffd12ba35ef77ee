"""Settings of which an address is known: what a process or a command that connects is given.

`Settings` may lack the addresses, because a command such as `validate` connects to nothing. Whoever connects
asks for one of these types instead, and so cannot be handed an address that is not there.
"""

from __future__ import annotations

from pydantic import Field

from worker.settings.checks import BootstrapServers, PostgresUrl
from worker.settings.loading import SettingsError, load_settings
from worker.settings.settings import Settings, variable


class KafkaSettings(Settings):
    """Settings with brokers to connect to."""

    kafka_bootstrap_servers: BootstrapServers


class DatabaseSettings(Settings):
    """Settings with a database to connect to."""

    database_url: PostgresUrl = Field(repr=False)


class ConnectedSettings(KafkaSettings, DatabaseSettings):
    """Settings with brokers and a database to connect to."""

    # Both again: with two parents, Pydantic takes every field from the first.
    kafka_bootstrap_servers: BootstrapServers
    database_url: PostgresUrl = Field(repr=False)


def with_kafka(settings: Settings) -> KafkaSettings | None:
    """Return the settings as KafkaSettings; None if they have no brokers."""
    if not settings.kafka_bootstrap_servers:
        return None
    return KafkaSettings.model_construct(settings.model_fields_set, **dict(settings))


def with_database(settings: Settings) -> DatabaseSettings | None:
    """Return the settings as DatabaseSettings; None if they have no database."""
    if not settings.database_url:
        return None
    return DatabaseSettings.model_construct(settings.model_fields_set, **dict(settings))


def with_both(settings: Settings) -> ConnectedSettings | None:
    """Return the settings as ConnectedSettings; None if they lack the brokers or the database."""
    if not settings.kafka_bootstrap_servers or not settings.database_url:
        return None
    return ConnectedSettings.model_construct(settings.model_fields_set, **dict(settings))


def load_connected() -> ConnectedSettings:
    """Read the environment. Raises SettingsError, also when an address is missing."""
    settings = load_settings()
    connected = with_both(settings)
    if connected is None:
        fields = ("kafka_bootstrap_servers", "database_url")
        raise SettingsError(
            [f"{variable(name)}: is not set" for name in fields if not getattr(settings, name)]
        )
    return connected
