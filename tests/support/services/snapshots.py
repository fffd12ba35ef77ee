"""Snapshot processes, and what a reader of their topic sees."""

from __future__ import annotations

from typing import Any, Final

import orjson

from tests.support.services.installation import Installation, Published, until
from tests.support.services.nursery import start_process
from tests.support.services.relays import RelayProcess

SECOND: Final = "2026-11-22T12:00:{:02d}Z"


def start_snapshot(installation: Installation, number: int = 0, **environment: str) -> RelayProcess:
    """A snapshot process; it ends with the installation."""
    log = installation.folder / f"snapshot-{number}.log"
    settled = {
        "MARKETMAP_HTTP_PORT": "0",
        "MARKETMAP_LOG_FORMAT": "json",
        "MARKETMAP_SNAPSHOT_UNSEEN_S": "0",
        "MARKETMAP_MAX_CLOCK_AHEAD_S": "0",
        "MARKETMAP_SESSION_TIMEOUT_S": "6",
    }
    process = start_process("snapshot", installation.environment | settled | environment, log)
    installation.commands.append(process)
    return RelayProcess(process, log)


def resolved(event_id: str = "e1", second: int = 0, version: int = 1, **more: Any) -> Published:
    """A resolved event as the worker publishes it; ``status`` and ``part`` are its own."""
    event = {"id": event_id, "status": more.pop("status", None)}
    document = {
        "schema_version": 1,
        "platform": "sportybet",
        "observed_at": SECOND.format(second)
        if second < 60
        else f"2026-11-22T13:00:{second - 60:02d}Z",
        "scrape_id": None,
        "event": event,
        "part": None,
        "mapping_version": version,
        "markets": [],
        "misses": [],
        "rejected": [],
        **more,
    }
    return "odds.resolved", event_id.encode(), orjson.dumps(document), [("marketmap-id", b"t/0/1")]


async def latest(installation: Installation) -> dict[str, Any]:
    """What a reader that starts now takes: the last record of each key, tombstones left out."""
    records = await installation.consume(installation.settings.topic_latest)
    by_key = {(record.partition, record.key): record for record in records}
    return {
        (key or b"").decode(): orjson.loads(record.value)
        for (_, key), record in by_key.items()
        if record.value is not None
    }


async def shows(installation: Installation, expected: dict[str, tuple[str, int]]) -> None:
    """Wait until the topic holds exactly these keys, with the moment and the mapping version of each."""
    found: dict[str, tuple[str, int]] = {}

    async def are_there() -> bool:
        now = await latest(installation)
        found.clear()
        found.update({k: (v["observed_at"], v["mapping_version"]) for k, v in now.items()})
        return found == expected

    try:
        await until(are_there)
    except TimeoutError as error:
        raise AssertionError(f"{found} is not {expected}") from error


async def read_through(installation: Installation) -> None:
    """Wait until the group of the snapshot processes has committed everything."""

    async def is_through() -> bool:
        settings = installation.settings
        backlog = await installation.admin.backlog(
            settings.snapshot_group_id, [settings.topics.resolved]
        )
        return backlog.done == backlog.total > 0

    await until(is_through)
