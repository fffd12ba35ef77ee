"""Connection settings as each of the two Kafka clients wants them."""

from __future__ import annotations

from typing import Any

from worker.app.settings import Settings
from worker.ingest.admin import KafkaAdmin


def client_connection(settings: Settings, *, servers: bool = True) -> dict[str, Any]:
    """Keyword arguments for aiokafka; FastStream takes the servers and the client id by themselves."""
    if not servers:
        return {}
    return {"bootstrap_servers": settings.kafka_bootstrap_servers, "client_id": settings.client_id}


def admin_of(settings: Settings) -> KafkaAdmin:
    client_id = f"{settings.client_id}-admin"
    return KafkaAdmin(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "client.id": client_id},
        {**client_connection(settings), "client_id": client_id},
        timeout_s=settings.admin_timeout_s,
    )
