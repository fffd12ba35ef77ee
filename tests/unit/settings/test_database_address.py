"""An address of Postgres is refused with one sentence before anything splits it differently, or shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.settings.database_address import check_database_url

SECRET = "hush"  # noqa: S105  # opens nothing
WRONG = [
    f"u:{SECRET}/x@127.0.0.1:1/x",
    f"u:1/{SECRET}@127.0.0.1:1/x",
    f"u:pa?{SECRET}@127.0.0.1:1/x",
    f"u:1/x?a={SECRET}@127.0.0.1:1/x",
    f"u:pa#{SECRET}@127.0.0.1:1/x",
    f"u:{SECRET}@127.0.0.1:1/x#y",
    f"u:p[{SECRET}@127.0.0.1:1/x",
    f"u:p]{SECRET}@127.0.0.1:1/x",
    f"u:p[{SECRET}]@127.0.0.1:1/x",
    f"u:p@{SECRET}@127.0.0.1:1/x",
    f"u:{SECRET}\N{ACCOUNT OF}@127.0.0.1:1/x",
    f"u:{SECRET}@[::1/x",
    f"u:{SECRET}@[nowhere]:1/x",
    f"u:{SECRET}@127.0.0.1:99999/x",
    f"u:{SECRET}@127.0.0.1:0/x",
    f"u:{SECRET}@127.0.0.1:port/x",
    f"u:{SECRET}@127.0.0.1:1:2/x",
    f"u:{SECRET}@127.0.0.1:1,,h/x",
    f"u:{SECRET}@127.0.0.1:1,h:port/x",
    f"u:{SECRET}@/x?host=h:port",
    f"u:{SECRET}@127.0.0.1/x?port=99999",
    f"u:{SECRET}@127.0.0.1/x?port=port",
    f"u:{SECRET}@127.0.0.1/x?sslmode",
]


@pytest.mark.parametrize("rest", WRONG)
def test_a_wrong_address_is_refused_without_a_word_of_it(rest: str) -> None:
    with pytest.raises(ValueError, match=r"user:password@host:port/database.*%2F") as refused:
        check_database_url(f"postgresql://{rest}")
    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_a_file_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"no file at the path of {name}"):
        check_database_url(f"postgresql://u:{SECRET}@h/x?{name}=/nowhere")


def test_a_mode_of_encryption_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="sslmode must be one of"):
        check_database_url(f"postgresql://u:{SECRET}@h/x?sslmode=nonsense")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/x",
        "postgres://h/x",
        "postgresql+asyncpg://u:p@h:5432/x",
        "postgresql://u@h:5432/x",
        "postgresql://u:p%2F%3F%23%40%5B%5D@h:5432/x",
        "postgresql://u:p@[::1]:5432/x",
        "postgresql://u:p@[::1]/x",
        "postgresql://u:p@h1:5432,h2:5433/x?target_session_attrs=primary",
        "postgresql://u:p@h1,h2/x",
        "postgresql:///x?host=/run/postgresql",
        "postgresql://u:p@/x?host=/run/postgresql&port=5433",
        "postgresql://u:p@%2Frun%2Fpostgresql/x",
        "postgresql:///x?host=h1,h2&port=5432,5433",
        "postgresql://h:/x",
        "postgresql://h/x?options=-c%20geqo%3Doff&application_name=a",
        "postgresql://h/x?sslmode=require",
    ],
)
def test_what_the_driver_takes_is_taken(url: str) -> None:
    assert check_database_url(url) == url


def test_certificates_that_are_there_are_taken(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    file.touch()
    url = f"postgresql://h/x?sslmode=verify-full&sslrootcert={file}"
    assert check_database_url(url) == url


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PGPORT", "abc", "PGPORT in the environment is not a number from 1 to 65535"),
        ("PGPORT", "5432,0", "PGPORT in the environment is not a number from 1 to 65535"),
        ("PGSSLMODE", "on", "PGSSLMODE in the environment is not one of disable, allow"),
        ("PGSSLNEGOTIATION", "x", "is not one of postgres, direct"),
        ("PGTARGETSESSIONATTRS", "x", "is not one of any, primary"),
        ("PGSSLMINPROTOCOLVERSION", "1.2", "is not one of TLSv1, "),
        ("PGGSSLIB", "x", "is not one of gssapi, sspi"),
        ("PGSSLROOTCERT", "/nowhere", "PGSSLROOTCERT in the environment names no file"),
    ],
)
def test_what_the_driver_takes_from_the_environment_is_checked_as_well(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=sentence):
        check_database_url("postgresql://u@h/x")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_who_verifies_needs_a_certificate_to_verify_by(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    url = f"postgresql://u@h/x?sslmode={mode}"
    with pytest.raises(ValueError, match=f"sslmode={mode} needs sslrootcert=FILE"):
        check_database_url(url)
    (tmp_path / "root.pem").write_text("")
    named = f"{url}&sslrootcert={tmp_path / 'root.pem'}"
    assert check_database_url(named) == named
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text("")
    assert check_database_url(url) == url
