"""Starts processes quickly: one process imports the program once, and forks for each start.

Importing takes seconds of a core, and the suites start hundreds of processes. What is forked is a process
like any other: it has no thread, no socket and no open file of its parent's.
"""

from __future__ import annotations

import atexit
import os
import random
import selectors
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import Queue
from typing import Any, Final, NamedTuple, NoReturn, Protocol

import orjson

START_TIMEOUT_S = 120.0
END_TIMEOUT_S = 30.0


class Child(NamedTuple):
    """``ended`` becomes the exit code, negative for a signal."""

    pid: int
    ended: Future[int]


class Process(Protocol):
    """What tests do with a process, however it was started."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | Any: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class Nursed(Process):
    """A child as ``subprocess`` would show it."""

    def __init__(self, child: Child) -> None:
        self._child = child

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        return self._child.ended.result() if self._child.ended.done() else None

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        return self._child.ended.result(timeout)

    def send_signal(self, sig: int) -> None:
        with suppress(ProcessLookupError):  # it has just ended
            if self.returncode is None:
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The test's side. Processes end with it.

    ``program`` is the function that each runs, as ``module:function``; ``used`` are modules that it imports
    when it runs.
    """

    def __init__(self, program: str, *used: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.services.nursery", program, *used],
            # As `marketmap run insight` does before it imports what judges.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._born: Queue[Child] = Queue()
        self._one_by_one = threading.Lock()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(self, environment: dict[str, str], log: Path, *arguments: str) -> Child:
        """Start one with these arguments; ``log`` gets what it prints."""
        assert self._process.stdin is not None
        order = {"environment": environment, "log": str(log), "arguments": arguments}
        with self._one_by_one:
            self._process.stdin.write(orjson.dumps(order) + b"\n")
            self._process.stdin.flush()
            return self._born.get(timeout=START_TIMEOUT_S)

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()  # which tells it to end
        self._process.wait(END_TIMEOUT_S)
        self._listener.join()
        self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        ends: dict[int, Future[int]] = {}
        for line in self._process.stdout:
            word, pid, *rest = line.split()
            if word == b"born":
                ends[int(pid)] = Future()
                self._born.put(Child(int(pid), ends[int(pid)]))
            else:
                ends.pop(int(pid)).set_result(int(rest[0]))


@cache
def _nursery_of(*used: str) -> Nursery:
    nursery = Nursery("worker.cli.main:main", *used)
    atexit.register(nursery.stop)
    return nursery


# What each imports when it runs. A worker's has nothing of the others, as on a road of its own.
_USED: Final = {
    "console": ("worker.console.process",),
    "insight": ("scipy.optimize", "worker.insight.watching.process"),
}


def start_process(name: str, environment: dict[str, str], log: Path) -> Nursed:
    """Start `marketmap run NAME` in this environment; ``log`` gets what it prints, and is there at once."""
    log.touch()
    nursery = _nursery_of(*_USED.get(name, ()), "worker.operations.processes.commands")
    return Nursed(nursery.start(environment, log, "run", name))


class _Parent:
    """Forks on every line of standard input, tells of every end, and ends all with the input."""

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin.buffer.fileno(), selectors.EVENT_READ)
        self._pending = b""

    def serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._bury(key.fd, key.data)
                elif not self._take_orders():
                    return self._end_all()

    def _take_orders(self) -> bool:
        content = os.read(sys.stdin.buffer.fileno(), 1 << 16)
        *orders, self._pending = (self._pending + content).split(b"\n")
        for order in orders:
            self._fork(**orjson.loads(order))
        return bool(content)

    def _fork(self, environment: dict[str, str], log: str, arguments: list[str]) -> None:
        pid = os.fork()
        if pid == 0:
            self._be_a_child(environment, log, arguments)
        self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        _say(f"born {pid}")

    def _be_a_child(self, environment: dict[str, str], log: str, arguments: list[str]) -> NoReturn:
        self._selector.close()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, place in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, place)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["marketmap", *arguments]
        random.seed()  # else all would choose alike
        code = 1
        try:
            self._run()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001  # as the interpreter does at the end of a process
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def _bury(self, pidfd: int, pid: int) -> None:
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        _say(f"ended {pid} {os.waitstatus_to_exitcode(status)}")

    def _end_all(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                os.kill(key.data, signal.SIGKILL)
                self._bury(key.fd, key.data)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # this is the message to the test


if __name__ == "__main__":
    module, _, function = sys.argv[1].partition(":")
    for name in sys.argv[2:]:
        import_module(name)
    _Parent(getattr(import_module(module), function)).serve()
