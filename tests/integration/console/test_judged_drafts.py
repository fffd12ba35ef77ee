"""A reviewer sees what the prices say about each draft before deciding, and what it would map."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.editing.watched import fill_watched
from tests.support.services.console import ConsoleClient
from worker.domain.assign import assign
from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.drafts.drafting import new_mapping, propose, revised_mapping, save_drafts
from worker.operations.mappings.files import parse_values
from worker.storage.changes.drafts import Proposal
from worker.storage.engine import opened, transaction
from worker.storage.misses import QueueKey

pytestmark = pytest.mark.services

MANY = 23
SWAP = ["outcome.yes.sportybet_desc=No", "outcome.no.sportybet_desc=Yes"]


def mapping(number: int) -> Mapping:
    values = parse_values(BTTS.replace("btts", f"market_{number}").replace("29", str(900 + number)))
    return parse_mapping({"priority": 0, **values})


async def swapped_and_renamed(url: str) -> int:
    """A change set in which one mapping is wrong, and another one only has another name."""
    async with opened(url, pool_size=1) as engine, transaction(engine) as connection:
        wrong = await revised_mapping(
            connection, "btts_ft", lambda state: parse_mapping(assign(state, SWAP))
        )
        renamed = await revised_mapping(
            connection, "1x2_ft", lambda state: parse_mapping(assign(state, ["name=Result"]))
        )
        return await waiting(connection, [wrong, renamed])


async def many(url: str, key: QueueKey) -> int:
    async with opened(url, pool_size=1) as engine, transaction(engine) as connection:
        drafted = [
            await new_mapping(connection, mapping(number), misses=[] if number else [key])
            for number in range(MANY)
        ]
        return await waiting(connection, drafted)


async def waiting(connection: AsyncConnection, proposals: Sequence[Proposal]) -> int:
    number, _ = await save_drafts(connection, proposals, actor="ann", reason="as on the site")
    await propose(connection, number, actor="ann")
    return number


def test_each_draft_is_judged_by_the_prices_of_the_last_events(
    client: ConsoleClient, migrated: str, query: ConsoleQuery
) -> None:
    asyncio.run(fill_watched(migrated))
    number = asyncio.run(swapped_and_renamed(migrated))
    before = query("SELECT max(id) AS version FROM mapping_audit_log")
    assert f"/change-set/evidence?id={number}" in client.get(f"/change-set?id={number}").text
    part = client.get(f"/change-set/evidence?id={number}", HX_Request="true")
    assert part.status == 200, part.text
    assert "<html" not in part.text
    rows = [one for one in part.text.split("<tr>") if "btts_ft" in one]
    wrong = next(one for one in rows if "</th><td>sportybet</td>" in one)
    assert "CONTRADICTED" in wrong
    assert "with its labels assigned otherwise" in wrong
    other = [one for one in part.text.split("<tr>") if "1x2_ft" in one]
    assert other
    assert not any("CONTRADICTED" in one for one in other)
    assert "drafts 1 to 2 of 2" in part.seen
    assert query("SELECT max(id) AS version FROM mapping_audit_log") == before
    whole = client.get(f"/change-set/evidence?id={number}")
    assert "CONTRADICTED" in whole.seen
    assert f"Change set {number}" in whole.seen


def test_of_many_drafts_some_are_judged_and_the_others_on_demand(
    client: ConsoleClient, migrated: str, miss: Callable[..., None]
) -> None:
    miss("sportybet", "900", "GG/NG", ["Yes", "No"])
    miss("sportybet", "901", "GG/NG", ["Yes", "No"])
    number = asyncio.run(many(migrated, ("sportybet", "900")))
    page = client.get(f"/change-set/evidence?id={number}")
    assert f"drafts 1 to 20 of {MANY}" in page.seen
    assert "3 more drafts were not judged" in page.seen
    assert "not judged: no event is watched" in page.seen
    assert "Would be mapped: sportybet 900 sportybet 901" in page.seen
    rest = client.get(f"/change-set/evidence?id={number}&from=20", HX_Request="true")
    assert f"drafts 21 to {MANY} of {MANY}" in rest.seen
    assert "Would be mapped" not in rest.seen
    assert "more drafts" not in rest.seen
    after = client.get(f"/change-set/evidence?id={number}&from=900", HX_Request="true")
    assert "There is no draft to judge." in after.seen


def test_what_conflicts_and_what_is_not_there_is_said(
    client: ConsoleClient, migrated: str, mapped: Callable[[str], int]
) -> None:
    number = asyncio.run(many(migrated, ("sportybet", "900")))
    mapped(BTTS.replace("canonical_id: btts", "canonical_id: rival").replace("29", "905"))
    page = client.get(f"/change-set/evidence?id={number}")
    assert "market_5 conflicts with rival" in page.seen
    for path in ("?id=4242", "?id=x", "", f"?id={number}&from=x"):
        assert client.get(f"/change-set/evidence{path}").status == 404
