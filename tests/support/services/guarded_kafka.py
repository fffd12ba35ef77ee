"""A real broker that asks who its clients are, and lets them do only what they were granted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support.services.certificates import Authority
from worker.local.owned import owned_services
from worker.local.ports import pick_free
from worker.local.service import Service
from worker.operations.installation.grants import Grant

MECHANISM: Final = "SCRAM-SHA-512"


@dataclass(frozen=True)
class GuardedKafka:
    """The address of each listener; who comes in through ``plaintext`` may do everything."""

    plaintext: str
    ssl: str
    sasl_ssl: str
    sasl_plaintext: str
    authority: Authority

    def by_password(self, user: str, password: str) -> dict[str, Any]:
        """Settings of a client that knows the broker by its certificate, and proves a password to it."""
        return {
            "kafka_bootstrap_servers": self.sasl_ssl,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_username": user,
            "kafka_password": password,
            "kafka_ca_file": self.authority.ca_file,
        }

    def by_certificate(self, user: str, issuer: Authority | None = None) -> dict[str, Any]:
        """Settings of a client that both sides know by their certificates; it is ``user`` to the broker."""
        certificate, key = (issuer or self.authority).client(user)
        return {
            "kafka_bootstrap_servers": self.ssl,
            "kafka_security_protocol": "SSL",
            "kafka_ca_file": self.authority.ca_file,
            "kafka_certificate_file": certificate,
            "kafka_key_file": key,
        }

    def administrator(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.plaintext, "log_level": 0})

    def grant(self, user: str, grants: Iterable[Grant]) -> None:
        """Let the user do this too."""
        allow(self.administrator(), f"User:{user}", grants)

    def add_user(self, name: str, password: str) -> None:
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(name, credential, password.encode())
        administrator = self.administrator()
        for future in administrator.alter_user_scram_credentials([change]).values():
            future.result(10)


def allow(administrator: AdminClient, principal: str, grants: Iterable[Grant]) -> None:
    bindings = [
        AclBinding(
            ResourceType[grant.resource],
            grant.name,
            ResourcePatternType[grant.pattern],
            principal,
            "*",
            AclOperation[grant.operation],
            AclPermissionType.ALLOW,
        )
        for grant in grants
    ]
    for future in administrator.create_acls(bindings).values():
        future.result(10)


@contextmanager
def guarded_kafka(folder: Path) -> Iterator[GuardedKafka]:
    with owned_services(["kafka"]) as services:
        authority = Authority(folder / "authority")
        ports = pick_free(3)
        _guard(services.kafka_service, authority, ports)
        ssl, sasl_ssl, sasl_plaintext = (f"127.0.0.1:{port}" for port in ports)
        yield GuardedKafka(services.kafka, ssl, sasl_ssl, sasl_plaintext, authority)


def _guard(kafka: Service, authority: Authority, ports: tuple[int, ...]) -> None:
    plaintext, controller = json.loads((kafka.folder / "instance.json").read_text())["ports"]
    names = ("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT")
    advertised = ",".join(
        f"{name}://127.0.0.1:{port}" for name, port in zip(names, (plaintext, *ports), strict=True)
    )
    settings = {
        "listeners": f"{advertised},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": ",".join(
            ["CONTROLLER:PLAINTEXT", *(f"{name}:{name}" for name in names)]
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": MECHANISM,
        "listener.name.ssl.ssl.client.auth": "required",
        **_keys(authority),
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _SCRAM,
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": _SCRAM,
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
    }
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    (kafka.folder / "override.properties").write_text(lines)
    kafka.stop()
    kafka.start()


_SCRAM: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


def _keys(authority: Authority) -> dict[str, str]:
    certificate, key = authority.server()
    store = authority.folder / "server-store.pem"
    store.touch(mode=0o600)
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(store),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.ca_file),
    }
