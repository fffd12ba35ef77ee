"""The network between the workers and their servers: a proxy before each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from tests.faults.stage.pair import Pair
from tests.support.services.proxy import Proxy


@dataclass(frozen=True)
class Network:
    kafka: Proxy
    postgres: Proxy

    async def mend(self) -> None:
        """Undo what a test has left."""
        for proxy in (self.kafka, self.postgres):
            proxy.delay_s = 0
            proxy.thaw()
            if not proxy.is_listening:
                await proxy.start()

    def environment(self, database_url: str) -> dict[str, str]:
        """Settings of a worker that reaches both servers through their proxies."""
        parts = urlsplit(database_url)
        user = parts.netloc.rpartition("@")[0]
        url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{self.postgres.port}"))
        return {
            "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka.port}",
            "MARKETMAP_DATABASE_URL": url,
        }


@asynccontextmanager
async def network(pair: Pair) -> AsyncIterator[Network]:
    parts = urlsplit(pair.postgres)
    proxies = Network(
        Proxy(("127.0.0.1", pair.behind_proxy), pair.proxy_port),
        Proxy(("127.0.0.1", parts.port or 0)),
    )
    for proxy in (proxies.kafka, proxies.postgres):
        await proxy.start()
    try:
        yield proxies
    finally:
        for proxy in (proxies.kafka, proxies.postgres):
            await proxy.stop()
