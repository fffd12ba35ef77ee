"""`mappings create --backfill`: publishes recent events that hold the new mapping's markets again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from worker.cli.connection import connected_settings
from worker.cli.console import err, fail
from worker.cli.database import chosen_url
from worker.cli.moments import milliseconds, parse_ago
from worker.domain.books.rows import abbreviate
from worker.domain.errors import FatalError, TransientError
from worker.domain.mapping import Mapping, claims_of
from worker.operations.mappings.changing import MappingChange, report, run_edit
from worker.operations.mappings.editing import AppliedChange
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
    """What to publish again: the markets, on the topics of their platforms, from a time on."""

    settings: ConnectedSettings
    choice: ReplayFilter
    begin: datetime

    @property
    def topics(self) -> list[str]:
        known = self.settings.topics.observations
        return sorted({known[market.platform] for market in self.choice.markets})

    @property
    def window(self) -> Window:
        return Window(milliseconds(self.begin), None)

    @property
    def by_hand(self) -> str:
        markets = " ".join(f"--market '{market}'" for market in self.choice.markets)
        return f"marketmap replay run --from {self.begin.isoformat(timespec='seconds')} {markets}"


def backfill_of(mapping: Mapping, ago: str, database_url: str | None) -> Backfill:
    """Read ``--backfill 30m`` for a mapping; a wrong one ends the command."""
    duration = parse_ago(ago)
    if duration is None:
        fail(f"--backfill {abbreviate(ago)} is not a duration such as 30m or 2h", code=2)
    markets = list(
        dict.fromkeys(MarketName(claim.platform, claim.market_id) for claim in claims_of(mapping))
    )
    if not markets:
        fail("--backfill needs a mapping with the id of a bookmaker", code=2)
    settings = connected_settings(
        database_url=None if database_url is None else chosen_url(database_url)
    )
    return Backfill(settings, ReplayFilter(markets=tuple(markets)), datetime.now(UTC) - duration)


def create_and_backfill(
    wanted: Backfill,
    change: MappingChange,
    *,
    actor: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Create the mapping, then publish again; with ``dry_run`` show what both would do."""
    # Check that the cluster answers before anything is changed.
    planned = survey_or_fail(wanted.settings, wanted.topics, wanted.window, None)
    url = wanted.settings.database_url
    done = run_edit(url, change, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    if not as_json:
        report(done, dry_run=dry_run, as_json=False)
    if dry_run:
        _show_planned(done, planned, as_json=as_json)
        return
    ended = _run(wanted, done.canonical_id, actor, reason)
    if as_json:
        report(
            done,
            dry_run=False,
            as_json=True,
            more={"backfill": ended_json(ended) if ended else None},
        )
    elif ended:
        show_ended(ended, as_json=False)


def _show_planned(change: AppliedChange, planned: ReplayPlan, *, as_json: bool) -> None:
    if as_json:
        report(change, dry_run=True, as_json=True, more={"backfill": plan_json(planned)})
    else:
        show_plan(planned, as_json=False)


def _run(wanted: Backfill, canonical_id: str, actor: str, reason: str) -> Ended | None:
    """Publish again what was resolved without the mapping; return None when there is nothing."""
    found = _survey_settled(wanted)
    warn_of_holes(found)
    if not found.records:
        return None
    order = ReplayOrder(wanted.choice, None, None, actor, f"backfill of {canonical_id}: {reason}")
    return run_replay(lambda watch: run_new(wanted.settings, found, order, watch))


def _survey_settled(wanted: Backfill) -> ReplayPlan:
    """Plan once every worker has the mapping: by then the range holds all that was resolved without it."""
    settle_s = wanted.settings.index_poll_s
    err.print(f"Waiting {settle_s:g} s until every worker has the mapping.")

    async def survey_later() -> ReplayPlan:
        await asyncio.sleep(settle_s)
        return await survey(wanted.settings, wanted.topics, wanted.window)

    try:
        with err.status("Waiting"):
            return asyncio.run(survey_later())
    except (TransientError, FatalError) as error:
        fail(
            f"The mapping was created, but the backfill failed: {error}. To run it: {wanted.by_hand}"
        )
