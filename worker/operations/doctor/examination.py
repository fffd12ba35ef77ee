"""Looks at everything that a worker needs. What is dead hides nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from worker.operations.doctor import database_checks, kafka_checks
from worker.operations.doctor.check import Check
from worker.operations.doctor.findings import Finding, has_failure, warning
from worker.settings.settings import Settings

_SERVERS: Final = (kafka_checks.KAFKA, database_checks.DATABASE)
_CHECKS: Final = (*kafka_checks.CHECKS, *database_checks.CHECKS)


async def examine(settings: Settings, *, timeout_s: float) -> list[Finding]:
    """Every finding, in the order of the checks, after about twice ``timeout_s`` at most."""
    # Half of the time for each question, so that a check can say which one was not answered.
    bounded = settings.model_copy(update={"admin_timeout_s": timeout_s / 2})
    first = await asyncio.gather(*(check.run(bounded, timeout_s) for check in _SERVERS))
    dead = {
        check.subject for check, found in zip(_SERVERS, first, strict=True) if has_failure(found)
    }

    async def go_on(check: Check) -> Sequence[Finding]:
        unreached = [server for server in check.needs if server in dead]
        if unreached:
            message = f"not looked at, for want of {' and '.join(unreached)}"
            return [warning(check.subject, message, "mend that first")]
        return await check.run(bounded, timeout_s)

    then = await asyncio.gather(*map(go_on, _CHECKS))
    return [finding for found in (*first, *then) for finding in found]
