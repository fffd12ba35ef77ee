"""Under which conditions something was measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from worker.lab.bench.workloads import Sizes

_LIBRARIES: Final = ("aiokafka", "confluent-kafka", "faststream", "orjson", "asyncpg")


def conditions(sizes: Sizes, *, rounds: int) -> dict[str, str]:
    """Names and values, as they are now: ask before the load begins."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load average before the start (1, 5, 15 minutes)": load,
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        "servers": "Kafka (JVM with its first compiler tier) and Postgres with fsync, on the same machine",
        "sizes": f"{sizes.events} events, {sizes.small:,} small and {sizes.large} large messages",
        "rounds": str(rounds),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
