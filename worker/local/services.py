"""The pair of local services in one folder."""

import fcntl
import shutil
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.local.errors import LocalServicesError
from worker.local.kafka import Kafka
from worker.local.postgres import Postgres
from worker.local.service import Service, ServiceState

NAMES = ("kafka", "postgres")


@dataclass(frozen=True)
class Status:
    """`address` is None unless the service answers."""

    name: str
    state: ServiceState
    address: str | None
    pid: int | None
    log: Path


class LocalServices:
    """Kafka and Postgres under `folder`, each in a folder of its own.

    All state is on disk: what one process started, another one can describe, kill, restart and stop. Calls
    from several processes wait for each other. `kafka_service` and `postgres_service` are for tests that
    break one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        names: Collection[str] = NAMES,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        kafka, postgres = self.folder / "kafka", self.folder / "postgres"
        self.kafka_service = Service(Kafka(kafka, report), kafka)
        self.postgres_service = Service(Postgres(postgres), postgres)
        self._services = [s for s in (self.kafka_service, self.postgres_service) if s.name in names]

    @property
    def kafka(self) -> str:
        """The bootstrap address, `127.0.0.1:PORT`."""
        return _known(self.kafka_service)

    @property
    def postgres(self) -> str:
        """The URL of the empty database `marketmap`, `postgresql://USER:PASSWORD@127.0.0.1:PORT/marketmap`."""
        return _known(self.postgres_service)

    def start(self) -> None:
        """Return when all services answer. When one fails, those that this call started are stopped again.

        Raises LocalServicesError.
        """
        with self._locked(), ThreadPoolExecutor(len(NAMES)) as pool:
            starts = {service: pool.submit(service.start) for service in self._services}
            failures = [error for start in starts.values() if (error := start.exception())]
            if failures:
                for service, start in starts.items():
                    if not start.exception() and start.result():
                        service.stop()
                raise LocalServicesError("\n".join(map(str, failures))) from failures[0]

    def stop(self, *, purge: bool = False) -> None:
        """Stop the running services cleanly; `purge` also removes data and logs.

        Raises LocalServicesError if one does not stop; the others are stopped all the same.
        """
        failures: list[LocalServicesError] = []
        with self._locked():
            for service in self._services:
                try:
                    service.stop()
                except LocalServicesError as error:
                    failures.append(error)
                else:
                    if purge:
                        shutil.rmtree(service.folder, ignore_errors=True)
        if failures:
            raise LocalServicesError("\n".join(map(str, failures))) from failures[0]

    def kill(self) -> None:
        """Stop at once, without saving data."""
        for service in self._services:
            service.kill()

    def status(self) -> list[Status]:
        return [_status(service) for service in self._services]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise LocalServicesError(f"{self.folder} cannot be used: {error}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _known(service: Service) -> str:
    address = service.address
    if address is None:
        raise LocalServicesError(f"{service.name} was never started in {service.folder}")
    return address


def _status(service: Service) -> Status:
    state = service.state()
    address = service.address if state is ServiceState.RUNNING else None
    return Status(service.name, state, address, service.pid, service.log)
