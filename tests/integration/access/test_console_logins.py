"""The doctor asks as each login of the console, and says what one of them lacks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.operations.doctor.examination import examine
from worker.settings.settings import Settings

pytestmark = pytest.mark.services

NewLogin = Callable[[str], Awaitable[str]]


async def test_each_login_is_asked_for_what_the_console_needs_it_for(
    administrator: AsyncEngine, new_login: NewLogin
) -> None:
    del administrator
    reader, editor = await new_login("reader"), await new_login("editor")
    approver = await new_login("approver")
    good = Settings(
        database_url=reader,
        console_editor_database_url=editor,
        console_approver_database_url=approver,
    )
    levels = await found_by(good)
    assert levels["logins"] == {"OK"}
    assert "FAILURE" not in {level for each in levels.values() for level in each}
    swapped = good.model_copy(update={"console_editor_database_url": reader})
    assert (await found_by(swapped))["logins"] == {"FAILURE"}
    refused = good.model_copy(
        update={"console_approver_database_url": approver.replace(":x@", ":wrong@")}
    )
    assert (await found_by(refused))["logins"] == {"FAILURE"}


async def found_by(settings: Settings) -> dict[str, set[str]]:
    levels: dict[str, set[str]] = {}
    for one in await examine(settings, timeout_s=20, part_name="console"):
        levels.setdefault(one.subject, set()).add(one.level)
    return levels
