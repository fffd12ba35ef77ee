"""One thing to look at, within a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple

from worker.domain.errors import FatalError, TransientError
from worker.kafka.retrying import retried
from worker.operations.doctor.findings import Finding, Subject, failure
from worker.settings.settings import Settings
from worker.storage.errors import StorageError


class Check(NamedTuple):
    """``needs`` are those without which it cannot look; ``remedy`` is for when it gets no answer.

    ``look`` raises TransientError, FatalError or a StorageError.
    """

    subject: Subject
    needs: Sequence[Literal["kafka", "database"]]
    look: Callable[[Settings], Awaitable[Sequence[Finding]]]
    remedy: str

    async def run(self, settings: Settings, timeout_s: float) -> Sequence[Finding]:
        """What it finds; no answer is a finding, too."""
        try:
            async with asyncio.timeout(timeout_s):
                return await retried(
                    lambda: self.look(settings), patience_s=settings.admin_timeout_s
                )
        except (TransientError, FatalError, StorageError) as error:
            return [failure(self.subject, str(error), self.remedy)]
        except TimeoutError:
            return [failure(self.subject, f"no answer within {timeout_s:g} s", self.remedy)]
