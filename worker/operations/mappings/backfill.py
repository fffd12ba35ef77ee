"""`--republish` of every change of a mapping: publishes recent events that hold its markets again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from shlex import quote
from typing import Any, NamedTuple

from worker.cli.connection import connected_settings
from worker.cli.console import err, fail
from worker.cli.database import chosen_url
from worker.cli.moments import milliseconds, parse_ago
from worker.domain.books.rows import abbreviate
from worker.domain.errors import FatalError, TransientError
from worker.operations.mappings.changing import MappingChange, report, run_edit
from worker.operations.replay.commands import (
    run_replay,
    show_ended,
    show_plan,
    survey_or_fail,
    warn_of_holes,
)
from worker.operations.replay.plan import ReplayPlan, Window
from worker.operations.replay.replay_filter import MarketName, ReplayFilter
from worker.operations.replay.start_and_resume import Ended, ReplayOrder, run_new
from worker.operations.replay.survey import survey
from worker.operations.replay.tables import ended_json, plan_json
from worker.settings.connected import ConnectedSettings


class Backfill(NamedTuple):
    """What to publish again: the events of a time that hold the markets of a change."""

    settings: ConnectedSettings
    begin: datetime
    markets: tuple[MarketName, ...] = ()

    def of(self, markets: Iterable[tuple[str, str]]) -> Backfill:
        """The same, of these markets."""
        return self._replace(markets=tuple(MarketName(*market) for market in markets))

    @property
    def choice(self) -> ReplayFilter:
        return ReplayFilter(markets=self.markets)

    @property
    def topics(self) -> list[str]:
        known = self.settings.topics.observations
        return sorted({known[market.platform] for market in self.markets})

    @property
    def window(self) -> Window:
        return Window(milliseconds(self.begin), None)

    def order(self, of: str, actor: str, reason: str) -> ReplayOrder:
        """What is asked of the replay; ``of`` names the change."""
        return ReplayOrder(self.choice, None, None, actor, f"backfill of {of}: {reason}")

    @property
    def by_hand(self) -> str:
        markets = " ".join(f"--market {quote(str(market))}" for market in self.markets)
        return f"marketmap replay run --from {self.begin.isoformat(timespec='seconds')} {markets}"


def backfill_since(ago: str, database_url: str | None) -> Backfill:
    """Read ``--republish 30m``; a wrong one, or a cluster that does not answer, ends the command.

    It is called before anything is changed.
    """
    duration = parse_ago(ago)
    if duration is None:
        fail(f"--republish {abbreviate(ago)} is not a duration such as 30m or 2h", code=2)
    settings = connected_settings(
        database_url=None if database_url is None else chosen_url(database_url)
    )
    wanted = Backfill(settings, datetime.now(UTC) - duration)
    survey_or_fail(settings, sorted(settings.topics.observations.values()), wanted.window, None)
    return wanted


def change_and_backfill(
    wanted: Backfill,
    change: MappingChange,
    *,
    actor: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
    more: dict[str, Any],
) -> None:
    """Change the mapping, then publish again; with ``dry_run`` show what both would do.

    ``more`` is added to the JSON.
    """
    url = wanted.settings.database_url
    done = run_edit(url, change, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    if not as_json:
        report(done, dry_run=dry_run, as_json=False)
    said = publish_again(
        wanted.of(done.markets),
        done.canonical_id,
        actor=actor,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
    )
    if as_json:
        report(done, dry_run=dry_run, as_json=True, more={**more, "backfill": said})


def publish_again(
    wanted: Backfill, of: str, *, actor: str, reason: str, dry_run: bool, as_json: bool
) -> dict[str, Any] | None:
    """Publish again what a change concerns, or show what would be; return it for JSON, None for nothing."""
    if not wanted.markets:
        return None
    if dry_run:
        planned = survey_or_fail(wanted.settings, wanted.topics, wanted.window, None)
        if not as_json:
            show_plan(planned, as_json=False)
        return plan_json(planned)
    ended = _run(wanted, of, actor, reason)
    if ended is None:
        return None
    if not as_json:
        show_ended(ended, as_json=False)
    return ended_json(ended)


def _run(wanted: Backfill, of: str, actor: str, reason: str) -> Ended | None:
    """Publish again what was resolved before the change; return None when there is nothing."""
    found = _survey_settled(wanted)
    warn_of_holes(found)
    if not found.records:
        return None
    order = wanted.order(of, actor, reason)
    return run_replay(lambda watch: run_new(wanted.settings, found, order, watch))


async def survey_settled(wanted: Backfill) -> ReplayPlan:
    """Plan once every worker has the change. Raises TransientError, FatalError."""
    await asyncio.sleep(wanted.settings.index_poll_s)
    return await survey(wanted.settings, wanted.topics, wanted.window)


def _survey_settled(wanted: Backfill) -> ReplayPlan:
    """Plan once every worker has the change: by then the range holds all that was resolved without it."""
    err.print(f"Waiting {wanted.settings.index_poll_s:g} s until every worker has the change.")
    try:
        with err.status("Waiting"):
            return asyncio.run(survey_settled(wanted))
    except (TransientError, FatalError) as error:
        fail(f"The change was made, but the backfill failed: {error}. To run it: {wanted.by_hand}")
