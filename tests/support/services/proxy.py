"""A TCP proxy that can be cut, slowed down, or made to keep silent, while connections go through it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

CHUNK_BYTES = 64 * 1024


class Proxy:
    """Forwards 127.0.0.1:``port`` (0 takes a free one) to ``target``."""

    def __init__(self, target: tuple[str, int], port: int = 0) -> None:
        self._target = target
        self.port = port
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._waiting = 0
        self._changed = asyncio.Condition()
        self.delay_s = 0.0

    @property
    def is_listening(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Accept connections, for the first time or again."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self.cut()
        self._flowing.set()
        while self._open:
            await asyncio.wait({connection.task for connection in self._open})

    async def cut(self) -> None:
        """Reset every connection and refuse new ones until ``start``, as a host that goes down does."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.reset()

    def reset(self) -> None:
        """Reset every connection; new ones are accepted."""
        for connection in list(self._open):
            connection.abort()

    def freeze(self) -> None:
        """Forward nothing and close nothing until ``thaw``; nothing is lost."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def held(self, chunks: int) -> None:
        """Wait until so many chunks, from either side, or new connections are held back."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting >= chunks)

    def forget(self) -> None:
        """Forward nothing on the connections of now, for ever, and do not close them: they are half open."""
        for connection in self._open:
            connection.forgotten = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(task, writer)
        self._open.add(connection)
        try:
            await self._pass()
            there, back = await asyncio.open_connection(*self._target)
            connection.writers.append(back)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pipe(reader, back, connection))
                group.create_task(self._pipe(there, writer, connection))
        except OSError:
            pass  # the target refuses: so does the proxy
        finally:
            connection.abort()
            self._open.discard(connection)

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, connection: _Connection
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                if connection.forgotten:
                    continue
                await self._pass()
                sink.write(chunk)
                await sink.drain()
        if not connection.forgotten:
            connection.abort()

    async def _pass(self) -> None:
        if not self._flowing.is_set():
            await self._hold()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)

    async def _hold(self) -> None:
        async with self._changed:
            self._waiting += 1
            self._changed.notify_all()
        await self._flowing.wait()
        self._waiting -= 1


class _Connection:
    def __init__(self, task: asyncio.Task[None], writer: asyncio.StreamWriter) -> None:
        self.task = task
        self.writers = [writer]
        self.forgotten = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
