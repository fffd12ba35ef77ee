"""Connection settings as each of the Kafka clients wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.kafka.client.batches import read_any_batch
from worker.kafka.cluster.admin import KafkaAdmin
from worker.settings.connected import KafkaSettings
from worker.settings.settings import Settings

if TYPE_CHECKING:
    from faststream.security import BaseSecurity


def client_connection(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments for aiokafka."""
    # Importing FastStream takes longer than many a command that does not connect.
    from faststream.kafka.security import parse_security  # noqa: PLC0415

    return {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": settings.client_id,
        **_freshness(settings),
        **parse_security(_security(settings)),
    }


def broker_connection(settings: Settings) -> dict[str, Any]:
    """Keyword arguments for FastStream, which takes the servers and the client id by themselves."""
    return {"security": _security(settings), **_freshness(settings)}


def prepare_reading(settings: Settings) -> None:
    """Before a consumer is made: it must be able to read whatever anybody wrote, within bounds."""
    read_any_batch(unpacked_bytes=settings.max_unpacked_bytes, poll_bytes=settings.batch_max_bytes)


def admin_of(settings: KafkaSettings) -> KafkaAdmin:
    librdkafka, aiokafka = _admin_connections(settings)
    return KafkaAdmin(librdkafka, aiokafka, timeout_s=settings.admin_timeout_s)


def _admin_connections(settings: KafkaSettings) -> tuple[dict[str, Any], dict[str, Any]]:
    """As librdkafka and as aiokafka want it."""
    client_id = f"{settings.client_id}-admin"
    return (
        {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "client.id": client_id,
            **settings.librdkafka_access(),
        },
        {**client_connection(settings), "client_id": client_id},
    )


def _freshness(settings: Settings) -> dict[str, Any]:
    return {"metadata_max_age_ms": round(settings.metadata_max_age_s * 1000)}


def _security(settings: Settings) -> BaseSecurity:
    """One value for FastStream and aiokafka: FastStream knows the other's words."""
    from faststream.security import (  # noqa: PLC0415  as above
        BaseSecurity,
        SASLPlaintext,
        SASLScram256,
        SASLScram512,
    )

    context = settings.kafka_tls() if settings.kafka_uses_tls else None
    if not settings.kafka_uses_sasl:
        return BaseSecurity(ssl_context=context)
    by_mechanism = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }
    sasl = by_mechanism[settings.kafka_sasl_mechanism]
    return sasl(settings.kafka_username or "", settings.kafka_password or "", ssl_context=context)
