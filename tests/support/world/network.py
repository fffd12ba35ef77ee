"""What stands between a process and the servers: requests that are carried out and answered when told to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Sender:
    """A process as the network sees it: a dead or frozen one takes no answer."""

    name: str
    is_dead: bool = False
    _running: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._running.set()

    @property
    def is_frozen(self) -> bool:
        return not self._running.is_set()

    def freeze(self) -> None:
        self._running.clear()

    def thaw(self) -> None:
        self._running.set()

    async def scheduled(self) -> None:
        """Wait for the processor, which a frozen process does not get."""
        await self._running.wait()


@dataclass(eq=False)
class Request:
    """Steps that a server takes one by one, and the answer after the last. A sender's death stops neither."""

    kind: str
    sender: Sender
    steps: deque[Callable[[], Any]]
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def step(self) -> None:
        """Carry out the next step; after one that raises there is no other."""
        try:
            self.result = self.steps.popleft()()
        except Exception as error:  # noqa: BLE001  # the sender gets whatever the server refused it with
            self.error = error
            self.steps.clear()

    def reply(self) -> None:
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)

    @property
    def is_listened_to(self) -> bool:
        return not (self.sender.is_dead or self.answer.done())


@dataclass
class Network:
    """All requests under way, oldest first."""

    requests: list[Request] = field(default_factory=list)

    async def ask(self, kind: str, sender: Sender, steps: Sequence[Callable[[], Any]]) -> Any:
        """Send, and wait for the answer. Of a dead process nothing is sent, and it never wakes up."""
        await sender.scheduled()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if sender.is_dead:
            return await answer
        self.requests.append(Request(kind, sender, deque(steps), answer))
        return await answer

    def serve(self, request: Request) -> None:
        """Carry out all that is left, and answer."""
        while request.steps:
            request.step()
        self.reply(request)

    def reply(self, request: Request) -> None:
        self.requests.remove(request)
        request.reply()

    def fail(self, request: Request, error: Exception) -> None:
        """Answer with an error, whether or not it was carried out."""
        self.requests.remove(request)
        request.error = error
        request.reply()
