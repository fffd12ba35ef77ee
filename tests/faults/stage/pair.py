"""The broker and the Postgres of the fault suite. The broker can also be reached through a proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from worker.local.owned import owned_services
from worker.local.ports import pick_free
from worker.local.services import LocalServices


@dataclass(frozen=True)
class Pair:
    """``behind_proxy`` is a second listener of the broker; it advertises ``proxy_port``, where a proxy of the
    test is to listen. A client that comes through the proxy so never leaves it.
    """

    services: LocalServices
    behind_proxy: int
    proxy_port: int

    @property
    def kafka(self) -> str:
        return self.services.kafka

    @property
    def postgres(self) -> str:
        return self.services.postgres

    def up(self) -> None:
        """Start what a test has left down, and return when it answers."""
        self.services.kafka_service.start()
        self.services.postgres_service.start()


@contextmanager
def breakable_pair() -> Iterator[Pair]:
    with owned_services() as services:
        behind_proxy, proxy_port = pick_free(2)
        _add_listener(services, behind_proxy, proxy_port)
        yield Pair(services, behind_proxy, proxy_port)


def _add_listener(services: LocalServices, behind_proxy: int, proxy_port: int) -> None:
    kafka = services.kafka_service
    broker, controller = json.loads((kafka.folder / "instance.json").read_text())["ports"]
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{broker},PROXIED://127.0.0.1:{behind_proxy},"
        f"CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker},PROXIED://127.0.0.1:{proxy_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    (kafka.folder / "override.properties").write_text(lines)
    kafka.stop()
    kafka.start()
