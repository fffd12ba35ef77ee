"""Connection settings as each of the two Kafka clients wants them."""

from __future__ import annotations

from typing import Any

from worker.app.settings import Settings
from worker.ingest.admin import KafkaAdmin
from worker.ingest.batches import read_any_batch
from worker.ingest.inspection import ClusterInspection
from worker.ingest.offsets import ClusterOffsets


def client_connection(settings: Settings, *, servers: bool = True) -> dict[str, Any]:
    """Keyword arguments for aiokafka; FastStream takes the servers and the client id by themselves."""
    connection: dict[str, Any] = {"metadata_max_age_ms": round(settings.metadata_max_age_s * 1000)}
    if servers:
        connection |= {"bootstrap_servers": settings.kafka_bootstrap_servers, "client_id": settings.client_id}
    return connection


def prepare_reading(settings: Settings) -> None:
    """Before a consumer is made: it shall read whatever anybody wrote, within bounds."""
    read_any_batch(unpacked_bytes=settings.max_unpacked_bytes, poll_bytes=settings.batch_max_bytes)


def admin_of(settings: Settings) -> KafkaAdmin:
    return KafkaAdmin(*_admin_connections(settings), timeout_s=settings.admin_timeout_s)


def offsets_of(settings: Settings) -> ClusterOffsets:
    return ClusterOffsets(*_admin_connections(settings), timeout_s=settings.admin_timeout_s)


def inspection_of(settings: Settings) -> ClusterInspection:
    librdkafka, _ = _admin_connections(settings)
    return ClusterInspection(librdkafka, timeout_s=settings.admin_timeout_s)


def _admin_connections(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """As librdkafka and as aiokafka want it."""
    client_id = f"{settings.client_id}-admin"
    return (
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "client.id": client_id},
        {**client_connection(settings), "client_id": client_id},
    )
