"""A Postgres of its own that knows the locale en_US.UTF-8, which this machine may not have installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from worker.local.postgres import Postgres
from worker.local.service import Service

LOCALE = "en_US.UTF-8"


class EnglishPostgres(Postgres):
    def __init__(self, folder: Path, locales: Path) -> None:
        super().__init__(folder)
        self._locales = locales

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "LOCPATH": str(self._locales)}


@contextmanager
def english_postgres(folder: Path) -> Iterator[str]:
    """Its URL. The locale is compiled from the sources that glibc brings; without them the test skips."""
    localedef = shutil.which("localedef")
    if localedef is None or not Path("/usr/share/i18n/locales/en_US").exists():
        pytest.skip("localedef or the sources of its locales are not installed")
    locales = folder / "locales"
    locales.mkdir()
    subprocess.run([localedef, "-i", "en_US", "-f", "UTF-8", locales / LOCALE], check=True)
    service = Service(EnglishPostgres(folder / "postgres", locales), folder / "postgres")
    try:
        service.start()
        assert service.address is not None
        yield service.address
    finally:
        service.kill()
