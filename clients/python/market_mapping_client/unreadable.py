"""Records that are no message of their topic: none of them ends a reader, and none is skipped silently."""

from __future__ import annotations

import logging
from typing import Final, NamedTuple, Protocol

from pydantic import ValidationError

from .messages.refusal import describe_faults

_FAULTS_NAMED: Final = 3
_LONGEST_REASON: Final = 300

log = logging.getLogger("market_mapping_client")


class RecordPlace(Protocol):
    """Where a record is, and its key."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...


class UnreadableRecord(NamedTuple):
    """A record that was skipped, and why. ``str`` gives one sentence."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.topic} [{self.partition}] at offset {self.offset}: the record cannot be read"
            f" ({self.reason}); it is skipped"
        )


def unreadable(record: RecordPlace, error: ValueError) -> UnreadableRecord:
    """Say of a record what is wrong with it, shortly."""
    if isinstance(error, ValidationError):
        reason = "; ".join(describe_faults(error)[:_FAULTS_NAMED])
    else:
        reason = str(error) or type(error).__name__
    return UnreadableRecord(
        record.topic, record.partition, record.offset, record.key, reason[:_LONGEST_REASON]
    )


def log_unreadable(record: UnreadableRecord) -> None:
    """Report a record as a warning of the logger `market_mapping_client`."""
    log.warning("%s", record)
