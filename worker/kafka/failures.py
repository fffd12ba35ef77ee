"""What an error of a Kafka client says to an operator."""

from __future__ import annotations


def in_words(error: BaseException) -> str:
    """Return the client's own sentence. One that ran out of time has none."""
    if isinstance(error, TimeoutError) and not error.args:
        return "no answer in time"
    return str(error) or type(error).__name__
