"""The local services through the real command, on real servers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import typer
from confluent_kafka.admin import AdminClient

from worker.cli.connection import connected_settings, database_settings
from worker.local.jars import KAFKA_VERSION, class_path
from worker.local.owned import owned_services
from worker.local.process import is_running, wait_gone
from worker.local.service import Service, ServiceState
from worker.local.services import LocalServices
from worker.local.unprivileged import privileges

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's folder, below one that other users may not enter."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    return closed / ".local"


@pytest.fixture(scope="module")
def command(folder: Path) -> Command:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        code = "from worker.cli.main import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "services", *arguments],
            env=clean_environment() | {"MARKETMAP_LOCAL_DIR": str(folder)} | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="module")
def up(command: Command) -> Iterator[dict[str, Any]]:
    """What `services up --json` says of a pair that runs until the module ends."""
    started = command("up", "--json")
    try:
        assert started.returncode == 0, started.stderr
        yield json.loads(started.stdout)
    finally:
        command("down", "--purge")


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MARKETMAP_")}


async def ask_postgres(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_up_gives_a_kafka_that_answers_and_creates_no_topic_by_itself(up: dict[str, Any]) -> None:
    metadata = AdminClient({"bootstrap.servers": up["kafka"]}).list_topics(
        "never.created", timeout=10
    )
    assert len(metadata.brokers) == 1
    assert metadata.topics["never.created"].error is not None


async def test_up_gives_a_postgres_18_with_an_empty_database(up: dict[str, Any]) -> None:
    assert await ask_postgres(up["postgres"], "SHOW server_version_num") >= "180000"
    assert await ask_postgres(up["postgres"], "SELECT count(*) FROM pg_stat_user_tables") == 0


async def test_postgres_wants_its_password(up: dict[str, Any]) -> None:
    password = up["postgres"].split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask_postgres(up["postgres"].replace(password, "guess"), "SELECT 1")


def test_everything_listens_on_this_machine_only(up: dict[str, Any]) -> None:
    for service in up["services"].values():
        listening = [
            c for c in psutil.Process(service["pid"]).net_connections() if c.status == "LISTEN"
        ]
        assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} == {"127.0.0.1"}


def test_a_second_up_leaves_what_runs_alone(up: dict[str, Any], command: Command) -> None:
    assert json.loads(command("up", "--json").stdout) == up


def test_status_says_the_same_in_json_and_in_text(up: dict[str, Any], command: Command) -> None:
    assert json.loads(command("status", "--json").stdout) == up
    text = command("status")
    assert text.returncode == 0
    assert up["kafka"] in text.stdout
    assert up["postgres"] in text.stdout


def test_an_address_in_the_environment_wins(up: dict[str, Any], command: Command) -> None:
    given = "postgresql://someone@db.example:5432/elsewhere"
    told = json.loads(command("status", "--json", MARKETMAP_DATABASE_URL=given).stdout)
    assert told["postgres"] == given
    assert told["services"]["postgres"]["state"] == ServiceState.EXTERNAL
    assert told["kafka"] == up["kafka"]


def test_commands_find_the_local_services_by_themselves(
    up: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETMAP_LOCAL_DIR", str(folder))
    monkeypatch.delenv("MARKETMAP_DATABASE_URL", raising=False)
    monkeypatch.delenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    settings = connected_settings()
    assert settings.kafka_bootstrap_servers == up["kafka"]
    assert settings.database_url == up["postgres"]


def test_a_command_without_a_database_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETMAP_LOCAL_DIR", str(tmp_path))
    monkeypatch.delenv("MARKETMAP_DATABASE_URL", raising=False)
    with pytest.raises(typer.Exit):
        database_settings()
    assert "set MARKETMAP_DATABASE_URL, or run `marketmap services up`" in capsys.readouterr().err


def test_a_dry_run_of_down_stops_nothing(up: dict[str, Any], command: Command) -> None:
    assert "kafka, postgres" in command("down", "--dry-run").stderr
    assert all(is_running(service["pid"]) for service in up["services"].values())


def test_another_folder_has_a_pair_of_its_own(
    up: dict[str, Any], breakable_services: LocalServices
) -> None:
    other = {status.name: status for status in breakable_services.status()}
    assert {status.state for status in other.values()} == {ServiceState.RUNNING}
    assert all(other[name].address != up[name] for name in other)


async def test_a_killed_postgres_is_reported_and_comes_back_with_its_data(
    up: dict[str, Any], command: Command
) -> None:
    await ask_postgres(up["postgres"], "CREATE TABLE kept AS SELECT 7 AS value")
    pid = up["services"]["postgres"]["pid"]
    os.kill(pid, signal.SIGKILL)
    assert wait_gone(pid, 10)
    told = command("status", "--json")
    assert told.returncode == 1
    assert json.loads(told.stdout)["services"]["postgres"]["state"] == ServiceState.CRASHED
    assert json.loads(told.stdout)["postgres"] is None
    assert json.loads(command("up", "--json").stdout)["postgres"] == up["postgres"]
    assert await ask_postgres(up["postgres"], "SELECT value FROM kept") == 7
    await ask_postgres(up["postgres"], "DROP TABLE kept")


def test_a_killed_kafka_comes_back_on_its_port(breakable_services: LocalServices) -> None:
    kafka = breakable_services.kafka_service
    before = kafka.address
    kafka.kill()
    assert kafka.state() is ServiceState.CRASHED
    kafka.start()
    assert kafka.address == before
    assert kafka.state() is ServiceState.RUNNING


@contextmanager
def process_in_the_pid_file(postgres: Service) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the user that Postgres runs as, which its pid file names after a crash.

    Postgres takes its own parent for no obstacle, so it is another one.
    """
    postgres.kill()
    pid_file = postgres.folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    with subprocess.Popen(["sleep", "600"], user=pid_file.stat().st_uid) as process:
        pid_file.write_text("\n".join([str(process.pid), *lines[1:]]) + "\n")
        yield process
        process.kill()


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_postgres(
    breakable_services: LocalServices,
) -> None:
    postgres = breakable_services.postgres_service
    with process_in_the_pid_file(postgres) as stranger:
        postgres.start()
        assert postgres.state() is ServiceState.RUNNING
        assert stranger.poll() is None


def test_a_pid_file_of_a_server_that_nobody_reaps_does_not_stop_postgres(
    breakable_services: LocalServices,
) -> None:
    postgres = breakable_services.postgres_service
    with process_in_the_pid_file(postgres) as dead:
        dead.kill()
        os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is left as it is
        postgres.start()
        assert postgres.state() is ServiceState.RUNNING


def test_start_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JGO_CACHE_DIR", os.devnull)
    services = LocalServices(tmp_path)
    with pytest.raises(Exception, match="jars could not be resolved"):
        services.start()
    assert {status.state for status in services.status()} == {ServiceState.STOPPED}


def test_down_keeps_logs_and_data_and_purge_removes_them(tmp_path: Path) -> None:
    services = LocalServices(tmp_path, names=["postgres"])
    services.start()
    services.stop()
    (status,) = services.status()
    assert status.state is ServiceState.STOPPED
    assert "ready to accept connections" in status.log.read_text()
    assert "database system is shut down" in status.log.read_text()
    services.stop(purge=True)
    assert not (tmp_path / "postgres").exists()


def test_owned_services_end_with_the_process_that_asked_even_when_it_is_killed() -> None:
    code = """
from worker.local.owned import owned_services
with owned_services(["postgres"]) as services:
    print(services.postgres_service.pid, services.folder, flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as asking:
        assert asking.stdout
        pid, folder = asking.stdout.readline().split()
        (owner,) = psutil.Process(asking.pid).children()
        asking.kill()
    assert wait_gone(owner.pid, 30)
    assert not is_running(int(pid))
    assert not Path(folder).exists()


def test_owned_services_are_gone_after_the_block() -> None:
    with owned_services(["postgres"]) as services:
        pid = services.postgres_service.pid
        assert pid
    assert not is_running(pid)
    assert not services.folder.exists()


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A home with the list of jars that are already on this machine: nothing is downloaded again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        listed = home / "jgo" / "market-mapping-worker" / f"kafka-{KAFKA_VERSION}.json"
        listed.parent.mkdir(parents=True)
        listed.write_text(json.dumps([str(jar) for jar in class_path(print)]))
        for path in (home, *home.rglob("*")):
            os.chown(path, 65534, 65534)
        yield home


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs every other test of this file")
def test_an_ordinary_user_can_run_them(home_of_nobody: Path) -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("setpriv (package util-linux) is not installed")
    home = home_of_nobody
    # The interpreter and the checkout may lie in folders that only root may enter.
    becomes = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"]
    reads = [*privileges("dac_read_search"), "--"]
    code = """
import os, sys
from pathlib import Path
from worker.local.services import LocalServices
services = LocalServices(Path(sys.argv[1]))
try:
    services.start()
    print(os.geteuid(), *[status.state for status in services.status()])
finally:
    services.stop(purge=True)
"""
    outcome = subprocess.run(
        [*becomes, *reads, sys.executable, "-c", code, str(home / ".local")],
        env=clean_environment() | {"HOME": str(home), "JGO_CACHE_DIR": str(home / "jgo")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert outcome.stdout.split() == ["65534", "running", "running"], outcome.stderr
