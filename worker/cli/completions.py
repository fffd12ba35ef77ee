"""What the shell completes from a database: canonical ids, and ids of missed markets.

The shell waits for the answer, and whoever types wants no message in the middle of a line: where the database
does not answer within a second, or is not known, nothing is proposed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import typer

_PATIENCE_S: Final = 1.0
_MOST: Final = 100


def complete_canonical_id(ctx: typer.Context, incomplete: str) -> list[str]:
    from worker.storage import mappings  # noqa: PLC0415  as all here: most completions need no database

    return _asked(ctx, lambda connection: mappings.canonical_ids(connection, incomplete, _MOST))


def complete_market_id(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of markets in the queue of the bookmaker that was typed before."""
    from worker.storage import misses  # noqa: PLC0415

    platform = ctx.params.get("platform") or ""
    return _asked(
        ctx, lambda connection: misses.market_ids(connection, platform, incomplete, _MOST)
    )


def complete_change_set(ctx: typer.Context, incomplete: str) -> list[str]:
    """Numbers of the change sets that somebody still has to do something about, or else of the newest."""
    from worker.storage.changes import sets  # noqa: PLC0415

    async def ask(connection: Any) -> list[str]:
        found = await sets.list_change_sets(connection, states=sets.OPEN_STATES, limit=_MOST)
        found = found or await sets.list_change_sets(connection, limit=_MOST)
        return [str(one.id) for one in found if str(one.id).startswith(incomplete)]

    return _asked(ctx, ask)


def complete_draft(ctx: typer.Context, incomplete: str) -> list[str]:
    from worker.storage.changes import drafts, sets  # noqa: PLC0415

    async def ask(connection: Any) -> list[str]:
        found = await drafts.list_drafts(connection, states=sets.OPEN_STATES, limit=_MOST)
        return [str(one.id) for one in found if str(one.id).startswith(incomplete)]

    return _asked(ctx, ask)


def complete_topic(incomplete: str) -> list[str]:
    """Topics of observations, as the settings name them."""
    from worker.settings.loading import SettingsError, load_settings  # noqa: PLC0415

    try:
        topics = load_settings().topics.observations.values()
    except SettingsError:
        return []
    return [topic for topic in topics if topic.startswith(incomplete)]


def complete_profile(incomplete: str) -> list[str]:
    from worker.cli.profiles import known_profiles  # noqa: PLC0415

    return [name for name in known_profiles() if name.startswith(incomplete)]


def _asked(ctx: typer.Context, ask: Callable[[Any], Awaitable[list[str]]]) -> list[str]:
    from worker.cli.connection import known_settings  # noqa: PLC0415
    from worker.settings.database_address import check_database_url  # noqa: PLC0415
    from worker.settings.loading import SettingsError  # noqa: PLC0415
    from worker.storage.engine import opened, transaction  # noqa: PLC0415
    from worker.storage.errors import StorageError  # noqa: PLC0415

    async def run(url: str) -> list[str]:
        async with (
            asyncio.timeout(_PATIENCE_S),
            opened(
                url,
                application_name="marketmap-completion",
                pool_size=1,
                connect_timeout_s=_PATIENCE_S,
            ) as engine,
            transaction(engine) as connection,
        ):
            return await ask(connection)

    try:
        given = ctx.params.get("database_url")
        url = check_database_url(given) if given else known_settings().database_url
        return asyncio.run(run(url)) if url else []
    except (SettingsError, StorageError, TimeoutError, ValueError, typer.Exit):
        return []
