"""A Postgres of its own that allows prepared transactions and logical slots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.local.instance import Instance
from worker.local.postgres import Postgres
from worker.local.service import Service


class HoldingPostgres(Postgres):
    def command(self, instance: Instance) -> list[str]:
        allowed = ["-c", "max_prepared_transactions=4", "-c", "wal_level=logical"]
        return [*super().command(instance), *allowed]


@contextmanager
def holding_postgres(folder: Path) -> Iterator[str]:
    """Its URL."""
    service = Service(HoldingPostgres(folder), folder)
    try:
        service.start()
        assert service.address is not None
        yield service.address
    finally:
        service.kill()
