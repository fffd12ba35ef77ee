"""What a value of a setting has to look like. Each check raises ValueError with a sentence for people."""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

from pydantic import AfterValidator, Field

from worker.settings.database_address import check_database_url

MIB = 1024 * 1024
FEWEST_BYTES = 1024
MOST_BYTES = 1024 * MIB
MOST_CLOCK_AHEAD_S = 366 * 24 * 60 * 60


def _check_bootstrap_servers(servers: str) -> str:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{json.dumps(server.strip())} is not host:port")
    return servers


def _check_topic(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) or name in {".", ".."}:
        raise ValueError("a topic name has 1 to 249 letters, digits, dots, underscores and hyphens")
    return name


def _check_tracing(wanted: bool) -> bool:  # noqa: FBT001  # Pydantic passes it by position
    if wanted and not _is_installed("opentelemetry-exporter-otlp-proto-http"):
        raise ValueError("the extra is not installed: pip install 'market-mapping-worker[tracing]'")
    return wanted


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def _check_name(name: str) -> str:
    if not name.isprintable() or not 0 < len(name) <= 255:
        raise ValueError("a consumer group's name has 1 to 255 printable characters")
    return name


PostgresUrl = Annotated[str, AfterValidator(check_database_url)]
BootstrapServers = Annotated[str, AfterValidator(_check_bootstrap_servers)]
Topic = Annotated[str, AfterValidator(_check_topic)]
TopicPrefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")]
Bytes = Annotated[int, Field(ge=FEWEST_BYTES, le=MOST_BYTES)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Name = Annotated[str, AfterValidator(_check_name)]
TracingFlag = Annotated[bool, AfterValidator(_check_tracing)]
