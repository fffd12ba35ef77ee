"""What a draft is said to change is what a replay of the same offsets publishes once it is saved."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas import ID_HEADER, REPLAY_HEADER
from tests.support.people.commands import SIGNED, Finished, command
from tests.support.services.installation import Installation, Published
from tests.support.stream import resolved
from worker.kafka.bounded_reader import topic_reader
from worker.kafka.cluster.topics import TopicState
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord
from worker.lab.synthetic.scrape import generate_scrape
from worker.operations.what_if.difference import difference
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.forecast import DraftTrial
from worker.runtime.index.covering import usable
from worker.storage.engine import opened, transaction
from worker.storage.mappings import list_mappings

pytestmark = pytest.mark.services

LABELS = ("--set", "outcome.yes.sportybet_desc=No", "--set", "outcome.no.sportybet_desc=Yes")
# Without the ids of the outcomes, which would disagree with the labels.
WITHOUT_IDS = (
    "--set",
    "outcome.yes.sportybet_outcome_ids=",
    "--set",
    "outcome.no.sportybet_outcome_ids=",
)
SWAP = (*LABELS, *WITHOUT_IDS)
WHAT_IF = ("mappings", "what-if", "--last", "1h", "--json")
EVENTS = 3


def scrape() -> list[Published]:
    begun = datetime.now(UTC) - timedelta(minutes=2)
    return [
        (
            f"observations.{item.platform}",
            item.observation["event"]["id"].encode(),
            orjson.dumps(item.observation),
            [],
        )
        for item in generate_scrape(seed=11, events=EVENTS, started_at=begun, size="slim")
    ]


@dataclass
class Seen:
    """What was said before the change, and what was published of the same records before and after it."""

    said: Any
    predicted: dict[bytes, bytes]
    before: dict[bytes, bytes]
    after: dict[bytes, bytes]
    version: int


def published(records: list[RawRecord], *, again: bool) -> dict[bytes, bytes]:
    return {
        dict(record.headers)[ID_HEADER] or b"": record.value or b""
        for record in records
        if (REPLAY_HEADER in dict(record.headers)) is again
    }


async def active(installation: Installation) -> Any:
    async with opened(installation.settings.database_url) as engine, transaction(engine) as reading:
        rows = await list_mappings(reading, is_active=True)
    return {one.canonical_id: one for one in usable(rows)}


async def predicted(installation: Installation, draft: Draft) -> dict[bytes, bytes]:
    """By source id, what every observation of the touched topics would become."""
    settings = installation.settings
    trial = DraftTrial(draft, max_message_bytes=settings.max_message_bytes)
    found: dict[bytes, bytes] = {}
    for platform in draft.touched:
        topic = settings.topics.observations[platform]
        states: dict[str, TopicState] = await admin_of(settings).topics.states({topic})
        async with topic_reader(settings, topic) as reader:
            async for batch in reader.batches():
                for record in batch:
                    planned = trial.planned(platform, record)
                    source_id = f"{states[topic].topic_id}/{record.partition}/{record.offset}"
                    if planned is not None:
                        found[source_id.encode()] = planned[2].value or b""
    return found


async def scenario(installation: Installation) -> Seen:
    await installation.publish(scrape())
    installation.start_worker()
    await installation.caught_up()
    said = await command(installation, *WHAT_IF, "btts_ft", *SWAP)
    assert said.code == 0, said.stderr
    was = await active(installation)
    changed = await command(
        installation,
        *("mappings", "update", "btts_ft", *SWAP, "--republish", "1h", "--json", *SIGNED),
    )
    assert changed.code == 0, changed.stderr
    assert await installation.stop_worker() == 0
    draft = Draft(was, await active(installation), said.json["version"])
    records = await resolved(installation)
    return Seen(
        said.json,
        await predicted(installation, draft),
        published(records, again=False),
        published(records, again=True),
        changed.json["version"],
    )


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, index_poll_s=0.5)
    return outcome


def test_every_event_is_foreseen_byte_for_byte_but_for_the_version(seen: Seen) -> None:
    assert len(seen.after) == seen.said["holding"] > 0
    version = b'"mapping_version":%d' % seen.version
    was = b'"mapping_version":%d' % seen.said["version"]
    assert {
        source_id: seen.predicted[source_id].replace(was, version) for source_id in seen.after
    } == seen.after


def test_the_counts_are_those_of_the_difference_of_what_was_published(seen: Seen) -> None:
    kinds: Counter[str] = Counter()
    for source_id, value in seen.after.items():
        was = orjson.loads(seen.before[source_id])
        kinds.update(one.kind for one in difference(was, orjson.loads(value)).markets)
    assert {kind: n for kind, n in seen.said["counts"].items() if n} == dict(kinds)
    assert kinds["reassigned"] > 0
    assert seen.said["is_whole"]
    assert seen.said["mappings"] == ["btts_ft"]


def test_an_example_shows_both_prices_and_the_observation(seen: Seen) -> None:
    (market,) = [one for one in seen.said["markets"] if one["kind"] == "reassigned"]
    example = market["examples"][0]
    assert example["prices_before"]["yes"] == example["prices_after"]["no"]
    assert example["topic"].endswith("observations.sportybet")


@pytest.fixture(scope="module")
def said(in_installation: Any) -> dict[str, Finished]:
    outcome: dict[str, Finished] = in_installation(drafts)
    return outcome


async def drafts(installation: Installation) -> dict[str, Finished]:
    """What is said of several drafts; nothing is changed by any."""
    await installation.publish(scrape())
    mapping = {
        "canonical_id": "next_of_all",
        "name": "Next",
        "sportybet_id": "29",
        "priority": 9,
        "outcome_mapping": [{"canonical_id": "yes", "sportybet_desc": "Yes"}],
    }
    one, catalogue = installation.folder / "one.json", installation.folder / "catalogue.json"
    one.write_text(json.dumps(mapping))
    catalogue.write_text(json.dumps({"format": 1, "mappings": [mapping]}))
    arguments = {
        "file": (str(one),),
        "catalogue": (str(catalogue),),
        "deactivate": ("btts_ft", "--deactivate"),
        "delete": ("btts_ft", "--delete"),
        "disagreeing": ("btts_ft", *LABELS),
        "part": ("btts_ft", "--deactivate", "--limit", "2"),
        "nothing": ("btts_ft", "--activate"),
        "unknown": ("no_such_market", "--delete"),
        "neither": ("btts_ft",),
        "both": (str(one), "--delete"),
    }
    found = {
        name: await command(installation, *WHAT_IF, *given) for name, given in arguments.items()
    }
    found["people"] = await command(
        installation, "mappings", "what-if", "btts_ft", "--deactivate", "--last", "1h"
    )
    rows = await installation.query("SELECT 1 FROM user_market_mappings WHERE name = 'Next'")
    assert rows == []
    return found


def test_a_file_of_one_mapping_and_a_catalogue_of_it_say_the_same(
    said: dict[str, Finished],
) -> None:
    one, catalogue = said["file"].json, said["catalogue"].json
    assert one["counts"] == catalogue["counts"]
    assert one["mappings"] == ["next_of_all"]
    assert one["counts"]["moved"] + one["counts"]["resolved"] > 0


def test_what_is_switched_off_or_deleted_is_lost(said: dict[str, Finished]) -> None:
    off, deleted = said["deactivate"].json, said["delete"].json
    assert off["counts"] == deleted["counts"]
    assert off["counts"]["lost"] > 0
    assert {one["reason"] for one in off["misses"]} == {"UNKNOWN_MARKET"}
    assert off["prices"] is None
    assert "no events are watched" in off["prices_not_compared"]


def test_labels_that_disagree_with_ids_are_refused(said: dict[str, Finished]) -> None:
    found = said["disagreeing"].json
    assert found["counts"]["lost"] > 0
    assert {one["what"].partition(" ")[2] for one in found["refused"]} == {"INVALID_ODDS"}


def test_a_part_is_said_to_be_one(said: dict[str, Finished]) -> None:
    part = said["part"].json
    assert part["read"] < part["retained"]
    assert not part["is_whole"]


def test_a_draft_that_changes_nothing_reads_nothing(said: dict[str, Finished]) -> None:
    nothing = said["nothing"].json
    assert (nothing["mappings"], nothing["retained"], nothing["changed"]) == ([], 0, 0)


def test_people_see_the_markets_and_examples(said: dict[str, Finished]) -> None:
    shown = said["people"]
    assert shown.code == 0, shown.stderr
    assert "no longer resolved" in shown.stdout
    assert "not resolved" in shown.stdout
    assert "observations" in shown.stderr


def test_what_is_no_change_ends_the_command(said: dict[str, Finished]) -> None:
    assert said["unknown"].code == 1
    assert said["neither"].code == 2
    assert said["both"].code == 2
