"""Insight processes, what they are given to read, and what they have written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from tests.support.services.installation import Installation, Published, until
from tests.support.services.nursery import start_process
from tests.support.services.relays import RelayProcess
from worker.lab.synthetic.scrape import generate_scrape

# It rests, and its turns are long where many share the machine.
PATIENCE_S: Final = 400.0
# Football that every bookmaker sells. With all mappings, a test takes minutes.
USUAL: Final = (
    *("1x2_ft", "1x2_1h", "btts_ft", "btts_1h"),
    *("over_under_ft", "over_under_1h", "double_chance_ft"),
)
# A market that is missed, and again mapped; a mapping that is wrong, and again right.
HIDE = (
    "UPDATE user_market_mappings SET bet9ja_key = NULL WHERE canonical_id = '1x2_ft' RETURNING id"
)
SHOW = "UPDATE user_market_mappings SET bet9ja_key = 'S_1X2' WHERE canonical_id = '1x2_ft' RETURNING id"
SWAP = """
UPDATE user_market_mappings
SET outcome_mapping = CAST(
    replace(replace(replace(CAST(outcome_mapping AS text),
        '"sportybet_desc": "Yes"', '"sportybet_desc": "#"'),
        '"sportybet_desc": "No"', '"sportybet_desc": "Yes"'),
        '"sportybet_desc": "#"', '"sportybet_desc": "No"') AS jsonb)
WHERE canonical_id = 'btts_ft'
RETURNING id
"""
EVIDENCE = """
SELECT canonical_id, platform, against, version, events, comparisons, prices, median, p90, worst
FROM mapping_evidence
ORDER BY canonical_id, platform, against
"""


async def keep_usual(installation: Installation) -> None:
    """Deactivate all mappings but some."""
    await installation.query(
        "UPDATE user_market_mappings SET is_active = false"
        " WHERE canonical_id <> ALL (CAST(:usual AS text[])) RETURNING id",
        usual=list(USUAL),
    )


def start_insight(installation: Installation, number: int = 0, **environment: str) -> RelayProcess:
    """An insight process that does not rest; it ends with the installation."""
    log = installation.folder / f"insight-{number}.log"
    settled = {
        "MARKETMAP_INSIGHT_INTERVAL_S": "5",
        "MARKETMAP_INSIGHT_CPU_SHARE": "1",
    }
    process = start_process("insight", installation.environment | settled | environment, log)
    installation.commands.append(process)
    return RelayProcess(process, log)


def scraped(*, events: int, seed: int = 11, scrape: int = 0) -> list[Published]:
    """A generated scrape of a minute ago, as scrapers publish it."""
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    generated = generate_scrape(
        seed=seed, events=events, scrape=scrape, started_at=started_at, size="slim"
    )
    return [
        (f"observations.{item.platform}", item.key.encode(), orjson.dumps(item.observation), [])
        for item in generated
    ]


def on_two_books(records: Iterable[Published]) -> set[str]:
    """The events that two bookmakers sell, by their keys."""
    books: dict[str, set[str]] = {}
    for topic, _, value, _ in records:
        document: dict[str, Any] = orjson.loads(value or b"")
        event = document["event"]
        key = event["sportradar_id"] or f"{document['platform']}:{event['id']}"
        books.setdefault(key, set()).add(topic)
    return {key for key, topics in books.items() if len(topics) > 1}


async def judged(
    installation: Installation, process: RelayProcess, events: Iterable[str], version: int = 0
) -> None:
    """Wait until all of these events are watched and judged, under this version or a later one."""
    wanted = set(events)

    async def is_judged() -> bool:
        assert process.process.poll() is None, process.log.read_text()[-4000:]
        rows = await installation.query("SELECT event FROM watched_event WHERE books > 1")
        lines = [line for line in process.lines() if line.get("event") == "insight_judged"]
        return {row.event for row in rows} == wanted and any(
            line["events"] == len(wanted) and not line["waiting"] and line["version"] >= version
            for line in lines[-1:]
        )

    await until(is_judged, PATIENCE_S)


async def evidence_of(installation: Installation) -> list[tuple[Any, ...]]:
    """All evidence, without the times at which it was written."""
    return [tuple(row) for row in await installation.query(EVIDENCE)]


async def read_through(installation: Installation, group: str) -> None:
    """Wait until this group has committed everything: what it has read is stored."""

    async def is_through() -> bool:
        topics = installation.settings.topics.observations.values()
        backlog = await installation.admin.backlog(group, topics)
        return backlog.done == backlog.total > 0

    await until(is_through)
