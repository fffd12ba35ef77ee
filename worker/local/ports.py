"""Free ports on 127.0.0.1.

They are taken below the range from which the kernel picks ports of outgoing connections: a client that keeps
dialling a dead port inside that range ends up connected to itself, and the service cannot come back there.
"""

import random
import socket

FIRST_PORT, LAST_PORT = 15_000, 31_999


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def pick_free(count: int) -> tuple[int, ...]:
    """Return `count` different ports that were free a moment ago; another process may still be faster."""
    candidates = random.sample(range(FIRST_PORT, LAST_PORT + 1), 500)
    free = (port for port in candidates if is_free(port))
    return tuple(next(free) for _ in range(count))


def accepts(port: int, timeout_s: float = 0.5) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s):
            return True
    except OSError:
        return False
