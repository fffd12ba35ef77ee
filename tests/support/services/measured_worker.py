"""A worker that says at its end how much memory it held at most.

`python -m tests.support.services.measured_worker run worker` is the product's command.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from worker.cli.main import main
from worker.runtime import process as lifetime

_leave = lifetime.leave


def leave(code: int) -> NoReturn:
    (line,) = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    os.write(1, b'{"event": "most_memory", "bytes": %d}\n' % (int(line.split()[1]) * 1024))
    _leave(code)


if __name__ == "__main__":
    lifetime.leave = leave
    main()
