"""Whether anything listens at the brokers' addresses: a refused connection is known in milliseconds.

Kafka's clients retry until their timeout, for a broker may only just be starting. That is right for a worker,
and wrong for a person at a terminal with a mistyped address.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from worker.domain.errors import FatalError

_PATIENCE_S: Final = 2.0


class UnreachableError(FatalError):
    """Nothing listens at any of the addresses."""


async def require_listener(servers: str) -> None:
    """Raises UnreachableError when each of the comma-separated addresses refuses, or has an unknown name.

    An address that does not answer at all is left to Kafka's clients: the network may be slow.
    """
    failures = await asyncio.gather(*map(_refusal, servers.split(",")))
    said = [failure for failure in failures if failure is not None]
    if len(said) == len(failures):
        raise UnreachableError(f"Kafka does not answer: {'; '.join(said)}")


async def _refusal(server: str) -> str | None:
    host, _, port = server.strip().rpartition(":")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except ConnectionRefusedError:
        return f"{server} refuses the connection"
    except socket.gaierror:
        return f"the name of {server} is unknown"
    except (OSError, TimeoutError):
        return None
    writer.close()
    return None
