"""Services that live exactly as long as the process that asked for them.

Their owner is a process of its own, run as `python -m worker.local.owned`. It starts the pair in a temporary
folder, prints the folder, and waits for the end of its standard input: the kernel closes that pipe when the
asking process ends, even by SIGKILL. Then it ends the services and removes the folder. Ctrl-C does not reach
it, since it runs in a session of its own.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.local.errors import LocalServicesError
from worker.local.services import NAMES, LocalServices

END_TIMEOUT_S = 60


@contextmanager
def owned_services(names: Sequence[str] = NAMES) -> Iterator[LocalServices]:
    """Give a fresh Kafka and Postgres (or the one named), and remove them with all their data at the end.

    Raises LocalServicesError when they do not come up; what the owner says about it is on stderr.
    """
    command = [sys.executable, "-m", "worker.local.owned", *names]
    with subprocess.Popen(  # noqa: S603  our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as owner:
        assert owner.stdin is not None  # noqa: S101  tells the type checker what PIPE means
        assert owner.stdout is not None  # noqa: S101  as above
        folder = owner.stdout.readline().strip()
        try:
            if not folder:
                raise LocalServicesError("the local services did not come up")
            yield LocalServices(Path(folder), names=names)
        finally:
            owner.stdin.close()
            owner.wait(END_TIMEOUT_S)


def _own(names: Sequence[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="marketmap-", ignore_cleanup_errors=True) as folder:
        services = LocalServices(Path(folder), names=names)
        try:
            services.start()
            signal.signal(
                signal.SIGCHLD, signal.SIG_IGN
            )  # so that a service that a test kills leaves no zombie
            print(folder, flush=True)  # noqa: T201  this is the message to the asking process
            sys.stdin.read()
        finally:
            services.kill()


if __name__ == "__main__":
    try:
        _own(sys.argv[1:])
    except LocalServicesError as error:
        sys.exit(str(error))
