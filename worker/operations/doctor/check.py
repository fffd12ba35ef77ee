"""One thing to look at, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from worker.domain.errors import FatalError, TransientError
from worker.kafka.reachable import UnreachableError
from worker.kafka.retrying import retried
from worker.operations.doctor.findings import Finding, Subject, failure
from worker.settings.settings import Settings
from worker.storage.errors import StorageError


class Check(NamedTuple):
    """``needs`` are those without which it cannot look; ``remedy`` is for when it gets no answer.

    ``refused`` is the remedy when a server answers, and refuses who we are.

    ``look`` raises TransientError, FatalError or a StorageError.
    """

    subject: Subject
    needs: Sequence[Literal["kafka", "database"]]
    look: Callable[[Settings], Awaitable[Sequence[Finding]]]
    remedy: str
    refused: str | None = None

    async def run(self, settings: Settings, timeout_s: float) -> Sequence[Finding]:
        """What it finds; no answer is a finding, too."""
        try:
            async with asyncio.timeout(timeout_s):
                return await retried(
                    lambda: self.look(settings), patience_s=settings.admin_timeout_s
                )
        except (TransientError, FatalError, StorageError) as error:
            remedy = self.refused if self.refused and _is_refusal(error) else self.remedy
            return [failure(self.subject, str(error), remedy)]
        except TimeoutError:
            return [failure(self.subject, f"no answer within {timeout_s:g} s", self.remedy)]


def _is_refusal(error: Exception) -> bool:
    """Whether a server was reached and did not take the login: class 28 of SQL's states."""
    if isinstance(error, StorageError):
        return (error.sqlstate or "").startswith("28")
    return isinstance(error, FatalError) and not isinstance(error, UnreachableError)
