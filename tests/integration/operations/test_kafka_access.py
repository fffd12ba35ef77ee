"""Who comes in to a broker that asks: by a password, by a certificate, and whom it turns away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.services.certificates import Authority
from tests.support.services.guarded_kafka import GuardedKafka
from tests.support.services.installation import PATIENCE_S
from worker.domain.errors import FatalError, TransientError
from worker.kafka.connections import admin_of
from worker.kafka.retrying import retried
from worker.operations.installation.grants import Grant
from worker.settings.connected import KafkaSettings

pytestmark = pytest.mark.services

TOPIC = "never.created"
MAY_LOOK = [
    Grant("TOPIC", "LITERAL", TOPIC, "DESCRIBE"),
    Grant("GROUP", "LITERAL", "g", "DESCRIBE"),
]


@pytest.fixture(scope="module")
def ada(guarded: GuardedKafka) -> GuardedKafka:
    """The broker with a user who may look at one topic and one group."""
    guarded.add_user("ada", "right")
    guarded.grant("ada", MAY_LOOK)
    return guarded


@pytest.fixture
def foreign(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "foreign")


async def look(access: dict[str, Any]) -> tuple[object, str]:
    """Ask through both libraries: for a topic, and for a group."""
    settings = KafkaSettings(admin_timeout_s=2, **access)
    topics = await admin_of(settings).topics.states([TOPIC])
    group = await retried(lambda: admin_of(settings).groups.describe("g"), patience_s=PATIENCE_S)
    return topics, group.state


async def refusal(access: dict[str, Any]) -> str:
    with pytest.raises(FatalError) as refused:
        await look(access)
    return str(refused.value)


async def test_a_password_is_proved_over_tls(ada: GuardedKafka) -> None:
    assert await look(ada.by_password("ada", "right")) == ({}, "Dead")


async def test_a_certificate_stands_for_its_name(ada: GuardedKafka) -> None:
    assert await look(ada.by_certificate("ada")) == ({}, "Dead")


async def test_a_password_is_proved_without_tls_where_that_is_allowed_by_name(
    ada: GuardedKafka,
) -> None:
    access = {
        "kafka_bootstrap_servers": ada.sasl_plaintext,
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_username": "ada",
        "kafka_password": "right",
        "kafka_allow_sasl_plaintext": True,
    }
    assert await look(access) == ({}, "Dead")


async def test_a_wrong_password_is_refused_and_not_told(ada: GuardedKafka) -> None:
    told = await refusal(ada.by_password("ada", "guessed-password"))
    assert "Authentication failed during authentication due to invalid credentials" in told
    assert "guessed-password" not in told


async def test_a_mechanism_that_the_broker_does_not_know_is_refused(ada: GuardedKafka) -> None:
    told = await refusal(ada.by_password("ada", "right") | {"kafka_sasl_mechanism": "PLAIN"})
    assert "Unsupported SASL mechanism" in told


async def test_a_broker_of_a_foreign_authority_is_not_trusted(
    ada: GuardedKafka, foreign: Authority
) -> None:
    told = await refusal(ada.by_password("ada", "right") | {"kafka_ca_file": foreign.ca_file})
    assert "certificate verify failed" in told


async def test_a_broker_under_another_name_is_not_trusted(ada: GuardedKafka) -> None:
    access = ada.by_password("ada", "right")
    port = ada.sasl_ssl.partition(":")[2]
    told = await refusal(access | {"kafka_bootstrap_servers": f"localhost:{port}"})
    assert "certificate verify failed" in told


async def test_without_a_certificate_there_is_no_way_in_where_one_is_asked_for(
    ada: GuardedKafka,
) -> None:
    access = ada.by_certificate("ada") | {"kafka_certificate_file": None, "kafka_key_file": None}
    assert "alert certificate required" in await refusal(access)


async def test_a_certificate_of_a_foreign_authority_is_refused(
    ada: GuardedKafka, foreign: Authority
) -> None:
    assert "alert" in await refusal(ada.by_certificate("ada", issuer=foreign))


async def test_who_may_not_look_at_a_topic_is_told_which(ada: GuardedKafka) -> None:
    ada.add_user("bob", "right")
    assert TOPIC in await refusal(ada.by_password("bob", "right"))


async def test_a_broker_that_is_away_is_asked_again() -> None:
    settings = KafkaSettings(kafka_bootstrap_servers="127.0.0.1:1", admin_timeout_s=1)
    with pytest.raises(TransientError, match="Connection refused"):
        await admin_of(settings).topics.states([TOPIC])
