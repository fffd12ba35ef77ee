"""The addresses of Kafka and Postgres."""

import os
from pathlib import Path
from typing import NamedTuple

import worker
from worker.local.service import ServiceState
from worker.local.services import LocalServices

FOLDER_VARIABLE = "MARKETMAP_LOCAL_DIR"


class Addresses(NamedTuple):
    """`kafka` is `host:port[,host:port]`, `postgres` a `postgresql://` URL; None where none is known."""

    kafka: str | None
    postgres: str | None


def default_folder() -> Path:
    """MARKETMAP_LOCAL_DIR, or `.local` in the checkout of this code, or `.local` in the current folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    checkout = Path(worker.__file__).parents[1]
    root = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return Path(chosen) if chosen else root / ".local"


def find_addresses(given: Addresses, folder: Path | None = None) -> Addresses:
    """Fill what the environment did not give with the local services that answer now."""
    if given.kafka and given.postgres:
        return given
    status = LocalServices(folder or default_folder()).status()
    local = {s.name: s.address for s in status if s.state is ServiceState.RUNNING}
    return Addresses(given.kafka or local.get("kafka"), given.postgres or local.get("postgres"))
