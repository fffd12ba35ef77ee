"""What a person saves becomes a draft where they want one, or where nobody may change a mapping alone."""

import asyncio
import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.services.console import ConsoleClient
from worker.storage.changes import sets
from worker.storage.engine import opened, transaction

pytestmark = pytest.mark.services

MAPPINGS = "SELECT count(*) AS n FROM user_market_mappings"
SETS = "SELECT id, state, actor FROM change_set WHERE NOT is_direct ORDER BY id"
STATUS = "SELECT status FROM unmapped_market_log WHERE external_market_id = $1"
FIELDS = [
    ("canonical_id", "corner_in_time"),
    ("name", "Corner in time"),
    ("line_kind", "none"),
    ("sportybet_id", "900"),
    ("outcome", "yes"),
    ("sportybet_desc_label", "Yes"),
    ("outcome", "no"),
    ("sportybet_desc_label", "No"),
]


def fields_of_form(text: str, mark: str = 'id="editor"') -> list[tuple[str, str]]:
    """The fields of a form, by default the editor's, as a browser sends them."""
    form = text.partition(mark)[2].partition("</form>")[0]
    found = []
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r' value="([^"]*)"', tag)
        if name is not None and name[1] != "reason" and "checkbox" not in tag:
            found.append((name[1], unescape(value[1]) if value else ""))
    return found


@pytest.fixture
def four_eyes(migrated: str) -> Callable[[], None]:
    """`four_eyes()`: from now on they are required."""

    async def require() -> None:
        async with opened(migrated, pool_size=1) as engine, transaction(engine) as connection:
            await sets.set_policy(connection, four_eyes=True, actor="olga", reason="audit")

    return lambda: asyncio.run(require())


def test_a_form_is_saved_as_a_draft_that_a_reviewer_approves_for_its_market(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corner in time", ["Yes", "No"])
    page = client.get("/edit?source=sportybet&market=900")
    sent = [("csrf", page.token), ("source", "sportybet"), ("market", "900"), *FIELDS]
    without = client.post("/edit", [*sent, ("decision", "draft")])
    assert without.status == 400
    assert "Say why" in without.seen
    saved = client.post("/edit", [*sent, ("decision", "draft"), ("reason", "as on the site")])
    assert "A draft of corner_in_time is saved, and not proposed yet" in client.follow(saved).seen
    assert query(MAPPINGS) == [{"n": 0}]
    (made,) = query(SETS)
    assert (made["state"], made["actor"]) == ("DRAFT", "ada")
    assert "A draft for this market waits" in client.get("/case?source=sportybet&market=900").seen
    number = str(made["id"])
    author = {"csrf": page.token, "id": number, "decision": "propose"}
    assert client.post("/change-set/author", author).status == 303
    review = {"csrf": page.token, "id": number, "decision": "approve", "revision": "1"}
    assert client.post("/change-set/review", review).status == 303
    assert query(STATUS, "900") == [{"status": "MAPPED"}]


def test_a_draft_that_was_sent_back_is_changed_in_the_editor_and_goes_into_the_same_change_set(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    page = client.get("/edit?id=btts")
    sent = fields_of_form(page.text)
    changed = [(name, "GG" if name == "name" else value) for name, value in sent]
    saved = client.post("/edit", [*changed, ("decision", "draft"), ("reason", "shorter")])
    assert saved.status == 303, saved.seen
    (made,) = query(SETS)
    (draft,) = query("SELECT id FROM change_draft")
    again = client.get(f"/edit?draft={draft['id']}")
    assert 'value="GG"' in again.text
    assert f"/change-set?id={made['id']}" in again.text
    better = [(n, "Both" if n == "name" else v) for n, v in fields_of_form(again.text)]
    checked = client.post("/edit/check", better)
    assert "No fault, no conflict" in checked.seen, checked.seen
    assert client.post("/edit", [*better, ("reason", "clearer")]).status == 303
    (kept,) = query("SELECT mapping ->> 'name' AS name, base_version FROM change_draft")
    assert kept == {"name": "Both", "base_version": 1}
    query("UPDATE user_market_mappings SET name = 'Other'")
    stale = client.get(f"/edit?draft={draft['id']}")
    assert "The mapping has changed since this draft was written" in stale.seen
    refused = client.post("/edit/check", fields_of_form(stale.text))
    assert "Somebody else was first" in refused.seen
    looked = [*fields_of_form(stale.text), ("rebase", "2"), ("reason", "compared")]
    assert client.post("/edit", looked).status == 303
    assert query("SELECT base_version FROM change_draft") == [{"base_version": 2}]


def test_where_four_eyes_are_required_a_save_is_a_proposed_draft_and_the_page_shows_its_effect(
    client: ConsoleClient,
    miss: Callable[..., None],
    query: ConsoleQuery,
    four_eyes: Callable[[], None],
) -> None:
    four_eyes()
    miss("sportybet", "900", "Corner in time", ["Yes", "No"])
    page = client.get("/edit?source=sportybet&market=900")
    assert "what you save is a draft that somebody else approves" in page.seen
    sent = [("csrf", page.token), ("source", "sportybet"), ("market", "900"), *FIELDS]
    checked = client.post("/edit/check", sent)
    assert "Would be mapped: sportybet 900" in checked.seen, checked.seen
    wrong = [(name, "77" if name == "sportybet_id" else value) for name, value in sent]
    assert "does not cover sportybet 900" in client.post("/edit/check", wrong).seen
    query(
        """UPDATE unmapped_market_log SET sample_outcomes = sample_outcomes ||
            '[{"label": "Yes", "qualifier": "minute=9"}]'"""
    )
    left = client.post("/edit/check", sent).seen
    assert "sportybet 900 stays open: not mapped yet: minute=9" in left
    assert "Would be mapped" not in left
    query("UPDATE unmapped_market_log SET sample_outcomes = sample_outcomes - 2")
    saved = client.post("/edit", [*sent, ("decision", "save"), ("reason", "as on the site")])
    notice = client.follow(saved)
    assert "A draft of corner_in_time waits for a reviewer" in notice.seen
    assert [row["state"] for row in query(SETS)] == ["PROPOSED"]
    assert "1 change set waits for a reviewer" in client.get("/review").seen
    undone = {"csrf": page.token, "id": str(query(SETS)[0]["id"]), "decision": "withdraw"}
    assert client.post("/change-set/author", undone | {"reason": "taken back"}).status == 303
    assert [row["state"] for row in query(SETS)] == ["WITHDRAWN"]


def test_where_four_eyes_are_required_suggestions_become_drafts_and_each_case_comes_once(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    suggest: Callable[..., None],
    query: ConsoleQuery,
    four_eyes: Callable[[], None],
) -> None:
    version = mapped(BTTS)
    markets = ("3795", "3796", "3797")
    for place, market in enumerate(markets):
        miss("betpawa", market, "GG/NG", count=50 - place)
        suggest("betpawa", market, version, {"Yes": "yes", "No": "no"})
    four_eyes()
    page, seen = client.get("/case?source=betpawa&market=3795"), []
    while (fields := dict(fields_of_form(page.text, 'action="/case/accept"'))) != {}:
        seen.append(fields["market"])
        page = client.follow(client.post("/case/accept", fields))
    assert seen == list(markets)
    assert [row["state"] for row in query(SETS)] == ["PROPOSED"] * 3


def test_a_suggestion_is_accepted_as_a_draft_of_its_market(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    suggest: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    version = mapped(BTTS)
    for place, market in enumerate(("3795", "3796")):
        miss("betpawa", market, "GG/NG", count=50 - place)
    suggest("betpawa", "3795", version, {"Yes": "yes", "No": "no"})
    page = client.get("/case?source=betpawa&market=3795")
    accept = dict(fields_of_form(page.text, 'action="/case/accept"'))
    answer = client.post("/case/accept", accept | {"decision": "draft"})
    assert "market=3796" in answer.location
    assert query(STATUS, "3795") == [{"status": "NEW"}]
    (draft,) = query("SELECT mapping ->> 'betpawa_id' AS id, misses::text AS for FROM change_draft")
    assert draft == {"id": "3795", "for": '[["betpawa", "3795"]]'}
    assert [row["state"] for row in query(SETS)] == ["PROPOSED"]


def test_a_draft_for_a_change_set_that_there_is_not_is_refused(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corner in time", ["Yes", "No"])
    token = client.get("/queue").token
    sent = [("csrf", token), *FIELDS, ("reason", "r"), ("change_set", "7")]
    answer = client.post("/edit", [*sent, ("decision", "draft")])
    assert answer.status == 404
    assert "there is no change set 7" in answer.seen
    assert query(SETS) == []
