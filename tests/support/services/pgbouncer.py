"""A real PgBouncer in front of a database (Debian, Ubuntu: `apt install pgbouncer`)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.services.installation import until
from worker.local.ports import accepts, pick_free
from worker.local.unprivileged import drop_root

PoolMode = Literal["session", "transaction"]

_CONFIGURATION: Final = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 200
{more}
"""


@asynccontextmanager
async def pgbouncer(
    url: str, folder: Path, *, mode: PoolMode, pool_size: int = 20, more: str = ""
) -> AsyncIterator[str]:
    """The address of the database through a pooler that runs as long as the block.

    Without the program the test fails: what is supported has to be proved, not skipped.
    """
    address = urlsplit(url)
    (port,) = pick_free(1)
    configuration = _CONFIGURATION.format(
        server=f"{address.port} user={address.username} password={address.password}",
        port=port,
        mode=mode,
        pool_size=pool_size,
        more=more,
    )
    with _running(configuration, folder) as process:

        async def accepts_connections() -> bool:
            assert process.poll() is None, f"see {folder}/pgbouncer.log"
            return accepts(port)

        await until(accepts_connections)
        yield urlunsplit(address._replace(netloc=f"{address.username}@127.0.0.1:{port}"))


@contextmanager
def _running(configuration: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.fail("PgBouncer is needed (Debian, Ubuntu: apt install pgbouncer)")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pgbouncer.ini"
    file.write_text(configuration)
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            drop_root([program, str(file)], reads=[file]), stdout=log, stderr=log, cwd="/"
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)
