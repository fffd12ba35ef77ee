"""Relays as processes, and what they log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from tests.support.services.installation import PATIENCE_S, Installation, until
from tests.support.services.nursery import Process, start_process


@dataclass
class RelayProcess:
    process: Process
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        content = self.log.read_bytes()
        whole = content[: content.rfind(b"\n") + 1].splitlines()
        return [orjson.loads(line) for line in whole if line.startswith(b"{")]

    async def logged(self, event: str) -> dict[str, Any]:
        """Wait until it has logged an event; its first line."""
        found: list[dict[str, Any]] = []

        async def has_logged() -> bool:
            found[:] = [line for line in self.lines() if line.get("event") == event]
            assert found or self.process.poll() is None, self.log.read_text()[-4000:]
            return bool(found)

        await until(has_logged)
        return found[0]

    async def ask(self, path: str) -> str:
        """GET from its endpoint."""
        address = (await self.logged("listening"))["address"]
        async with aiohttp.ClientSession() as session, session.get(address + path) as response:
            return await response.text()

    async def reasons(self) -> list[str]:
        """Why it is not ready; empty when it is."""
        return list(orjson.loads(await self.ask("/readyz"))["reasons"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    async def stop(self) -> int:
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, PATIENCE_S)


def start_relay(
    installation: Installation, number: int = 0, environment: dict[str, str] | None = None
) -> RelayProcess:
    """A relay process; it ends with the installation."""
    log = installation.folder / f"relay-{number}.log"
    process = start_process("relay", installation.environment | (environment or {}), log)
    installation.commands.append(process)
    return RelayProcess(process, log)
