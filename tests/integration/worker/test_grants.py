"""Each part does its work with exactly what it is granted, and says what it lacks."""

from __future__ import annotations

import pytest

from tests.support.guarded_kafka import GuardedKafka
from tests.support.installation import Installation
from tests.support.stream import expected_counts, stream
from worker.app import grants

pytestmark = pytest.mark.services

QUICK = {"MARKETMAP_ADMIN_TIMEOUT_S": "5"}


def access(guarded: GuardedKafka, user: str) -> dict[str, str]:
    """The environment of a process that comes in as the user, by a password over TLS."""
    guarded.add_user(user, "right")
    settings = guarded.by_password(user, "right")
    return QUICK | {f"MARKETMAP_{name.upper()}": str(value) for name, value in settings.items()}


async def test_a_worker_with_a_relay_works_with_their_grants(
    guarded: GuardedKafka, guarded_installation: Installation
) -> None:
    one = guarded_installation
    guarded.grant("worker", [*grants.worker(one.settings), *grants.relay(one.settings)])
    one.start_worker(**access(guarded, "worker"), MARKETMAP_RELAY_IN_WORKER="true")
    await one.publish([*stream(7), ("observations.bet9ja", b"k", b"no json", [])])
    await one.caught_up()
    await one.logged("changes_published")
    await one.stop_worker()
    assert await one.counts() == expected_counts(7)
    assert len(await one.consume("observations.dead")) == 1
