"""What is remembered of a service between commands: a small JSON file next to its data."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instance:
    """`token` proves that what answers on the port is ours: Kafka's cluster id, Postgres's password.

    `wanted` says that it was started and nobody has stopped it since.
    """

    token: str
    ports: tuple[int, ...] = ()
    wanted: bool = False


def read_instance(path: Path) -> Instance | None:
    try:
        raw = json.loads(path.read_text())
        return Instance(raw["token"], tuple(raw["ports"]), raw["wanted"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_instance(path: Path, instance: Instance) -> None:
    """Replace the whole file; only its owner may read it, because it can contain a password."""
    scratch = path.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(instance), file)
    scratch.replace(path)
