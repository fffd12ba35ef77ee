"""Kafka's class path, resolved by jgo from package coordinates into its cache, which all checkouts share."""

import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from worker.local.errors import LocalServicesError

KAFKA_VERSION = "4.4.0"
# Kafka logs through slf4j and brings no backend of its own; the simple one needs no configuration file.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"


def class_path(report: Callable[[str], None]) -> list[Path]:
    """Return the jars, downloading them on the first run of this user.

    jgo takes a folder that an interrupted run left behind for a whole one, and two runs at once write the
    same files: so a lock is held, and the jars count only once they have been checked and listed.
    """
    folder = _cache() / "market-mapping-worker"
    listed = folder / f"kafka-{KAFKA_VERSION}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _read_list(listed) or _resolve(listed, report)
    except (OSError, RuntimeError) as error:
        raise LocalServicesError(
            f"Kafka's jars could not be resolved: {error}. They are kept in {folder.parent} and in "
            "Maven's repository folder; JGO_CACHE_DIR and M2_REPO set other places. "
            "The first run needs to reach Maven Central."
        ) from error


def _cache() -> Path:
    # jgo's own rule, read without importing it: that takes longer than all else here.
    return Path(os.environ.get("JGO_CACHE_DIR") or Path.home() / ".cache" / "jgo")


def _read_list(listed: Path) -> list[Path] | None:
    try:
        jars = [Path(name) for name in json.loads(listed.read_text())]
    except (FileNotFoundError, ValueError):
        return None
    return jars if jars and all(jar.exists() for jar in jars) else None


def _resolve(listed: Path, report: Callable[[str], None]) -> list[Path]:
    import jgo  # noqa: PLC0415  slow to import, needed once per user

    report(f"Fetching Kafka {KAFKA_VERSION} (about 45 MB, once)")
    left_behind = jgo.build(ENDPOINT, cache_dir=_cache())
    shutil.rmtree(left_behind.path)
    jars = list(jgo.build(ENDPOINT, cache_dir=_cache()).all_jars)
    _refuse_broken(jars)
    listed.write_text(json.dumps([str(jar) for jar in jars]))
    return jars


def _refuse_broken(jars: list[Path]) -> None:
    broken = [jar for jar in jars if not zipfile.is_zipfile(jar)]
    if broken:
        names = ", ".join(jar.name for jar in broken)
        raise LocalServicesError(
            f"a download was cut short; remove from Maven's repository folder: {names}"
        )
