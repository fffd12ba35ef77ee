"""The settings of TLS and SASL: how this process and the brokers authenticate each other."""

from __future__ import annotations

import ssl
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, FilePath, model_validator
from pydantic_settings import BaseSettings


def _check_certificates(path: FilePath) -> FilePath:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise ValueError(
            f"holds no certificate that can be read: {error.strerror or error}"
        ) from error
    return path


class KafkaAccess(BaseSettings):
    """The settings that say who this process is to Kafka, and which brokers it trusts."""

    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Protocol of the brokers. SSL means TLS."
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism by which the password is proved."
    )
    kafka_username: str | None = Field(None, min_length=1, description="User name, for SASL.")
    kafka_password: str | None = Field(
        None, min_length=1, repr=False, description="Password, for SASL."
    )
    kafka_allow_sasl_plaintext: bool = Field(
        default=False,
        description=(
            "Allow SASL without TLS. Anyone who can listen on the network can then read everything "
            "and try passwords."
        ),
    )
    kafka_ca_file: Annotated[FilePath, AfterValidator(_check_certificates)] | None = Field(
        None,
        description=(
            "PEM file of the certificate authorities to trust; by default those of the system."
        ),
    )
    kafka_certificate_file: FilePath | None = Field(
        None, description="PEM file of the worker's own certificate, if brokers ask for one."
    )
    kafka_key_file: FilePath | None = Field(
        None, description="PEM file of the certificate's private key."
    )
    kafka_key_password: str | None = Field(
        None, min_length=1, repr=False, description="Password of the private key, if it has one."
    )

    @model_validator(mode="after")
    def _check_access(self) -> Self:
        self._check_sasl()
        if (self.kafka_certificate_file is None) != (self.kafka_key_file is None):
            raise ValueError(
                "MARKETMAP_KAFKA_CERTIFICATE_FILE and MARKETMAP_KAFKA_KEY_FILE belong together"
            )
        files = (self.kafka_ca_file, self.kafka_certificate_file)
        if not self.kafka_uses_tls and any(files):
            raise ValueError(
                f"MARKETMAP_KAFKA_SECURITY_PROTOCOL: {self.kafka_security_protocol} uses no certificates, "
                "and a file of them is given"
            )
        if self.kafka_uses_tls:
            self.kafka_tls()
        return self

    def _check_sasl(self) -> None:
        protocol = f"MARKETMAP_KAFKA_SECURITY_PROTOCOL: {self.kafka_security_protocol}"
        names = "MARKETMAP_KAFKA_USERNAME and MARKETMAP_KAFKA_PASSWORD"
        given = [self.kafka_username, self.kafka_password]
        if self.kafka_uses_sasl and None in given:
            raise ValueError(f"{protocol} needs {names}")
        if not self.kafka_uses_sasl and any(given):
            raise ValueError(f"{protocol} uses neither {names}, and one is given")
        if self.kafka_security_protocol == "SASL_PLAINTEXT" and not self.kafka_allow_sasl_plaintext:
            raise ValueError(
                f"{protocol} goes without TLS; use SASL_SSL, or set MARKETMAP_KAFKA_ALLOW_SASL_PLAINTEXT=true"
            )

    @property
    def kafka_uses_tls(self) -> bool:
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def kafka_uses_sasl(self) -> bool:
        return self.kafka_security_protocol.startswith("SASL")

    def kafka_tls(self) -> ssl.SSLContext:
        """Return a context that checks the certificate and name of the broker. Raises ValueError."""
        context = ssl.create_default_context(cafile=self.kafka_ca_file)
        if self.kafka_certificate_file is not None:
            try:
                # The password is never None: the library would then ask for one on the terminal.
                context.load_cert_chain(
                    self.kafka_certificate_file, self.kafka_key_file, self.kafka_key_password or ""
                )
            except OSError as error:
                raise ValueError(
                    "MARKETMAP_KAFKA_CERTIFICATE_FILE and MARKETMAP_KAFKA_KEY_FILE (and its password) "
                    f"do not fit together: {error.strerror or error}"
                ) from error
        return context

    def librdkafka_access(self) -> dict[str, Any]:
        """Return the same settings under librdkafka's names."""
        options = {
            "security.protocol": self.kafka_security_protocol,
            "ssl.ca.location": self.kafka_ca_file,
            "ssl.certificate.location": self.kafka_certificate_file,
            "ssl.key.location": self.kafka_key_file,
            "ssl.key.password": self.kafka_key_password,
        }
        if self.kafka_uses_sasl:
            options |= {
                "sasl.mechanism": self.kafka_sasl_mechanism,
                "sasl.username": self.kafka_username,
                "sasl.password": self.kafka_password,
            }
        return {name: str(value) for name, value in options.items() if value is not None}
