"""The kit on a broker with TLS and SASL: who comes in, and what is said to who does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clients.python.market_mapping_client.access import KafkaAccess
from clients.python.market_mapping_client.compacted_topic import compacted
from clients.python.market_mapping_client.connecting import require_topics
from clients.python.market_mapping_client.errors import ClientError, ErrorCode
from clients.python.market_mapping_client.follow import follow
from clients.python.market_mapping_client.messages import Observation, examples
from clients.python.market_mapping_client.publish import publish
from tests.support.services.certificates import Authority
from tests.support.services.guarded_kafka import GuardedKafka
from tests.support.services.installation import Installation, until
from worker.local.ports import pick_free
from worker.operations.installation.grants import Grant

pytestmark = pytest.mark.services

OBSERVATION = Observation.model_validate_json(
    Observation.model_validate(examples.OBSERVATIONS["bet9ja"], strict=False).model_dump_json()
)


async def known(access: KafkaAccess) -> KafkaAccess:
    """Wait until the broker knows a user that was just added."""

    async def is_known() -> bool:
        try:
            await require_topics(access, [])
        except ClientError:
            return False
        return True

    await until(is_known)
    return access


@pytest.fixture
async def ada(guarded: GuardedKafka, guarded_installation: Installation) -> KafkaAccess:
    """Access of a user who may write and read every topic of the installation."""
    prefix = guarded_installation.settings.topic_prefix
    user = f"{prefix}ada"
    guarded.add_user(user, "right")
    grants = [
        Grant("TOPIC", "PREFIXED", prefix, "DESCRIBE"),
        Grant("TOPIC", "PREFIXED", prefix, "WRITE"),
        Grant("TOPIC", "PREFIXED", prefix, "READ"),
    ]
    guarded.grant(user, grants)
    return await known(access(guarded, user, topic_prefix=prefix))


def access(guarded: GuardedKafka, user: str, *, topic_prefix: str = "") -> KafkaAccess:
    return KafkaAccess(
        guarded.sasl_ssl,
        security_protocol="SASL_SSL",
        username=user,
        password="right",  # noqa: S106  # of a user that the test makes
        ca_file=str(guarded.authority.ca_file),
        topic_prefix=topic_prefix,
    )


async def refused(access: KafkaAccess) -> ClientError:
    with pytest.raises(ClientError) as error:
        await publish([OBSERVATION], access)
    said = str(error.value)
    assert said.startswith(f"{error.value.code}: ")
    assert "\n" not in said
    assert "right" not in said.split()
    return error.value


async def test_a_user_with_a_password_publishes_over_tls(
    ada: KafkaAccess, guarded_installation: Installation
) -> None:
    await publish([OBSERVATION], ada)
    (record,) = await guarded_installation.consume("observations.bet9ja")
    assert Observation.model_validate_json(record.value or b"") == OBSERVATION


async def test_a_user_with_a_password_follows_and_reads_what_is_present(
    ada: KafkaAccess, guarded_installation: Installation
) -> None:
    value = examples_of_an_event()
    topics = ("odds.resolved", "odds.latest")
    await guarded_installation.publish([(topic, b"k", value, []) for topic in topics])
    async for state in follow(brokers=ada):
        assert state.markets
        break
    async with compacted("odds.latest", ada) as topic:
        assert [record.key async for record in topic.present()] == [b"k"]


def examples_of_an_event() -> bytes:
    from clients.python.market_mapping_client.messages import ResolvedEvent

    event = ResolvedEvent.model_validate(examples.RESOLVED_EVENT, strict=False)
    return event.model_dump_json().encode()


async def test_a_certificate_is_enough(guarded: GuardedKafka, ada: KafkaAccess) -> None:
    by_certificate = guarded.by_certificate(ada.username or "")
    mine = KafkaAccess(
        guarded.ssl,
        security_protocol="SSL",
        ca_file=str(by_certificate["kafka_ca_file"]),
        certificate_file=str(by_certificate["kafka_certificate_file"]),
        key_file=str(by_certificate["kafka_key_file"]),
        topic_prefix=ada.topic_prefix,
    )
    await publish([OBSERVATION], mine)
    without = replace(mine, certificate_file=None, key_file=None)
    assert (await refused(without)).code in {"CONNECTION_CLOSED", "TLS_FAILED"}


async def test_a_wrong_password_is_refused_and_not_shown(ada: KafkaAccess) -> None:
    error = await refused(replace(ada, password="guessed-password"))  # noqa: S106  # it is wrong
    assert error.code == "CREDENTIALS_REFUSED"
    assert "guessed-password" not in str(error)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sasl_mechanism": "PLAIN"}, "CREDENTIALS_REFUSED"),
        ({"topic_prefix": "never.made."}, "TOPIC_NOT_FOUND"),
        ({"bootstrap_servers": f"127.0.0.1:{pick_free(1)[0]}"}, "BROKERS_UNREACHABLE"),
    ],
)
async def test_what_is_wrong_has_a_code(
    ada: KafkaAccess, change: dict[str, str], code: ErrorCode
) -> None:
    assert (await refused(replace(ada, **change))).code == code  # type: ignore[arg-type]  # texts


async def test_a_broker_of_another_authority_or_name_is_not_trusted(
    ada: KafkaAccess, tmp_path: Path
) -> None:
    foreign = Authority(tmp_path / "foreign")
    assert (await refused(replace(ada, ca_file=str(foreign.ca_file)))).code == "TLS_FAILED"
    port = ada.bootstrap_servers.partition(":")[2]
    other_name = replace(ada, bootstrap_servers=f"localhost:{port}")
    assert (await refused(other_name)).code == "TLS_FAILED"


async def test_a_connection_without_tls_is_closed_by_a_port_of_tls(ada: KafkaAccess) -> None:
    plain = KafkaAccess(ada.bootstrap_servers, topic_prefix=ada.topic_prefix)
    assert (await refused(plain)).code == "CONNECTION_CLOSED"


async def test_who_may_not_write_is_told_so(guarded: GuardedKafka, ada: KafkaAccess) -> None:
    user = f"{ada.topic_prefix}bob"
    guarded.add_user(user, "right")
    bob = await known(access(guarded, user, topic_prefix=ada.topic_prefix))
    assert (await refused(bob)).code == "TOPIC_NOT_FOUND"
    guarded.grant(user, [Grant("TOPIC", "PREFIXED", ada.topic_prefix, "DESCRIBE")])
    error = await refused(bob)
    assert error.code == "NOT_AUTHORIZED"
    assert user in str(error)
