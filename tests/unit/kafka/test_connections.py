"""What is said of Kafka's TLS and SASL must fit together before anything is connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import ValidationError

from tests.support.services.certificates import Authority
from worker.kafka.connections import admin_of, broker_connection, client_connection
from worker.settings.connected import KafkaSettings
from worker.settings.settings import Settings

SASL = {"kafka_username": "ada", "kafka_password": "right"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


def fault(**settings: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        Settings(**settings)
    (error,) = refused.value.errors()
    return str(error["msg"])


def test_a_password_without_tls_must_be_allowed_by_name() -> None:
    told = fault(kafka_security_protocol="SASL_PLAINTEXT", **SASL)
    assert "MARKETMAP_KAFKA_ALLOW_SASL_PLAINTEXT" in told
    sasl: dict[str, Any] = SASL | {"kafka_allow_sasl_plaintext": True}
    allowed = KafkaSettings(
        kafka_bootstrap_servers="127.0.0.1:1", kafka_security_protocol="SASL_PLAINTEXT", **sasl
    )
    assert client_connection(allowed)["security_protocol"] == "SASL_PLAINTEXT"


def test_sasl_needs_a_user_and_a_password() -> None:
    assert "needs MARKETMAP_KAFKA_USERNAME" in fault(
        kafka_security_protocol="SASL_SSL", kafka_username="ada"
    )


def test_a_password_that_nobody_would_ask_for_is_a_mistake() -> None:
    assert "uses neither" in fault(kafka_security_protocol="SSL", **SASL)


def test_certificates_without_tls_are_a_mistake(authority: Authority) -> None:
    assert "uses no certificates" in fault(kafka_ca_file=authority.ca_file)


def test_a_certificate_needs_its_key(authority: Authority) -> None:
    certificate, _ = authority.client("ada")
    assert "belong together" in fault(
        kafka_security_protocol="SSL", kafka_certificate_file=certificate
    )


def test_a_certificate_and_the_key_of_another_do_not_fit(authority: Authority) -> None:
    certificate, _ = authority.client("ada")
    _, key = authority.client("bob")
    told = fault(
        kafka_security_protocol="SSL", kafka_certificate_file=certificate, kafka_key_file=key
    )
    assert "do not fit together" in told


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    assert "no certificate" in fault(kafka_security_protocol="SSL", kafka_ca_file=empty)
    assert "does not point to a file" in fault(
        kafka_security_protocol="SSL", kafka_ca_file=tmp_path / "none"
    )


def test_a_password_does_not_show_in_a_representation() -> None:
    assert "right" not in repr(Settings(kafka_security_protocol="SASL_SSL", **SASL))  # type: ignore[arg-type]


def test_a_password_does_not_show_in_a_document_of_the_broker() -> None:
    settings = Settings(kafka_security_protocol="SASL_SSL", **SASL)  # type: ignore[arg-type]
    broker = KafkaBroker("127.0.0.1:1", **broker_connection(settings))
    document = AsyncAPI(broker).to_specification().to_json()
    assert "scram" in document
    assert "right" not in document


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_every_client_gets_the_same(authority: Authority, mechanism: Any) -> None:
    certificate, key = authority.client("ada")
    settings = KafkaSettings(
        kafka_bootstrap_servers="127.0.0.1:1",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism=mechanism,
        kafka_username="ada",
        kafka_password="right",  # noqa: S106  # opens nothing
        kafka_ca_file=authority.ca_file,
        kafka_certificate_file=certificate,
        kafka_key_file=key,
    )
    connection = client_connection(settings)
    assert (
        connection["sasl_mechanism"] == settings.librdkafka_access()["sasl.mechanism"] == mechanism
    )
    assert (
        connection["security_protocol"]
        == settings.librdkafka_access()["security.protocol"]
        == "SASL_SSL"
    )
    assert connection["ssl_context"].check_hostname
    assert type(broker_connection(settings)["security"]).__name__.startswith("SASL")
    admin_of(settings)  # librdkafka refuses an option that it does not know
