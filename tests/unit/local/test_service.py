"""The life of a service, with programs of a few lines in the place of servers."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import pytest

from worker.local import service as service_module
from worker.local.errors import LocalServicesError
from worker.local.instance import Instance, read_instance, write_instance
from worker.local.ports import accepts, is_free, pick_free
from worker.local.process import Steps, find, is_running
from worker.local.service import Service, ServiceState

LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LISTEN
DEAF = "import signal\nprint('deaf', flush=True)\nsignal.pause()"
BROKEN = "import sys\nprint('no such option')\nsys.exit(3)"


class Listener:
    """A server in a few lines: it is ready when its port takes connections."""

    name = "listener"
    port_count = 1
    start_timeout_s = 10.0
    stop_steps: Steps = ((signal.SIGTERM, 5.0),)

    def __init__(self, folder: Path, code: str = LISTEN) -> None:
        self.mark = str(folder)
        self.code = code
        self.launched: list[tuple[int, ...]] = []

    def new_token(self) -> str:
        return "token"

    def address(self, instance: Instance) -> str:
        return f"127.0.0.1:{instance.ports[0]}"

    def owns(self, command_line: Sequence[str]) -> bool:
        return command_line[-1] == self.mark

    def prepare(self, instance: Instance) -> None:
        self.launched.append(instance.ports)

    def command(self, instance: Instance) -> list[str]:
        return [sys.executable, "-c", self.code, str(instance.ports[0]), self.mark]

    def environment(self) -> Mapping[str, str]:
        return dict(os.environ)

    def is_ready(self, instance: Instance) -> bool:
        return accepts(instance.ports[0])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(Listener(tmp_path), tmp_path)
    yield service
    service.kill()


def test_start_returns_when_the_service_answers(service: Service) -> None:
    assert service.start()
    assert service.state() is ServiceState.RUNNING
    assert service.pid


def test_a_second_start_changes_nothing(service: Service) -> None:
    service.start()
    pid = service.pid
    assert not service.start()
    assert service.pid == pid


def test_stop_can_be_repeated(service: Service) -> None:
    service.start()
    service.stop()
    service.stop()
    assert service.state() is ServiceState.STOPPED
    assert service.pid is None


def test_a_service_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    program = Listener(tmp_path, STUBBORN)
    program.stop_steps = ((signal.SIGTERM, 0.1),)
    service = Service(program, tmp_path)
    service.start()
    service.stop()
    assert service.pid is None


def test_a_killed_service_is_told_from_a_stopped_one(service: Service) -> None:
    service.start()
    service.kill()
    assert service.state() is ServiceState.CRASHED


def test_a_restart_keeps_the_port(service: Service) -> None:
    service.start()
    before, pid = service.address, service.pid
    service.restart()
    assert service.address == before
    assert service.pid != pid


def test_a_taken_port_gives_way_to_a_free_one(service: Service) -> None:
    service.start()
    service.stop()
    before = service.address
    assert before
    with socket.create_server(("127.0.0.1", int(before.split(":")[1]))):
        service.start()
        assert service.address != before


def test_a_port_lost_between_choice_and_start_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Listener(tmp_path)
    service = Service(program, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        lost = taken.getsockname()[1]
        choices = iter([(lost,), pick_free(1)])
        monkeypatch.setattr(
            program, "is_ready", lambda i: i.ports != (lost,) and accepts(i.ports[0])
        )
        monkeypatch.setattr(service_module, "pick_free", lambda _: next(choices))
        service.start()
    assert len(program.launched) == 2
    service.kill()


def test_a_service_that_ends_at_once_is_reported_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "RETRY_INTERVAL_S", 0)
    service = Service(Listener(tmp_path, BROKEN), tmp_path)
    with pytest.raises(LocalServicesError, match="no such option"):
        service.start()
    assert service.state() is ServiceState.STOPPED


def test_a_service_that_never_answers_is_ended(tmp_path: Path) -> None:
    program = Listener(tmp_path, DEAF)
    program.start_timeout_s = 0.5
    service = Service(program, tmp_path)
    with pytest.raises(LocalServicesError, match="did not answer"):
        service.start()
    assert service.pid is None


def test_a_process_that_does_not_answer_any_more_is_unresponsive(service: Service) -> None:
    service.start()
    pid = service.pid
    assert pid
    write_instance(service.folder / "instance.json", Instance("token", pick_free(1), wanted=True))
    assert service.state() is ServiceState.UNRESPONSIVE


def test_another_process_is_never_taken_for_ours(service: Service) -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF, str(service.folder / "other")]) as stranger:
        assert service.pid is None
        service.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_waits_to_be_reaped_counts_as_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_running(child.pid)
        child.returncode = 0


def test_a_process_whose_first_thread_has_ended_counts_as_running() -> None:
    code = """
import ctypes, threading
threading.Thread(target=input).start()
print("ready", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout
        child.stdout.readline()
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            os.sched_yield()
        assert is_running(child.pid)
        child.kill()


def test_a_damaged_instance_file_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    file.write_text('{"token": "t"')
    assert read_instance(file) is None


def test_only_its_owner_reads_an_instance_file(tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    write_instance(file, Instance("password", (1,)))
    assert file.stat().st_mode & 0o077 == 0


def test_picked_ports_are_free_and_different() -> None:
    ports = pick_free(5)
    assert len(set(ports)) == 5
    assert all(map(is_free, ports))


def test_nothing_is_found_when_nothing_is_owned() -> None:
    assert find(lambda _: False) is None


def test_a_child_that_is_seen_to_have_ended_is_reaped() -> None:
    for _ in range(100):
        pid = os.posix_spawn("/bin/true", ["true"], {})
        while is_running(pid):
            pass
        assert not psutil.pid_exists(pid)
