"""A wrong address of the database ends a command with a sentence that holds nothing of the address."""

from __future__ import annotations

import sys

import pytest

from worker.cli.main import main

SECRET = "hush"  # noqa: S105  # opens nothing
SHAPES = [
    f"u:{SECRET}/x@127.0.0.1:1/x",
    f"u:pa?{SECRET}@127.0.0.1:1/x",
    f"u:pa#{SECRET}@127.0.0.1:1/x",
    f"u:p[{SECRET}@127.0.0.1:1/x",
    f"u:p]{SECRET}@127.0.0.1:1/x",
    f"u:p@{SECRET}@127.0.0.1:1/x",
    f"u:{SECRET}@[::1/x",
    f"u:{SECRET}@127.0.0.1:99999/x",
    f"u:{SECRET}@127.0.0.1:port/x",
    f"u:{SECRET}@127.0.0.1:1/x?sslrootcert=/nowhere",
    f"u:{SECRET}@127.0.0.1:1/x?sslmode=nonsense",
]
OF_SETTINGS = [
    "run worker",
    "run relay",
    "run console",
    "config",
    "doctor --json",
    "lag",
    "mappings list",
]
WITH_OPTION = [
    "mappings list",
    "mappings list --json",
    "unmapped list",
    "changes list",
    "drafts list",
    "alarms list",
    "replay list",
    "migrate --dry-run",
    "roles --dry-run",
]


@pytest.fixture(autouse=True)
def brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.delenv("MARKETMAP_DATABASE_URL", raising=False)


def told(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """Return everything that the command says; it must end as one that is used wrongly, or with findings."""
    monkeypatch.setattr(sys, "argv", ["marketmap", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = "".join(capsys.readouterr())
    assert ended.value.code == (1 if arguments[0] == "doctor" else 2), said
    assert "Traceback" not in said
    assert SECRET not in said
    return said


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("command", OF_SETTINGS)
def test_in_the_settings(
    command: str,
    shape: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", f"postgresql://{shape}")
    assert told(command.split(), monkeypatch, capsys)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("command", WITH_OPTION)
def test_as_an_option(
    command: str,
    shape: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [*command.split(), "--database-url", f"postgresql://{shape}"]
    assert "--database-url" in told(given, monkeypatch, capsys)


@pytest.mark.parametrize("login", ["READER", "EDITOR", "APPROVER"])
def test_of_a_login_of_the_console(
    login: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", "postgresql://127.0.0.1:1/x")
    monkeypatch.setenv(f"MARKETMAP_CONSOLE_{login}_DATABASE_URL", f"postgresql://{SHAPES[0]}")
    said = told(["run", "console"], monkeypatch, capsys)
    assert f"MARKETMAP_CONSOLE_{login}_DATABASE_URL: (hidden)" in said
