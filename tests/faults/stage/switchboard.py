"""How a test says where a worker process is to die or freeze, and learns that it did.

A folder is shared by the test and all workers. The test arms a point by a file of the point's name, which
says what is to happen and at which pass. The first process that reaches it takes the file away, leaves word
under the name `<point>.struck`, and signals itself.
"""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import orjson

FOLDER_VARIABLE = "FAULT_POINTS_FOLDER"
# Which of the product's processes it is: worker, snapshot or insight.
PROCESS_VARIABLE = "FAULT_PROCESS"


class Struck(NamedTuple):
    """Which process it was, and how many records it had published, or was to publish, and not counted."""

    pid: int
    in_flight: int


class Switchboard:
    """The test's side."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def arm(self, point: str, nth: int = 1, number: signal.Signals = signal.SIGKILL) -> None:
        """Let the process that passes ``point`` for the nth time from now on send itself a signal."""
        self._struck(point).unlink(missing_ok=True)
        order = {"order": uuid.uuid4().hex, "nth": nth, "signal": int(number)}
        _write(self.folder / point, order)

    def disarm(self, point: str) -> None:
        (self.folder / point).unlink(missing_ok=True)

    def struck(self, point: str) -> Struck | None:
        """The process that the armed signal has reached; None while there is none."""
        try:
            return Struck(**orjson.loads(self._struck(point).read_bytes()))
        except FileNotFoundError:
            return None

    def _struck(self, point: str) -> Path:
        return self.folder / f"{point}.struck"


class Points:
    """The worker's side.

    ``in_flight`` is what is published and not known to be counted, ``counted`` what is counted of the batch
    that is not committed yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._passes: Counter[tuple[str, str]] = Counter()
        self._signals: dict[str, int] = {}
        self.in_flight = 0
        self.counted = 0

    def is_armed(self, point: str) -> bool:
        """Whether a signal is ordered there, for this process or another one."""
        return (self._folder / point).exists()

    def passing(self, point: str) -> None:
        """Die or freeze here, if it was ordered and it is this pass of this process."""
        if self.is_due(point):
            self.strike(point)

    def is_due(self, point: str) -> bool:
        """Count a pass; true when a signal is due now. Then ``strike`` must follow."""
        try:
            order = orjson.loads((self._folder / point).read_bytes())
        except FileNotFoundError:
            return False
        self._passes[point, order["order"]] += 1
        if self._passes[point, order["order"]] < order["nth"]:
            return False
        try:
            (self._folder / point).rename(self._folder / f"{point}.taken")
        except FileNotFoundError:  # another process was faster
            return False
        self._signals[point] = order["signal"]
        return True

    def strike(self, point: str) -> None:
        struck = Struck(os.getpid(), self.in_flight)
        _write(self._folder / f"{point}.struck", struck._asdict())
        os.kill(os.getpid(), self._signals.pop(point))


def _write(path: Path, content: object) -> None:
    """All at once: the other side never reads half of it."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.new")
    scratch.write_bytes(orjson.dumps(content))
    scratch.rename(path)
