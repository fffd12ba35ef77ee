"""librdkafka's admin client, asked in threads: its calls block.

Whether the cluster refuses us, the client tells beside its answers: the answer itself only times out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from worker.domain.errors import FatalError, TransientError

T = TypeVar("T")

_REFUSALS: Final = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001  # librdkafka's own errors begin with an underscore
    KafkaError._SSL,  # noqa: SLF001  # as above
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
# A broker that does not take our certificate says so in an alert; the client takes it for a lost connection.
_ALERT: Final = "SSL alert number"


class Librdkafka:
    """``client`` is to be used in what ``ask`` calls."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._told = _Told()  # by itself: a client that held its holder would live until the collector comes
        ours: dict[str, Any] = {"log_level": 0, "error_cb": self._told.note}
        self.client = AdminClient(settings | ours)

    async def ask(self, call: Callable[..., T], *arguments: Any) -> T:
        """Raises TransientError; FatalError when the cluster refuses who we are, or what we ask for."""
        self.client.poll(0)
        self._told.last = None  # what was told before says nothing about this answer
        try:
            return await asyncio.to_thread(call, *arguments)
        except (KafkaException, TimeoutError) as error:
            self.client.poll(0)  # hands over what there is to tell
            raise _translated(error, self._told.last) from error


class _Told:
    """The last error that a client told of beside its answers."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  # as above; it says nothing of the cause
            self.last = error


def _translated(failure: KafkaException | TimeoutError, told: KafkaError | None) -> Exception:
    answer = failure.args[0] if isinstance(failure, KafkaException) else None
    if answer is not None and answer.code() in _REFUSALS:
        return FatalError(f"Kafka refuses: {answer.str()}")
    if told is None:
        return TransientError(f"Kafka does not answer: {failure}")
    if told.code() in _REFUSALS or _ALERT in told.str():
        return FatalError(f"Kafka refuses the connection: {told.str()}")
    return TransientError(f"Kafka does not answer: {told.str()}")
