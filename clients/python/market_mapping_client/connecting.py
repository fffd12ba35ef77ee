"""Producers and consumers that start, or say in one sentence why they cannot.

aiokafka logs why no broker lets it in, and raises only that none did. So after such a failure one connection
to each broker is tried again, and what it raises is explained.

A topic is looked up in the list of all topics before it is used: asking for it by its name would create it on
brokers that create topics by themselves.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from .access import KafkaAccess
from .errors import ClientError

LARGEST: Final = 4 * 1024 * 1024
_REQUEST_TIMEOUT_S: Final = 10
_STOP_S: Final = 5.0
_REFUSALS: Final = (
    TopicAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
)


@asynccontextmanager
async def producer(access: KafkaAccess, topics: Collection[str]) -> AsyncIterator[AIOKafkaProducer]:
    """Start a producer for topics that exist. Raises ClientError."""
    await require_topics(access, topics)
    client = AIOKafkaProducer(
        **access.options(),
        acks="all",
        enable_idempotence=True,
        max_request_size=LARGEST,
        compression_type="lz4",
    )
    async with _started(access, client):
        yield client


@asynccontextmanager
async def consumer(access: KafkaAccess, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Start a consumer that reads a topic from its start, in no group. Raises ClientError."""
    await require_topics(access, [topic])
    client = AIOKafkaConsumer(
        topic,
        **access.options(),
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    async with _started(access, client):
        yield client


async def require_topics(access: KafkaAccess, topics: Collection[str]) -> None:
    """Raise ClientError unless the topics exist and this user may see them."""
    client = AIOKafkaAdminClient(**access.options(), request_timeout_ms=_REQUEST_TIMEOUT_S * 1000)
    async with _started(access, client, stop="close"):
        with translated(access):
            found = await client.list_topics()
    for topic in topics:
        if topic not in found:
            user = f"user {access.username}" if access.username else "this program"
            raise ClientError(
                "TOPIC_NOT_FOUND",
                f"the brokers have no topic {topic}, or {user} may not see it",
                "check its name and MARKETMAP_TOPIC_PREFIX, or have it created or granted",
            )


@contextmanager
def translated(access: KafkaAccess) -> Iterator[None]:
    """Turn an error of a client into a ClientError."""
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        raise explain(access, error) from error


def explain(access: KafkaAccess, error: BaseException) -> ClientError:
    """Say what an error of a client that had started means."""
    match error:
        case TopicAuthorizationFailedError() | ClusterAuthorizationFailedError():
            user = f"user {access.username}" if access.username else "this program"
            named = _named(error)
            problem = f"the brokers do not let {user} read or write {named}"
            return ClientError("NOT_AUTHORIZED", problem, "have the rights granted to it")
        case UnknownTopicOrPartitionError():
            problem = "the topic does not exist any more"
            return ClientError("TOPIC_NOT_FOUND", problem, "have it created again")
        case MessageSizeTooLargeError():
            problem = f"the record is too large ({error})"
            return ClientError("TOO_LARGE", problem, "split the observation into parts")
        case KafkaTimeoutError() | TimeoutError() | KafkaConnectionError():
            problem = f"{access.bootstrap_servers} did not answer in time"
            return ClientError("NO_ANSWER", problem, "check that the brokers run, and try again")
        case _:
            problem = f"the brokers answered {type(error).__name__} ({error})"
            return ClientError("NO_ANSWER", problem, "look it up in the log of the brokers")


@asynccontextmanager
async def _started(access: KafkaAccess, client: Any, stop: str = "stop") -> AsyncIterator[None]:
    try:
        try:
            await client.start()
        except KafkaConnectionError as error:
            raise await _why_none_answers(access) from error
        except (KafkaError, TimeoutError) as error:
            raise explain(access, error) from error
        yield
    finally:
        with suppress(KafkaError, TimeoutError):  # the client may wait for ever on a broker
            async with asyncio.timeout(_STOP_S):
                await getattr(client, stop)()


async def _why_none_answers(access: KafkaAccess) -> ClientError:
    """Connect to the brokers one by one; the first error that is more than silence is the answer."""
    servers = [server.strip() for server in access.bootstrap_servers.split(",")]
    found = [await _refusal(access, server) for server in servers]
    told = [error for error in found if error is not None]
    told.sort(key=lambda error: error.code == "BROKERS_UNREACHABLE")
    return told[0] if told else explain(access, TimeoutError())


async def _refusal(access: KafkaAccess, server: str) -> ClientError | None:
    host, _, port = server.rpartition(":")
    options = access.options()
    del options["bootstrap_servers"]
    try:
        connection = await create_conn(
            host.strip("[]"), int(port), request_timeout_ms=_REQUEST_TIMEOUT_S * 1000, **options
        )
    except (OSError, KafkaError) as error:  # a TimeoutError is an OSError
        return _explain_refusal(access, server, error)
    connection.close()
    return None


def _explain_refusal(access: KafkaAccess, server: str, error: Exception) -> ClientError:
    match error:
        case UnsupportedSaslMechanismError():
            return ClientError(
                "CREDENTIALS_REFUSED",
                f"{server} does not know the SASL mechanism {access.sasl_mechanism}",
                "set MARKETMAP_KAFKA_SASL_MECHANISM to one that it knows",
            )
        case SaslAuthenticationFailed():
            return ClientError(
                "CREDENTIALS_REFUSED",
                f"{server} refuses user {access.username} or the password",
                "check MARKETMAP_KAFKA_USERNAME and MARKETMAP_KAFKA_PASSWORD",
            )
        case ssl.SSLCertVerificationError():
            return ClientError(
                "TLS_FAILED",
                f"the certificate of {server} is not trusted ({error.verify_message})",
                "check MARKETMAP_KAFKA_CA_FILE, and that the address has the name of the certificate",
            )
        case ssl.SSLError():
            return ClientError(
                "TLS_FAILED",
                f"{server} and this program agree on no TLS connection ({error.reason or error})",
                "check that the port speaks TLS, and MARKETMAP_KAFKA_CERTIFICATE_FILE",
            )
        case OSError():
            return ClientError(
                "BROKERS_UNREACHABLE",
                f"{server} cannot be reached ({_reason(error)})",
                "check MARKETMAP_KAFKA_BOOTSTRAP_SERVERS, and that the brokers run",
            )
        case _:
            return ClientError(
                "CONNECTION_CLOSED",
                f"{server} closed the connection: it may expect another protocol, or a certificate",
                "check MARKETMAP_KAFKA_SECURITY_PROTOCOL and MARKETMAP_KAFKA_CERTIFICATE_FILE",
            )


def _named(error: KafkaError) -> str:
    """The topics that an error names; the cluster if it names none."""
    names = [
        str(name) for one in error.args for name in (one if isinstance(one, set | list) else [one])
    ]
    return ", ".join(sorted(names)) or "the cluster"


def _reason(error: OSError) -> str:
    """The system's own words; asyncio puts the address into its own."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__
