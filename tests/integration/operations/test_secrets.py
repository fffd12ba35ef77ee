"""Secrets come from files, and are in nothing that anybody reads."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.support.people.commands import command
from tests.support.services.guarded_kafka import GuardedKafka
from tests.support.services.installation import Installation
from worker.operations.installation import grants

pytestmark = pytest.mark.services

PASSWORD = "marked-kafka-password"  # noqa: S105  # opens nothing but the broker of the test
ENDPOINTS = ("/startupz", "/livez", "/readyz", "/metrics")
# Some that work, and some that fail in the database, on the broker, and over the settings.
COMMANDS: list[tuple[tuple[str, ...], dict[str, str]]] = [
    (("topics", "ensure"), {}),
    (("dead", "list"), {"MARKETMAP_KAFKA_USERNAME": "nobody", "MARKETMAP_ADMIN_TIMEOUT_S": "2"}),
    (("lag",), {"MARKETMAP_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}),
]


@pytest.fixture
def secret_files(guarded: GuardedKafka, guarded_installation: Installation) -> dict[str, str]:
    """The environment of a process that finds its secrets in files, and in no variable."""
    user = f"{guarded_installation.settings.topic_prefix}user"
    guarded.add_user(user, PASSWORD)
    every = [role(guarded_installation.settings) for role in grants.ROLES.values()]
    guarded.grant(user, {grant for granted in every for grant in granted})
    settings = guarded.by_password(user, PASSWORD)
    secrets = {
        "KAFKA_PASSWORD": settings.pop("kafka_password"),
        "DATABASE_URL": guarded_installation.settings.database_url,
    }
    environment = {f"MARKETMAP_{name.upper()}": str(value) for name, value in settings.items()}
    for name, value in secrets.items():
        file = guarded_installation.folder / name
        file.write_text(value)
        environment |= {f"MARKETMAP_{name}_FILE": str(file), f"MARKETMAP_{name}": ""}
    return environment


async def test_no_secret_is_in_what_a_worker_logs_and_serves_or_a_command_writes(
    guarded_installation: Installation, secret_files: dict[str, str]
) -> None:
    one = guarded_installation
    one.start_worker(**secret_files, MARKETMAP_LOG_LEVEL="debug", MARKETMAP_RELAY_IN_WORKER="true")
    await one.ready()
    seen = [(await one.ask(path))[1] for path in ENDPOINTS]
    assert await one.stop_worker() == 0
    for arguments, environment in COMMANDS:
        finished = await command(one, *arguments, **secret_files | environment)
        assert (finished.code == 0) == (not environment), finished
        seen += [finished.stdout, finished.stderr]
    seen.append((one.folder / "worker-0.log").read_text())
    for secret in (PASSWORD, urlsplit(one.settings.database_url).password or ""):
        assert secret
        assert not [text for text in seen if secret in text]
