import json
import os
from pathlib import Path

import pytest

from worker.settings.loading import MAX_SHOWN, SettingsError, load_settings
from worker.settings.settings import Settings

URL = "postgresql://user:secret@db:5432/marketmap"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("MARKETMAP_"):
            monkeypatch.delenv(name)


def faults_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name, value in variables.items():
        monkeypatch.setenv(f"MARKETMAP_{name}", value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    return error.value.faults


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings()
    assert settings.database_url is None
    assert settings.topics.observations["bet9ja"] == "observations.bet9ja"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", "")
    assert load_settings().kafka_bootstrap_servers is None


def test_the_prefix_stands_before_every_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETMAP_TOPIC_PREFIX", "staging.")
    settings = load_settings()
    assert settings.topics.observations["betpawa"] == "staging.observations.betpawa"
    assert settings.topics.dead == "staging.observations.dead"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HTTP_PORT", "abc", "valid integer"),
        ("HTTP_PORT", "70000", "less than or equal to 65535"),
        ("BATCH_MAX_RECORDS", "0", "greater than or equal to 1"),
        ("DRAIN_TIMEOUT_S", "nan", "finite"),
        ("KAFKA_BOOTSTRAP_SERVERS", "broker", '"broker" is not host:port'),
        ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:99999", '"b:99999" is not host:port'),
        ("TOPIC_DEAD", "dead letters", "letters, digits"),
        ("TOPIC_PREFIX", "a/", "pattern"),
        ("GROUP_ID", "a\tb", "printable"),
        ("LOG_FORMAT", "xml", "'auto', 'json' or 'console'"),
    ],
)
def test_a_wrong_value_is_named_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    (fault,) = faults_of(monkeypatch, **{name: value})
    assert fault.startswith(f"MARKETMAP_{name}: {json.dumps(value)}: ")
    assert reason in fault


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    faults = faults_of(monkeypatch, HTTP_PORT="abc", PARTITIONS="-1", GRUOP_ID="g")
    assert {fault.split(":")[0] for fault in faults} == {
        "MARKETMAP_HTTP_PORT",
        "MARKETMAP_PARTITIONS",
        "MARKETMAP_GRUOP_ID",
    }


def test_a_long_wrong_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults_of(monkeypatch, HTTP_PORT="9" * 5000)
    assert len(fault) < MAX_SHOWN + 200


def test_a_wrong_database_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults_of(monkeypatch, DATABASE_URL="mysql://user:secret@db/x")
    assert "secret" not in fault
    assert "postgresql://" in fault


def test_a_database_url_must_name_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults_of(monkeypatch, DATABASE_URL="postgresql://db:5432")
    assert "name a database" in fault


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sslmode=on", "sslmode must be one of"),
        ("sslrootcert=/nowhere/ca.pem", "path of sslrootcert"),
    ],
)
def test_a_database_url_whose_tls_cannot_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, query: str, reason: str
) -> None:
    (fault,) = faults_of(monkeypatch, DATABASE_URL=f"{URL}?{query}")
    assert reason in fault
    assert "secret" not in fault


def test_the_database_url_does_not_show_in_a_representation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MARKETMAP_DATABASE_URL", URL)
    assert "secret" not in repr(load_settings())


def test_a_secret_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(f"{URL}\n")
    monkeypatch.setenv("MARKETMAP_DATABASE_URL_FILE", str(secret))
    assert load_settings().database_url == URL


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults_of(monkeypatch, DATABASE_URL_FILE="/nowhere/url") == [
        'MARKETMAP_DATABASE_URL_FILE: "/nowhere/url": No such file or directory'
    ]


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(URL)
    (fault,) = faults_of(monkeypatch, DATABASE_URL=URL, DATABASE_URL_FILE=str(secret))
    assert "not both" in fault


def test_a_misspelt_variable_is_told_from_an_unrelated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Container platforms set variables such as MARKETMAP_SERVICE_HOST for a service of this name.
    monkeypatch.setenv("MARKETMAP_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("MARKETMAP_PORT", "tcp://10.0.0.1:8080")
    (fault,) = faults_of(monkeypatch, DATABASE_URI="x")
    assert "MARKETMAP_DATABASE_URL is meant" in fault


@pytest.mark.parametrize("name", ["DATABASE_URI", "KAFKA_PASWORD"])
def test_what_was_meant_as_a_secret_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (fault,) = faults_of(monkeypatch, **{name: "marked-secret"})
    assert "marked-secret" not in fault


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (
            {"MAX_MESSAGE_BYTES": "9000000", "BATCH_MAX_BYTES": "8000000"},
            "MARKETMAP_BATCH_MAX_BYTES",
        ),
        (
            {"BATCH_MAX_BYTES": "9000000", "MAX_UNPACKED_BYTES": "8999999"},
            "MARKETMAP_MAX_UNPACKED_BYTES",
        ),
        ({"DRAIN_TIMEOUT_S": "40"}, "MARKETMAP_DRAIN_TIMEOUT_S"),
        ({"TOPIC_DEAD": "odds.resolved"}, "differ"),
        (
            {"INSIGHT_GROUP_ID": "market-mapping-worker"},
            "MARKETMAP_GROUP_ID, MARKETMAP_SNAPSHOT_GROUP_ID, MARKETMAP_INSIGHT_GROUP_ID must differ",
        ),
        ({"GROUP_ID": "odds", "SNAPSHOT_GROUP_ID": "odds"}, "MARKETMAP_GROUP_ID"),
        (
            {"STALL_TIMEOUT_S": "60"},
            "MARKETMAP_STALL_TIMEOUT_S must be above MARKETMAP_REBALANCE_TIMEOUT_S",
        ),
        ({"WATCHDOG_INTERVAL_S": "31"}, "MARKETMAP_WATCHDOG_INTERVAL_S"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    (fault,) = faults_of(monkeypatch, **variables)
    assert reason in fault


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
