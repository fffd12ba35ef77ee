"""The kit reads the worker's own variables, and means the same by them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from clients.python.market_mapping_client.access import _TOPICS, _VARIABLES, KafkaAccess, access_of
from clients.python.market_mapping_client.errors import ClientError
from tests.support.services.certificates import Authority
from worker.kafka.connections import client_connection
from worker.settings.connected import with_kafka
from worker.settings.kafka_access import KafkaAccess as WorkerAccess
from worker.settings.loading import SettingsError, load_settings
from worker.settings.settings import SECRETS, Settings

SERVERS = {"KAFKA_BOOTSTRAP_SERVERS": "one:9092, two:9093"}
USER = {"KAFKA_USERNAME": "ada", "KAFKA_PASSWORD": "secret"}
FILES = {"KAFKA_CERTIFICATE_FILE": "ada.pem", "KAFKA_KEY_FILE": "ada.key"}
ACCEPTED: list[dict[str, str]] = [
    {},
    {"KAFKA_SECURITY_PROTOCOL": ""},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_CA_FILE": "ca.pem", **USER},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN", **USER},
    {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "ca.pem", **FILES},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_ALLOW_SASL_PLAINTEXT": "Yes", **USER},
    {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_USERNAME": "ada",
        "KAFKA_PASSWORD_FILE": "password",
    },
    {"KAFKA_METADATA_TOO_FAR_FROM_ANY": "1"},
]
REFUSED: list[dict[str, str]] = [
    {"KAFKA_BOOTSTRAP_SERVERS": "one"},
    {"KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:99999"},
    {"KAFKA_SECURITY_PROTOCOL": "TLS"},
    {"KAFKA_SASL_MECHANISM": "GSSAPI"},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "ada"},
    USER,
    {"KAFKA_SECURITY_PROTOCOL": "SSL", **USER},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", **USER},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_ALLOW_SASL_PLAINTEXT": "maybe", **USER},
    {"KAFKA_CA_FILE": "ca.pem"},
    {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "absent.pem"},
    {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "password"},
    {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_KEY_FILE": "ada.key"},
    {"KAFKA_SECURITY_PROTOCOL": "SSL", **FILES, "KAFKA_KEY_FILE": "server.key"},
    {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **USER, "KAFKA_PASSWORD_FILE": "password"},
    {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_USERNAME": "ada",
        "KAFKA_PASSWORD_FILE": "absent",
    },
    {"KAFKA_SECURITY_PROTOKOL": "SSL"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("access") / "files"
    authority = Authority(folder)
    authority.client("ada")
    authority.server()
    (folder / "password").write_text("secret\n")
    return folder


@pytest.fixture
def given(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> dict[str, str]:
    """An environment with these variables and no others of ours; the working folder has the files."""
    monkeypatch.chdir(folder)
    variables = {f"MARKETMAP_{name}": value for name, value in (SERVERS | request.param).items()}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def without_contexts(options: dict[str, Any]) -> dict[str, Any]:
    compared = {"bootstrap_servers", "security_protocol", "sasl_mechanism"}
    compared |= {"sasl_plain_username", "sasl_plain_password"}
    return {name: value for name, value in options.items() if name in compared and value}


@pytest.mark.parametrize(
    "given", ACCEPTED, indirect=True, ids=lambda each: "+".join(each) or "none"
)
def test_what_the_worker_accepts_gives_the_same_connection(given: dict[str, str]) -> None:
    settings = with_kafka(load_settings())
    assert settings is not None
    ours, theirs = KafkaAccess.from_environment().options(), client_connection(settings)
    assert without_contexts(ours) == without_contexts(theirs)
    context = ours.get("ssl_context")
    assert (context is None) == (theirs.get("ssl_context") is None)
    if context is not None:
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("given", REFUSED, indirect=True, ids="+".join)
def test_what_the_worker_refuses_is_refused_in_one_sentence_with_a_fix(
    given: dict[str, str],
) -> None:
    with pytest.raises(SettingsError):
        load_settings()
    with pytest.raises(ClientError) as refused:
        KafkaAccess.from_environment()
    said = str(refused.value)
    assert said.startswith("SETTING_INVALID: MARKETMAP_KAFKA_")
    assert said.count(";") == 1
    assert "\n" not in said
    assert "secret" not in said


def test_the_variables_of_the_brokers_are_those_of_the_worker() -> None:
    fields = {name.upper() for name in WorkerAccess.model_fields}
    files = {f"{name.upper()}_FILE" for name in SECRETS if name.startswith("kafka_")}
    assert set(_VARIABLES) == fields | files | {"KAFKA_BOOTSTRAP_SERVERS"}


def test_the_topics_have_the_names_that_the_worker_gives_them() -> None:
    assert {Settings.model_fields[variable.lower()].default for variable in _TOPICS} == set(
        _TOPICS.values()
    )


def test_topics_can_be_renamed_and_have_a_prefix() -> None:
    access = KafkaAccess.from_environment(
        {
            "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": "one:9092",
            "MARKETMAP_TOPIC_PREFIX": "test.",
            "MARKETMAP_TOPIC_RESOLVED": "prices",
        }
    )
    assert access.topic("odds.resolved") == "test.prices"
    assert access.topic("odds.latest") == "test.odds.latest"


def test_an_address_that_is_named_replaces_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS", "one:9092")
    assert access_of("two:9092").bootstrap_servers == "two:9092"
    assert access_of(None).bootstrap_servers == "one:9092"


def test_an_environment_without_an_address_is_refused() -> None:
    with pytest.raises(ClientError, match="MARKETMAP_KAFKA_BOOTSTRAP_SERVERS is not set"):
        KafkaAccess.from_environment({})


def test_a_secret_is_not_shown() -> None:
    shown = repr(
        KafkaAccess(
            "one:9092",
            security_protocol="SASL_SSL",
            username="ada",
            password="hidden-1",  # noqa: S106  # it must not be shown
            key_password="hidden-2",  # noqa: S106  # as above
        )
    )
    assert "hidden" not in shown
