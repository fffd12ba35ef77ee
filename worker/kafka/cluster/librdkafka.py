"""librdkafka's admin client. Its calls block, so they run in threads.

When the cluster rejects our credentials, the call itself only times out: the client reports the reason to a
callback, outside of its answers. So the last reported error is kept, and explains a call that got no answer.
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
_NO_ANSWER: Final = {
    KafkaError._TIMED_OUT,  # noqa: SLF001  # as above
    KafkaError._TRANSPORT,  # noqa: SLF001  # as above
}
# In the text of a broken connection: one side does not accept the certificate of the other.
_CERTIFICATE_REJECTED: Final = ("certificate verify failed", "SSL alert number")
# Answers about one topic or group that are facts to report, not failures of the call.
_REPORTED_REFUSALS: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)


class Librdkafka:
    """The client, and the way to call it without blocking the event loop.

    ``admin`` is used only inside a function that is given to ``call``.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        # An object of its own: a client that referred back to its owner would live until the next collection.
        self._last_error = _LastError()
        ours: dict[str, Any] = {"log_level": 0, "error_cb": self._last_error.note}
        self.admin = AdminClient(settings | ours)

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run ``function`` in a thread.

        Raises TransientError when the cluster does not answer; FatalError when it rejects our credentials or
        does not allow what we ask for.
        """
        self.admin.poll(0)
        self._last_error.error = None  # an earlier error explains nothing about this call
        try:
            return await asyncio.to_thread(function, *arguments)
        except (KafkaException, TimeoutError) as failure:
            self.admin.poll(0)  # runs the callback for errors that are waiting
            raise _translated(failure, self._last_error.error) from failure


def answer_or_refusal(future: Any, timeout_s: float) -> Any:
    """The broker's answer about one topic or group; the error's code when it does not exist or is hidden."""
    try:
        return future.result(timeout_s)
    except KafkaException as error:
        code = error.args[0].code()
        if code in _REPORTED_REFUSALS:
            return code
        raise


def is_refusal(failure: KafkaException) -> bool:
    """Whether the cluster does not allow what we ask for."""
    return failure.args[0].code() in _REFUSALS


def is_silence(failure: KafkaException) -> bool:
    """Whether nobody has answered, not even with an error."""
    return failure.args[0].code() in _NO_ANSWER


def in_words(failure: KafkaException) -> str:
    """The sentence of the client or the broker."""
    return str(failure.args[0].str())


def operations_of(described: Any) -> frozenset[str]:
    """The operations that our credentials may perform, as ACLs name them, in capitals.

    Raises TransientError for an answer that leaves them out, which happens to a busy broker.
    """
    if described.authorized_operations is None:
        raise TransientError("Kafka does not say what these credentials may do: ask again")
    return frozenset(operation.name for operation in described.authorized_operations)


class _LastError:
    """The last error that the client reported outside of its answers."""

    def __init__(self) -> None:
        self.error: KafkaError | None = None

    def note(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  # as above; it names no cause
            self.error = error


def _translated(failure: KafkaException | TimeoutError, reported: KafkaError | None) -> Exception:
    answer = failure.args[0] if isinstance(failure, KafkaException) else None
    has_answer = answer is not None and answer.code() not in _NO_ANSWER
    cause = answer if has_answer or reported is None else reported
    if cause is None:
        return TransientError(f"Kafka does not answer: {failure}")
    is_refused = cause.code() in _REFUSALS
    if is_refused or any(text in cause.str() for text in _CERTIFICATE_REJECTED):
        return FatalError(f"Kafka refuses: {cause.str()}")
    return TransientError(f"Kafka does not answer: {cause.str()}")
