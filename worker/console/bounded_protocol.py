"""Connections of the console that no client can hold for ever by sending nothing, or by reading nothing.

The server behind bounds how long a connection is kept after an answer, but not how long a request may take
to arrive, and above its limit it answers 503 to everybody. So a connection has REQUEST_S for a whole request,
its body included; and where the server would answer 503, the oldest connection that waits for its client
makes room first. Whoever waits for us is not bounded: a live stream stays open, and so does a long download.
503 is left for when all connections are being answered.

It relies on names of uvicorn's ``H11Protocol``: ``conn``, ``connections``, ``transport``, ``loop``,
``limit_concurrency`` and ``on_response_complete``. `tests/contracts/test_uvicorn.py` holds them.
"""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S: Final = 10.0

# A large form may come over a slow line: what arrives at this rate is not cut off.
_BYTES_PER_S: Final = 64 * 1024
# The client is to send a request, or the rest of one.
_CLIENTS_TURN: Final = {h11.IDLE, h11.SEND_BODY}


class BoundedProtocol(H11Protocol):
    """One connection. ``since`` is when it was opened, or when its last answer was complete."""

    since: float = 0
    _until: float = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY:
            self._until += len(data) / _BYTES_PER_S
        if not self._is_clients_turn():
            self._unbound()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unbound()
        super().connection_lost(exc)

    def waits_for_client(self) -> bool:
        return self._is_clients_turn() or self.transport.is_closing() or self._is_unread()

    def by_age(self) -> tuple[bool, float]:
        """Whoever sends nothing goes before whoever only reads slowly."""
        return not self._is_clients_turn(), self.since

    def drop(self) -> None:
        self._unbound()
        # It counts no longer from now on, not from when it is lost: others would be refused meanwhile.
        self.connections.discard(self)
        # Closing would wait for a client that reads nothing.
        self.transport.abort()

    def _is_clients_turn(self) -> bool:
        return self.conn.their_state in _CLIENTS_TURN

    def _is_unread(self) -> bool:
        """Whether the client has not yet read what was sent to it."""
        return self.transport.get_write_buffer_size() > 0

    def _begin(self) -> None:
        """Bound the time until the next request is complete, unless it is already here."""
        self._unbound()
        self.since = self.loop.time()
        self._until = self.since + REQUEST_S
        if self._is_clients_turn():
            self._timer = self.loop.call_at(self._until, self._end)

    def _unbound(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        now = self.loop.time()
        if self._is_unread():
            # A slow client still downloads the last answer.
            self._until = now + REQUEST_S
        if now < self._until:
            self._timer = self.loop.call_at(self._until, self._end)
        else:
            self.drop()

    def _make_room(self) -> None:
        """Drop the oldest that wait for their client, until the server would not answer 503 to this one."""
        while (
            self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency
        ):
            others = (
                one
                for one in self.connections
                if isinstance(one, BoundedProtocol) and one is not self
            )
            waiting = [one for one in others if one.waits_for_client()]
            if not waiting:
                return
            min(waiting, key=BoundedProtocol.by_age).drop()
