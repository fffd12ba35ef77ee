"""Access to the brokers by the worker's own environment variables: addresses, TLS, SASL, names of topics.

The same variables mean the same here and in the worker; a test compares the two. No broker is contacted here.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from .errors import ClientError

PREFIX: Final = "MARKETMAP_"
PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
CLIENT_ID: Final = "market-mapping-client"
_SECRETS: Final = ("KAFKA_PASSWORD", "KAFKA_KEY_PASSWORD")
_VARIABLES: Final = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_USERNAME",
    "KAFKA_ALLOW_SASL_PLAINTEXT",
    "KAFKA_CA_FILE",
    "KAFKA_CERTIFICATE_FILE",
    "KAFKA_KEY_FILE",
    *_SECRETS,
    *(f"{name}_FILE" for name in _SECRETS),
)
_TRUE: Final = frozenset({"1", "t", "true", "y", "yes", "on"})
_FALSE: Final = frozenset({"0", "f", "false", "n", "no", "off"})
# By the variable that renames it; each comes after the prefix.
_TOPICS: Final = {
    "TOPIC_BETPAWA": "observations.betpawa",
    "TOPIC_SPORTYBET": "observations.sportybet",
    "TOPIC_BET9JA": "observations.bet9ja",
    "TOPIC_RESOLVED": "odds.resolved",
    "TOPIC_LATEST": "odds.latest",
    "TOPIC_CHANGES": "mappings.changes",
    "TOPIC_EVIDENCE": "mappings.evidence",
}


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Where the brokers are, which of them are trusted, and who this program is to them.

    Every field is an environment variable: ``username`` is MARKETMAP_KAFKA_USERNAME. ``topic_names`` holds
    topics that have other names than usual, by their usual name. Raises ClientError, SETTING_INVALID.
    """

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    allow_sasl_plaintext: bool = False
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)
    topic_prefix: str = ""
    topic_names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_servers(self.bootstrap_servers)
        _check_choice("KAFKA_SECURITY_PROTOCOL", self.security_protocol, PROTOCOLS)
        _check_choice("KAFKA_SASL_MECHANISM", self.sasl_mechanism, MECHANISMS)
        self._check_sasl()
        self._check_files()
        if self.uses_tls:
            self.tls()

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, *, bootstrap_servers: str | None = None
    ) -> KafkaAccess:
        """Read the variables. An empty one counts as not set; ``bootstrap_servers`` replaces its variable."""
        given = os.environ if environment is None else environment
        found = {
            name.removeprefix(PREFIX): value
            for name, value in given.items()
            if name.startswith(PREFIX) and value
        }
        _refuse_misspelt(found)
        servers = bootstrap_servers or found.get("KAFKA_BOOTSTRAP_SERVERS")
        if servers is None:
            raise _invalid(
                "KAFKA_BOOTSTRAP_SERVERS",
                "is not set",
                "set it to host:port (`marketmap services status` shows that of local services)",
            )
        return cls(
            servers,
            security_protocol=found.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT"),
            sasl_mechanism=found.get("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            username=found.get("KAFKA_USERNAME"),
            password=_secret(found, "KAFKA_PASSWORD"),
            allow_sasl_plaintext=_flag(found, "KAFKA_ALLOW_SASL_PLAINTEXT"),
            ca_file=found.get("KAFKA_CA_FILE"),
            certificate_file=found.get("KAFKA_CERTIFICATE_FILE"),
            key_file=found.get("KAFKA_KEY_FILE"),
            key_password=_secret(found, "KAFKA_KEY_PASSWORD"),
            topic_prefix=found.get("TOPIC_PREFIX", ""),
            topic_names={
                usual: found[variable] for variable, usual in _TOPICS.items() if variable in found
            },
        )

    @property
    def uses_tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")

    def topic(self, usual_name: str) -> str:
        """The name on the brokers of a topic such as `odds.resolved`."""
        return self.topic_prefix + self.topic_names.get(usual_name, usual_name)

    def options(self) -> dict[str, Any]:
        """Keyword arguments for the producers and consumers of aiokafka."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": CLIENT_ID,
            "security_protocol": self.security_protocol,
        }
        if self.uses_tls:
            options["ssl_context"] = self.tls()
        if self.uses_sasl:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

    def tls(self) -> ssl.SSLContext:
        """Return a context that checks the certificate and the name of a broker."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise _invalid(
                "KAFKA_CA_FILE",
                f"names {self.ca_file}, which holds no certificate that can be read"
                f" ({error.strerror or error})",
                "name a PEM file",
            ) from error
        if self.certificate_file is not None and self.key_file is not None:
            try:
                # The password is never None: the library would then ask for one on the terminal.
                context.load_cert_chain(
                    self.certificate_file, self.key_file, self.key_password or ""
                )
            except OSError as error:
                raise _invalid(
                    "KAFKA_CERTIFICATE_FILE",
                    f"and MARKETMAP_KAFKA_KEY_FILE do not fit together ({error.strerror or error})",
                    "name the PEM files of one certificate and of its private key, and its password",
                ) from error
        return context

    def _check_sasl(self) -> None:
        protocol = self.security_protocol
        both = "MARKETMAP_KAFKA_USERNAME and MARKETMAP_KAFKA_PASSWORD"
        given = [self.username, self.password]
        if self.uses_sasl and not all(given):
            raise _invalid("KAFKA_SECURITY_PROTOCOL", f"is {protocol}", f"set {both}, too")
        if not self.uses_sasl and any(given):
            raise _invalid(
                "KAFKA_SECURITY_PROTOCOL",
                f"is {protocol}, which uses no user name or password, and one is given",
                f"set it to SASL_SSL, or unset {both}",
            )
        if protocol == "SASL_PLAINTEXT" and not self.allow_sasl_plaintext:
            raise _invalid(
                "KAFKA_SECURITY_PROTOCOL",
                "is SASL_PLAINTEXT, which goes without TLS",
                "use SASL_SSL, or set MARKETMAP_KAFKA_ALLOW_SASL_PLAINTEXT=true",
            )

    def _check_files(self) -> None:
        named = {
            "KAFKA_CA_FILE": self.ca_file,
            "KAFKA_CERTIFICATE_FILE": self.certificate_file,
            "KAFKA_KEY_FILE": self.key_file,
        }
        for variable, path in named.items():
            if path is not None and not Path(path).is_file():
                raise _invalid(variable, f"names {path}, and there is no such file", "correct it")
        if (self.certificate_file is None) != (self.key_file is None):
            raise _invalid(
                "KAFKA_CERTIFICATE_FILE",
                "and MARKETMAP_KAFKA_KEY_FILE belong together, and only one is set",
                "set both or neither",
            )
        if not self.uses_tls and (self.ca_file or self.certificate_file):
            raise _invalid(
                "KAFKA_SECURITY_PROTOCOL",
                f"is {self.security_protocol}, which uses no certificates, and a file of them is given",
                "set it to SSL or SASL_SSL, or unset the files",
            )


def access_of(brokers: KafkaAccess | str | None) -> KafkaAccess:
    """Return access to brokers that are given as addresses, or by the environment if nothing is given."""
    if isinstance(brokers, KafkaAccess):
        return brokers
    return KafkaAccess.from_environment(bootstrap_servers=brokers)


def _invalid(variable: str, problem: str, fix: str) -> ClientError:
    return ClientError("SETTING_INVALID", f"{PREFIX}{variable} {problem}", fix)


def _check_servers(servers: str) -> None:
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise _invalid(
                "KAFKA_BOOTSTRAP_SERVERS",
                f"holds {server.strip()!r}, which is not host:port",
                "list the brokers as host:port, comma-separated",
            )


def _check_choice(variable: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise _invalid(variable, f"is {value!r}", f"set it to one of {', '.join(choices)}")


def _flag(found: Mapping[str, str], variable: str) -> bool:
    value = found.get(variable, "false")
    if value.lower() not in _TRUE | _FALSE:
        raise _invalid(variable, f"is {value!r}", "set it to true or false")
    return value.lower() in _TRUE


def _secret(found: Mapping[str, str], variable: str) -> str | None:
    """Return a secret, which may be in a file."""
    path = found.get(f"{variable}_FILE")
    if path is None:
        return found.get(variable)
    if variable in found:
        raise _invalid(f"{variable}_FILE", f"and {PREFIX}{variable} are both set", "unset one")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise _invalid(
            f"{variable}_FILE", f"names {path}, which cannot be read ({reason})", "correct it"
        ) from error


def _refuse_misspelt(found: Mapping[str, str]) -> None:
    """A typo would silently leave the default in force, such as a connection without TLS."""
    for name in sorted(found):
        if not name.startswith("KAFKA_") or name in _VARIABLES:
            continue
        for near in get_close_matches(name, _VARIABLES, n=1, cutoff=0.85):
            raise _invalid(name, "is no setting", f"rename it to {PREFIX}{near}")
