"""The choice to publish recent events again, next to a decision: read before it, done after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from worker.console.context import Console, RefusedError
from worker.console.faults import FormFault
from worker.console.forms import SentForm
from worker.domain.errors import FatalError, TransientError
from worker.operations.mappings.backfill import Backfill
from worker.operations.replay.survey import survey
from worker.settings.connected import with_both
from worker.storage.misses import QueueKey

MINUTES: Final = 30
_PATIENCE_S: Final = 15.0


async def wanted_by(console: Console, form: SentForm) -> Backfill | None:
    """What a form wants to be published again; None for nothing.

    It is asked before anything is changed. Raises RefusedError if the brokers do not answer.
    """
    if form.get("republish") != "yes":
        return None
    # As whom decisions are made: a login that only reads cannot record a replay.
    url = console.settings.console_editor_database_url or console.settings.database_url
    settings = with_both(console.settings.model_copy(update={"database_url": url}))
    if settings is None:
        raise RefusedError(
            "This console knows no brokers, so it cannot publish anything again.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            faults=[
                FormFault(
                    "Nothing was changed. Set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS.", "republish"
                )
            ],
        )
    if console.republisher.is_full:
        raise RefusedError(
            "Too many changes wait for their events to be published again.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            faults=[
                FormFault(
                    "Nothing was changed. Try it again later, or save it without.", "republish"
                )
            ],
        )
    wanted = Backfill(settings, datetime.now(UTC) - timedelta(minutes=MINUTES))
    topics = sorted(settings.topics.observations.values())
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await survey(settings, topics, wanted.window)
    except (TransientError, FatalError, TimeoutError) as error:
        raise RefusedError(
            "The brokers do not answer, so nothing can be published again.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            faults=[
                FormFault(f"Nothing was changed. {str(error) or 'No answer in time'}.", "republish")
            ],
        ) from error
    return wanted


def publish_again(
    console: Console,
    wanted: Backfill | None,
    markets: Sequence[QueueKey],
    of: str,
    *,
    actor: str,
    reason: str,
) -> tuple[str, ...]:
    """Begin to publish again what a change concerns; return what the notice says of it."""
    if wanted is None:
        return ()
    if not markets:
        return ("Nothing is published again: the change concerns no market.",)
    console.republisher.start(wanted.of(markets), of, actor=actor, reason=reason)
    return (f"Events of the last {MINUTES} minutes that hold its markets are published again.",)
