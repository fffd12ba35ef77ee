"""Looks at everything that a part of the installation needs. What fails hides nothing else.

Theory of operation. A check asks one server one thing and judges the answer; asking is in `kafka_checks` and
`database_checks`, judging is pure, in the files named verdicts. Which checks there are depends on the part
(`parts`): a relay joins no group, an editor needs no Kafka, and what a part does not need is not looked at,
for its credentials may not know it.

1. The servers that the part needs are asked first, at the same time: is anybody there, and are we let in?
2. All other checks then run at the same time. One whose server failed in step 1 is not run: its finding is a
   warning that says so, and the failure stays the one line that has to be acted on.
3. Findings are reported in the order of the checks, whichever answered first.

Every check is bounded by ``timeout_s``, and each question in it by half of that: so a server that is silent
costs about twice the timeout in all, and the line names the question that was not answered. A refusal is not
retried; a server that refuses the connection is known at once. Nothing is written, anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from worker.operations.doctor import console_checks, database_checks, kafka_checks, shape_checks
from worker.operations.doctor.check import Check
from worker.operations.doctor.findings import Finding, has_failure, warning
from worker.operations.doctor.parts import part_of
from worker.settings.settings import Settings


async def examine(
    settings: Settings, *, timeout_s: float, part_name: str = "worker"
) -> list[Finding]:
    """Return every finding for a part, in the order of the checks, within about twice ``timeout_s``."""
    # Half of the time for each question, so that a check can say which one was not answered.
    bounded = settings.model_copy(update={"admin_timeout_s": timeout_s / 2})
    part = part_of(settings, part_name)
    on_kafka = kafka_checks.checks_of(part, settings)
    on_database = database_checks.checks_of(part)
    servers = [
        *([kafka_checks.KAFKA] if on_kafka else []),
        *([database_checks.DATABASE] if on_database else []),
    ]
    first = await asyncio.gather(*(check.run(bounded, timeout_s) for check in servers))
    failed = {
        check.subject for check, found in zip(servers, first, strict=True) if has_failure(found)
    }

    async def go_on(check: Check) -> Sequence[Finding]:
        unreached = [server for server in check.needs if server in failed]
        if unreached:
            message = f"not checked, because {' and '.join(unreached)} failed"
            return [warning(check.subject, message, "fix that first")]
        return await check.run(bounded, timeout_s)

    of_shapes = shape_checks.checks_of(part, settings)
    of_console = console_checks.checks_of(part)
    then = await asyncio.gather(*map(go_on, (*on_kafka, *on_database, *of_shapes, *of_console)))
    return [finding for found in (*first, *then) for finding in found]
