"""The first installation with rights, in the documented order, from an empty cluster and an empty database.

Every login is in one group only and every Kafka user has the grants of one part only. The doctor is red for
each of them before it is given anything, and green as soon as it has all that its part needs.
"""

from __future__ import annotations

import itertools
import shlex
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from confluent_kafka.admin import ResourceType

from tests.support.people.commands import Finished, command_in_process
from tests.support.services.guarded_kafka import GuardedKafka
from tests.support.services.installation import (
    Installation,
    execute,
    installed,
    temporary_database,
    until,
)
from worker.operations.doctor.parts import PARTS, part_of
from worker.operations.installation.grants import Grant

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

OPERATIONS = {
    "Read": "READ",
    "Write": "WRITE",
    "Describe": "DESCRIBE",
    "DescribeConfigs": "DESCRIBE_CONFIGS",
    "Create": "CREATE",
}


@pytest.fixture
async def nothing_yet(
    guarded: GuardedKafka, services: Services, tmp_path: Path
) -> AsyncIterator[Installation]:
    """The settings of an installation that has no topics and an empty database, as an administrator."""
    async with (
        temporary_database(services.postgres) as url,
        installed(guarded.plaintext, url, tmp_path, topics=False) as installation,
    ):
        yield installation


@pytest.fixture
async def logins(nothing_yet: Installation) -> AsyncIterator[dict[str, str]]:
    """Addresses of logins that nobody has given anything, by part."""
    url = nothing_yet.settings.database_url
    address, mark = urlsplit(url), uuid.uuid4().hex[:8]
    place = address.netloc.rpartition("@")[2]
    names = {part: f"first_{mark}_{part}" for part in PARTS}
    for name in names.values():
        await execute(url, f"CREATE ROLE {name} LOGIN PASSWORD 'right'")
    yield {
        part: urlunsplit(address._replace(netloc=f"{name}:right@{place}"))
        for part, name in names.items()
    }
    for name in names.values():
        await execute(url, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def granted_by(line: str) -> Grant:
    """The grant that a call of kafka-acls.sh makes."""
    words = shlex.split(line)
    options = dict(itertools.pairwise(words))
    (resource,) = {"--topic", "--group", "--transactional-id"} & options.keys()
    kind = resource.removeprefix("--").replace("-", "_").upper()
    assert kind in ResourceType.__members__
    pattern = options.get("--resource-pattern-type", "literal").upper()
    operation = OPERATIONS[options["--operation"]]
    return Grant(kind, pattern, options[resource], operation)  # type: ignore[arg-type]  # as Kafka's tool has them


class Newcomer:
    """One part with the credentials that it will have, on an installation that is being made."""

    def __init__(self, guarded: GuardedKafka, at: Installation, part: str, url: str) -> None:
        self.part = part
        self._guarded, self._at = guarded, at
        self.user = f"{at.settings.topic_prefix}{part}"
        guarded.add_user(self.user, "right")
        settings = {**guarded.by_password(self.user, "right"), "database_url": url}
        self._access = {f"MARKETMAP_{name.upper()}": str(value) for name, value in settings.items()}

    async def run(self, *arguments: str, **changed: str) -> Finished:
        return await command_in_process(self._at, *arguments, **self._access | changed)

    async def doctor(self, **changed: str) -> dict[str, Any]:
        done = await self.run("doctor", "--as", self.part, "--json", **changed)
        return {"code": done.code, "text": done.stdout}

    async def is_well(self) -> bool:
        return (await self.run("doctor", "--as", self.part)).code == 0

    async def take_grants(self) -> None:
        """As the administrator of the brokers gives them, by what the command prints."""
        if not part_of(self._at.settings, self.part).grants:
            return
        asked = ("topics", "grants", self.part, "--commands", "--principal", f"User:{self.user}")
        printed = (await command_in_process(self._at, *asked)).stdout.splitlines()
        assert all(f"--allow-principal User:{self.user} " in line for line in printed)
        self._guarded.grant(self.user, map(granted_by, printed))


async def test_in_the_documented_order_each_part_is_red_and_then_green(
    guarded: GuardedKafka, nothing_yet: Installation, logins: dict[str, str]
) -> None:
    one, url = nothing_yet, nothing_yet.settings.database_url
    parts = {part: Newcomer(guarded, one, part, logins[part]) for part in PARTS}
    assert {name: await each.is_well() for name, each in parts.items()} == dict.fromkeys(
        parts, False
    )

    for statements in (("migrate", "--sql"), ("roles", "--sql")):
        await execute(url, (await command_in_process(one, *statements)).stdout)
    assert not await parts["worker"].is_well(), "its tables exist, and it may not use them"

    for name, each in parts.items():
        part = part_of(one.settings, name)
        if part.needs:
            await execute(url, f"GRANT {part.group} TO {urlsplit(logins[name]).username}")
        await each.take_grants()
    await until(lambda: made_by(parts["administrator"]))
    for each in parts.values():
        await until(each.is_well)


async def made_by(administrator: Newcomer) -> bool:
    """Whether the topics are made; grants take a moment until every broker knows them."""
    return (await administrator.run("topics", "ensure")).code == 0


async def test_a_refused_login_is_called_that_and_its_password_stays_hidden(
    guarded: GuardedKafka, nothing_yet: Installation, logins: dict[str, str]
) -> None:
    one = Newcomer(guarded, nothing_yet, "worker", logins["worker"].replace("right", "guessed"))
    found = await one.doctor(MARKETMAP_KAFKA_PASSWORD="guessed")  # noqa: S106  # a wrong one
    assert found["code"] == 1
    assert "password or certificate refused" in found["text"]
    assert "login refused" in found["text"]
    assert "running at" not in found["text"]
    assert "guessed" not in found["text"]
