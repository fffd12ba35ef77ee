"""The container set-up agrees with the code, as far as that can be told without a container engine."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from worker.cli.main import app
from worker.local.jars import KAFKA_VERSION
from worker.local.kafka import MAX_MESSAGE_BYTES
from worker.settings.console_access import fault_of_sign_in
from worker.settings.console_users import read_users
from worker.settings.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
RUN = ["worker", "relay", "snapshot", "insight", "console"]
OURS = {"migrate", "topics", "editor", *RUN}
LONG_LIVED = {"kafka", "postgres", "console-proxy", *RUN}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    environment = service.get("environment", {})
    return {name: str(value) for name, value in environment.items() if name.startswith(PREFIX)}


def test_the_stack_has_its_services(services: dict[str, Any]) -> None:
    assert set(services) == LONG_LIVED | OURS


def test_whatever_is_long_lived_has_a_health_check(services: dict[str, Any]) -> None:
    assert all(services[name]["healthcheck"]["test"] for name in LONG_LIVED)


def test_whatever_ends_by_itself_has_none(services: dict[str, Any]) -> None:
    assert all(
        services[name]["healthcheck"] == {"disable": True} for name in set(services) - LONG_LIVED
    )


def test_nothing_waits_for_a_service_that_is_not_there_or_in_a_way_it_cannot_meet(
    services: dict[str, Any],
) -> None:
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            expected = (
                "service_healthy" if needed in LONG_LIVED else "service_completed_successfully"
            )
            assert how["condition"] == expected


@pytest.mark.parametrize("name", RUN)
def test_it_starts_on_a_ready_broker_and_a_migrated_database(
    services: dict[str, Any], name: str
) -> None:
    assert set(services[name]["depends_on"]) == {"kafka", "postgres", "migrate", "topics"}


def test_every_container_has_bounds(services: dict[str, Any]) -> None:
    assert all(
        set(one["deploy"]["resources"]["limits"]) == {"cpus", "memory"} for one in services.values()
    )


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_can_write_nothing_and_gain_no_rights(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_every_port_is_open_on_this_machine_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_every_variable_is_a_setting_and_every_value_is_accepted(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in services.values():
        given = settings_of(service)
        fields = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
        assert set(fields) <= set(Settings.model_fields)
        Settings.model_validate(fields)


def test_the_console_signs_people_in_safely(services: dict[str, Any]) -> None:
    console = services["console"]
    given = settings_of(console)
    fields = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    settings = Settings.model_validate(fields)
    assert fault_of_sign_in(settings) is None
    (volume,) = console["volumes"]
    here, inside, how = volume.split(":")
    assert (inside, how) == (settings.console_users_file, "ro")
    assert read_users(ROOT / here).keys() == {"reader", "editor", "approver"}


def test_browsers_reach_the_console_by_its_proxy_alone(services: dict[str, Any]) -> None:
    given, proxy = settings_of(services["console"]), services["console-proxy"]
    (port,) = (port.split(":")[1] for port in proxy["ports"])
    assert given["MARKETMAP_CONSOLE_PUBLIC_URL"] == f"https://localhost:{port}"
    assert f"https://localhost:{port}" in proxy["command"]
    assert f"console:{Settings().console_port}" in proxy["command"]
    assert not any(str(Settings().console_port) in one for one in services["console"]["ports"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_exists(services: dict[str, Any], name: str) -> None:
    command = services[name]["command"]
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


def test_containers_and_local_services_run_the_same_kafka(services: dict[str, Any]) -> None:
    kafka = services["kafka"]
    assert kafka["image"] == f"apache/kafka:{KAFKA_VERSION}"
    assert kafka["environment"]["KAFKA_MESSAGE_MAX_BYTES"] == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("name", RUN)
def test_the_engine_waits_longer_than_it_needs_to_stop(services: dict[str, Any], name: str) -> None:
    grace = float(services[name]["stop_grace_period"].removesuffix("s"))
    assert grace > float(settings_of(services[name])["MARKETMAP_SHUTDOWN_TIMEOUT_S"])


def test_compose_itself_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if (
        not docker
        or subprocess.run(
            [docker, "compose", "version"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("the docker compose plugin is not installed")
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=ROOT, check=True)
