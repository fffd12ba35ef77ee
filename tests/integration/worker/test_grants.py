"""Each part does its work with exactly what it is granted, and says what it lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.commands import SIGNED, Finished, command
from tests.support.guarded_kafka import GuardedKafka
from tests.support.installation import PATIENCE_S, Installation, Published
from tests.support.relays import start_relay
from tests.support.stream import expected_counts, stream
from worker.app import grants
from worker.app.grants import Grant

pytestmark = pytest.mark.services

UNREADABLE: Published = ("observations.sportybet", b"k", b"no json", [])


def environment(settings: dict[str, Any]) -> dict[str, str]:
    return {f"MARKETMAP_{name.upper()}": str(value) for name, value in settings.items()}


def user_with(guarded: GuardedKafka, installation: Installation, granted: Sequence[Grant]) -> dict[str, str]:
    """The environment of a process that comes in as a user who has just these grants."""
    user = f"{installation.settings.topic_prefix}user"
    guarded.add_user(user, "right")
    guarded.grant(user, granted)
    return environment(guarded.by_password(user, "right"))


async def counted(installation: Installation, guarded: GuardedKafka) -> None:
    """Have a worker with its grants count seven observations, and one that is unreadable."""
    access = user_with(guarded, installation, grants.worker(installation.settings))
    installation.start_worker(**access)
    await installation.publish([*stream(7), UNREADABLE])
    await installation.caught_up()
    assert await installation.stop_worker() == 0


async def test_a_worker_works_with_its_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    await counted(guarded_installation, guarded)
    assert await guarded_installation.counts() == expected_counts(7)
    assert len(await guarded_installation.consume("odds.resolved")) == 7
    assert len(await guarded_installation.consume("observations.dead")) == 1


async def test_a_relay_works_with_its_grants_and_a_certificate(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    user = f"{guarded_installation.settings.topic_prefix}relay"
    guarded.grant(user, grants.relay(guarded_installation.settings))
    relay = start_relay(guarded_installation, **environment(guarded.by_certificate(user)))
    await relay.logged("changes_published")
    assert await relay.stop() == 0


async def test_the_commands_work_with_their_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    await counted(one, guarded)

    async def granted(role: str, *arguments: str) -> Finished:
        access = user_with(guarded, one, grants.ROLES[role](one.settings))
        finished = await command(one, *arguments, **access)
        assert finished.code == 0, finished
        return finished

    assert (await granted("administrator", "topics", "ensure", "--json")).json
    assert (await granted("look", "lag", "--json")).json
    redriven = await granted("redrive", "dead", "redrive", *SIGNED, "--all", "--json")
    assert redriven.json["redriven"] == 1
    await granted("replay", "replay", "run", "--from", "1h", *SIGNED, "--json")
    assert len(await one.consume("odds.resolved")) == 14


async def refused_without(
    guarded: GuardedKafka, installation: Installation, missing: Grant
) -> tuple[int, str]:
    """How a worker with all grants but one ends: the exit code, and what it says."""
    left = [grant for grant in grants.worker(installation.settings) if grant != missing]
    installation.start_worker(**user_with(guarded, installation, left), MARKETMAP_ADMIN_TIMEOUT_S="5")
    code = await installation.ended()
    (fatal,) = [line for line in installation.log_of(0) if line["event"] == "fatal"]
    return code, fatal["error"]


async def test_a_worker_that_may_not_write_a_topic_ends_and_names_it(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    dead = guarded_installation.settings.prefixed("observations.dead")
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
    left = [grant for grant in grants.relay(guarded_installation.settings) if grant.resource == "TOPIC"]
    relay = start_relay(guarded_installation, **user_with(guarded, guarded_installation, left))
    code = await asyncio.to_thread(relay.process.wait, PATIENCE_S)
    (fatal,) = [line for line in relay.lines() if line["event"] == "fatal"]
    assert code == 1
    assert f"{guarded_installation.settings.prefixed('mappings.changes')}-relay" in fatal["error"]


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
