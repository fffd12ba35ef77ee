"""Each part does its work with exactly what it is granted, and says what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.people.commands import SIGNED, command
from tests.support.services.guarded_kafka import GuardedKafka
from tests.support.services.insights import (
    judged,
    keep_usual,
    on_two_books,
    scraped,
    start_insight,
)
from tests.support.services.installation import PATIENCE_S, Installation, Published
from tests.support.services.relays import start_relay
from tests.support.services.snapshots import resolved, shows, start_snapshot
from tests.support.stream import expected_counts, stream
from worker.operations.installation import grants
from worker.operations.installation.grants import Grant

pytestmark = pytest.mark.services

UNREADABLE: Published = ("observations.sportybet", b"k", b"no json", [])


def environment(settings: dict[str, Any]) -> dict[str, str]:
    return {f"MARKETMAP_{name.upper()}": str(value) for name, value in settings.items()}


def user_with(
    guarded: GuardedKafka, installation: Installation, part: str, granted: Sequence[Grant]
) -> dict[str, str]:
    """The environment of a process that comes in as a user of its own, who has just these grants."""
    user = f"{installation.settings.topic_prefix}{part}"
    guarded.add_user(user, "right")
    guarded.grant(user, granted)
    return environment(guarded.by_password(user, "right"))


async def test_a_worker_and_the_commands_work_with_their_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    one.start_worker(**user_with(guarded, one, "worker", grants.worker(one.settings)))
    await one.publish([*stream(7), UNREADABLE])
    await one.caught_up()
    assert await one.stop_worker() == 0
    assert await one.counts() == expected_counts(7)
    assert len(await one.consume("odds.resolved")) == 7

    async def granted(part: str, *arguments: str, **more: str) -> Any:
        access = user_with(guarded, one, part, grants.ROLES[part](one.settings))
        return (await command(one, *arguments, "--json", **access, **more)).json

    assert await granted("administrator", "topics", "ensure")
    assert await granted("look", "lag")
    assert await granted("look", "lag", "--snapshot")
    assert await granted("look", "lag", "--insight")
    no_database = {"MARKETMAP_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/none"}
    listing = ("dead", "list", "--topic", "observations.sportybet")
    (letter,) = await granted("feedback", *listing, **no_database)
    assert letter["reason"] == "INVALID_JSON"
    shown = await granted("feedback", "dead", "show", letter["id"], **no_database)
    assert (shown["id"], shown["reason"]) == (letter["id"], "INVALID_JSON")
    assert (await granted("redrive", "dead", "redrive", *SIGNED, "--all"))["redriven"] == 1
    assert await granted("replay", "replay", "run", "--from", "1h", *SIGNED)
    assert len(await one.consume("odds.resolved")) == 14


async def test_a_relay_works_with_its_grants_and_a_certificate(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    user = f"{guarded_installation.settings.topic_prefix}relay"
    guarded.grant(user, grants.relay(guarded_installation.settings))
    relay = start_relay(guarded_installation, environment=environment(guarded.by_certificate(user)))
    await relay.logged("changes_published")
    assert await relay.stop() == 0


async def test_a_snapshot_process_works_with_its_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    access = user_with(guarded, one, "snapshot", grants.snapshot(one.settings))
    await one.publish([resolved("e1", 1)])
    process = start_snapshot(one, 0, **access)
    await shows(one, {"sportybet:e1": ("2026-11-22T12:00:01Z", 1)})
    said = await command(one, "doctor", "--as", "snapshot", "--json", **access)
    assert said.code == 0, said
    assert "offsets" in {one["subject"] for one in said.json["findings"]}
    assert await process.stop() == 0


async def test_a_snapshot_process_that_may_not_use_its_transactional_ids_ends_and_names_one(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    left = [each for each in grants.snapshot(one.settings) if each.resource != "TRANSACTIONAL_ID"]
    process = start_snapshot(one, 0, **user_with(guarded, one, "snapshot", left))
    assert await asyncio.to_thread(process.process.wait, PATIENCE_S) == 1
    (fatal,) = [line for line in process.lines() if line["event"] == "fatal"]
    assert f"{one.settings.topics.latest}-snapshot-" in fatal["error"]


async def test_an_insight_process_works_with_its_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    access = user_with(guarded, one, "insight", grants.insight(one.settings))
    records = scraped(events=2)
    await keep_usual(one)
    await one.publish(records)
    process = start_insight(one, 0, **access)
    await judged(one, process, on_two_books(records))
    said = await command(one, "doctor", "--as", "insight", "--json", **access)
    assert said.code == 0, said
    assert {"offsets", "evidence"} <= {each["subject"] for each in said.json["findings"]}
    assert await process.stop() == 0


async def refused_without(
    guarded: GuardedKafka, installation: Installation, missing: Grant
) -> tuple[int, str]:
    """How a worker with all grants but one ends: the exit code, and what it says."""
    left = [grant for grant in grants.worker(installation.settings) if grant != missing]
    access = user_with(guarded, installation, "worker", left)
    installation.start_worker(**access, MARKETMAP_ADMIN_TIMEOUT_S="5")
    code = await installation.ended()
    (fatal,) = [line for line in installation.log_of(0) if line["event"] == "fatal"]
    return code, fatal["error"]


async def test_a_worker_that_may_not_write_a_topic_ends_and_names_it(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    dead = guarded_installation.settings.topics.dead
    missing = Grant("TOPIC", "LITERAL", dead, "WRITE")
    code, told = await refused_without(guarded, guarded_installation, missing)
    assert code == 1
    assert dead in told


async def test_a_worker_that_may_not_use_its_group_ends_and_names_it(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    group = guarded_installation.settings.group_id
    missing = Grant("GROUP", "LITERAL", group, "READ")
    code, told = await refused_without(guarded, guarded_installation, missing)
    assert code == 1
    assert group in told


async def test_a_relay_that_may_not_use_its_transactional_id_ends_and_names_it(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    left = [
        grant for grant in grants.relay(guarded_installation.settings) if grant.resource == "TOPIC"
    ]
    relay = start_relay(
        guarded_installation, environment=user_with(guarded, guarded_installation, "relay", left)
    )
    code = await asyncio.to_thread(relay.process.wait, PATIENCE_S)
    (fatal,) = [line for line in relay.lines() if line["event"] == "fatal"]
    assert code == 1
    assert f"{guarded_installation.settings.topics.changes}-relay" in fatal["error"]


async def test_a_worker_with_a_wrong_password_ends_and_does_not_tell_it(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    user = f"{guarded_installation.settings.topic_prefix}user"
    guarded.add_user(user, "right")
    wrong = guarded.by_password(user, "guessed-password")
    guarded_installation.start_worker(**environment(wrong), MARKETMAP_ADMIN_TIMEOUT_S="2")
    assert await guarded_installation.ended() == 1
    log = (guarded_installation.folder / "worker-0.log").read_text()
    assert "invalid credentials" in log
    assert "guessed-password" not in log
