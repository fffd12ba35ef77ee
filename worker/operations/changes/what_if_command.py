"""`marketmap changes what-if`: what a change set would do to the observations that Kafka still holds."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.connection import connected_settings
from worker.cli.console import fail
from worker.cli.database import chosen_url, read_database
from worker.cli.options import AsJson, DatabaseUrl
from worker.domain.mapping import MappingError
from worker.operations.drafts.effect import proposal_of_draft, read_draft
from worker.operations.drafts.running import ChangeSetNumber
from worker.operations.mappings.changing import refuse_faults
from worker.operations.mappings.what_if_command import (
    Everything,
    Last,
    MostRecords,
    parse_last,
    show_forecast,
)
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.foresight import MOST_RECORDS
from worker.storage.changes import drafts, sets
from worker.storage.changes.sets import UnknownChangeSet


def what_if(
    change_set: ChangeSetNumber,
    *,
    last: Last = "2h",
    most: MostRecords = MOST_RECORDS,
    everything: Everything = False,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what the drafts of a change set would do to recent observations. Nothing is changed.

    The drafts are taken as they are, whether or not their mappings were changed since. It works where four
    eyes are required, too: nothing is made to be taken back.

    Example: marketmap changes what-if 1 --last 2h
    """
    duration = parse_last(last)
    settings = connected_settings(
        database_url=None if database_url is None else chosen_url(database_url)
    )
    try:
        draft = read_database(settings.database_url, lambda found: draft_of_set(found, change_set))
    except UnknownChangeSet as error:
        fail(str(error), kind="NOT_FOUND")
    except MappingError as error:
        refuse_faults(error, f"Change set {change_set} cannot be used")
    show_forecast(settings, draft, duration, most=None if everything else most, as_json=as_json)


async def draft_of_set(connection: AsyncConnection, change_set_id: int) -> Draft:
    """The active mappings before and after the drafts of a change set.

    Raises UnknownChangeSet, and MappingError for a draft that cannot be used.
    """
    await sets.get_change_set(connection, change_set_id)
    held = await drafts.drafts_of(connection, change_set_id)
    return await read_draft(connection, [proposal_of_draft(one) for one in held])
