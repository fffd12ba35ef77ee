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
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}
_SILENCES: Final = {
    KafkaError._TIMED_OUT,  # noqa: SLF001  # as above
    KafkaError._TRANSPORT,  # noqa: SLF001  # as above
}
# Of what the client calls a broken connection: we do not take the broker's certificate, or it not ours.
_DISTRUSTS: Final = ("certificate verify failed", "SSL alert number")


class Librdkafka:
    """``client`` is to be used in what ``ask`` calls."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._told = (
            _Told()
        )  # by itself: a client that held its holder would live until the collector comes
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
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  # as above; it tells no cause
            self.last = error


def _translated(failure: KafkaException | TimeoutError, told: KafkaError | None) -> Exception:
    answer = failure.args[0] if isinstance(failure, KafkaException) else None
    cause = told if told is not None and (answer is None or answer.code() in _SILENCES) else answer
    if cause is None:
        return TransientError(f"Kafka does not answer: {failure}")
    if cause.code() in _REFUSALS or any(distrust in cause.str() for distrust in _DISTRUSTS):
        return FatalError(f"Kafka refuses: {cause.str()}")
    return TransientError(f"Kafka does not answer: {cause.str()}")
