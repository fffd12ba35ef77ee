"""One long-lived local service: start raises or is ready, stop is idempotent and bounded."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from worker.local.errors import LocalServicesError
from worker.local.instance import Instance, read_instance, write_instance
from worker.local.ports import is_free, pick_free
from worker.local.process import POLL_INTERVAL_S, Steps, end, find, is_running, kill_tree, spawn

START_ATTEMPTS = 4
RETRY_INTERVAL_S = 0.3  # what a killed server left behind may take this long to disappear
MAX_LOG_BYTES = 10 * 1024 * 1024
LOG_TAIL_LINES = 15


class ServiceState(StrEnum):
    RUNNING = "running"  # it answers
    UNRESPONSIVE = "unresponsive"  # the process is there but does not answer
    CRASHED = "crashed"  # it was started, nobody stopped it, and it has ended
    STOPPED = "stopped"
    EXTERNAL = "external"  # its address comes from the environment; we neither start nor watch it


class Program(Protocol):
    """What tells one kind of service from another."""

    name: str
    port_count: int
    start_timeout_s: float
    stop_steps: Steps

    def new_token(self) -> str: ...
    def address(self, instance: Instance) -> str: ...
    def owns(self, command_line: Sequence[str]) -> bool: ...
    def prepare(self, instance: Instance) -> None: ...
    def command(self, instance: Instance) -> list[str]: ...
    def environment(self) -> Mapping[str, str]: ...
    def is_ready(self, instance: Instance) -> bool: ...


class Service:
    def __init__(self, program: Program, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.log = folder / f"{program.name}.log"
        self._file = folder / "instance.json"

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return find(self.program.owns)

    @property
    def address(self) -> str | None:
        """Where the service is, or was when it last ran; None before its first start."""
        instance = read_instance(self._file)
        return self.program.address(instance) if instance and instance.ports else None

    def state(self) -> ServiceState:
        instance = read_instance(self._file)
        if instance is None or not instance.ports:
            return ServiceState.STOPPED
        if self.pid is None:
            return ServiceState.CRASHED if instance.wanted else ServiceState.STOPPED
        return (
            ServiceState.RUNNING if self.program.is_ready(instance) else ServiceState.UNRESPONSIVE
        )

    def start(self) -> bool:
        """Return when the service answers; the value says whether this call started it.

        The ports of the last run are taken again when they are free, so that addresses stay the same.
        Raises LocalServicesError with the end of the log when it does not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        instance = read_instance(self._file) or Instance(self.program.new_token())
        running = self.pid
        if running is not None:
            self._wait_ready(running, instance)
            return False
        self._rotate_log()
        for _ in range(START_ATTEMPTS):
            instance = Instance(instance.token, self._choose_ports(instance.ports))
            if self._launch(instance):
                return True
            time.sleep(RETRY_INTERVAL_S)
        self._mark_unwanted()
        raise LocalServicesError(
            f"{self.name} ended at once, {START_ATTEMPTS} times; {self._log_tail()}"
        )

    def stop(self) -> None:
        """Stop the service cleanly, or by force if it does not stop. It need not be running."""
        self._mark_unwanted()
        pid = self.pid
        if pid is not None and not end(pid, self.program.stop_steps) and not kill_tree(pid):
            raise LocalServicesError(f"{self.name} (pid {pid}) does not stop")

    def kill(self) -> None:
        """SIGKILL the service and its children, as a crash would; its state is `crashed` until `start`."""
        pid = self.pid
        if pid is not None and not kill_tree(pid):
            raise LocalServicesError(f"{self.name} (pid {pid}) does not stop")

    def restart(self) -> None:
        """Crash the service and start it again on the same ports and data."""
        self.kill()
        self.start()

    def _choose_ports(self, last: tuple[int, ...]) -> tuple[int, ...]:
        return last if last and all(map(is_free, last)) else pick_free(self.program.port_count)

    def _launch(self, instance: Instance) -> bool:
        write_instance(self._file, instance)
        self.program.prepare(instance)
        command, environment = self.program.command(instance), self.program.environment()
        write_instance(self._file, replace(instance, wanted=True))
        return self._wait_ready(spawn(command, log=self.log, environment=environment), instance)

    def _wait_ready(self, pid: int, instance: Instance) -> bool:
        """Return False if the process ended instead, for example because its port was taken."""
        deadline = time.monotonic() + self.program.start_timeout_s
        while is_running(pid):
            if self.program.is_ready(instance):
                return True
            if time.monotonic() > deadline:
                kill_tree(pid)
                self._mark_unwanted()
                waited = f"{self.program.start_timeout_s:.0f} s"
                raise LocalServicesError(
                    f"{self.name} did not answer within {waited}; {self._log_tail()}"
                )
            time.sleep(POLL_INTERVAL_S)
        return False

    def _mark_unwanted(self) -> None:
        instance = read_instance(self._file)
        if instance is not None:
            write_instance(self._file, replace(instance, wanted=False))

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"the end of {self.log}:", *lines[-LOG_TAIL_LINES:]])
