"""Review and History decide as `marketmap changes` does, and every refusal is said."""

import asyncio
import json
import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.services.console import ConsoleClient, ConsolePage
from worker.domain.assign import assign
from worker.domain.mapping import parse_mapping
from worker.operations.drafts.drafting import propose, revised_mapping, save_drafts
from worker.storage.changes import sets
from worker.storage.engine import opened, transaction

pytestmark = pytest.mark.services

NAME = "SELECT name FROM user_market_mappings WHERE canonical_id = 'btts'"
AUDIT = """
SELECT created_by, approved_by, change_set_id FROM mapping_audit_log ORDER BY id DESC LIMIT 1
"""
HOSTILE = "<script>alert(1)</script>"

Proposed = Callable[..., int]


@pytest.fixture
def proposed(migrated: str, mapped: Callable[[str], int]) -> Proposed:
    """`proposed("GG")`: a change set of somebody else that gives `btts` this name; returns its number."""
    mapped(BTTS)

    async def write(name: str, actor: str) -> int:
        async with opened(migrated, pool_size=1) as engine, transaction(engine) as connection:
            proposal = await revised_mapping(
                connection,
                "btts",
                lambda state: parse_mapping(assign(state, [f"name={name}"])),
            )
            number, _ = await save_drafts(connection, [proposal], actor=actor, reason="shorter")
            await propose(connection, number, actor=actor)
            return number

    return lambda name="GG", actor="ann": asyncio.run(write(name, actor))


def decide(
    client: ConsoleClient, role: str, number: int, decision: str, **fields: str
) -> ConsolePage:
    page = client.get(f"/change-set?id={number}")
    sent = {"csrf": page.token, "id": str(number), "decision": decision, "revision": "1"}
    return client.post(f"/change-set/{role}", sent | fields)


def test_a_proposed_change_is_read_approved_and_taken_back(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery
) -> None:
    number = proposed("GG")
    assert "1 change set waits for a reviewer" in client.get("/review").seen
    page = client.get(f"/change-set?id={number}").seen
    assert "Both Teams To Score GG" in page
    answer = decide(client, "review", number, "approve", reason="as on the site")
    seen = client.follow(answer).seen
    assert f"Change set {number} is approved" in seen
    assert "as on the site" in seen
    (audited,) = query(AUDIT)
    assert dict(audited) == {"created_by": "ann", "approved_by": "ada", "change_set_id": number}
    assert query(NAME) == [{"name": "GG"}]
    undone = decide(client, "author", number, "revert", reason="not sold")
    assert f"takes change set {number} back" in client.follow(undone).seen
    assert query(NAME) == [{"name": "Both Teams To Score"}]
    assert "reverted" in client.get(f"/change-set?id={number}").seen


def test_a_change_set_is_sent_back_with_a_reason(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery
) -> None:
    number = proposed()
    assert decide(client, "review", number, "send-back").status == 400
    answer = decide(client, "review", number, "send-back", reason="keep the name")
    assert "keep the name" in client.follow(answer).seen
    assert query("SELECT state FROM change_set WHERE NOT is_direct") == [{"state": "SENT_BACK"}]
    assert decide(client, "author", number, "propose").status == 303
    again = decide(client, "review", number, "approve")
    assert again.status == 409
    assert "was proposed again" in again.seen


def test_what_was_changed_meanwhile_is_named_and_nothing_is_approved(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery
) -> None:
    number = proposed("GG")
    query("UPDATE user_market_mappings SET name = 'Both'")
    page = client.get(f"/change-set?id={number}").seen
    assert "The mapping was changed after this draft was written" in page
    answer = decide(client, "review", number, "approve")
    assert answer.status == 409
    assert "btts is at version 2 now, the draft changes version 1" in answer.seen
    assert query(NAME) == [{"name": "Both"}]


def test_history_shows_direct_changes_and_takes_them_back(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    seen = client.get("/history?mapping=btts").seen
    assert "direct change of btts" in seen
    assert "No change set matches." in client.get("/history?by=nobody").seen
    answer = decide(client, "author", 1, "revert", reason="too early")
    assert answer.status == 303, answer.seen
    assert query("SELECT count(*) AS n FROM user_market_mappings") == [{"n": 0}]
    assert decide(client, "author", 1, "revert", reason="again").status == 409


def test_history_shows_how_often_the_misses_of_a_change_were_counted_before_and_since(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    query("UPDATE unmapped_market_log SET occurrence_count = 700, last_seen_at = now()")
    mapped(BTTS)
    assert re.search(
        r"1 mapped: [0-9.]+ an hour before, 0(\.0 an hour| times) since",
        client.get("/history").seen,
    )
    query("UPDATE unmapped_market_log SET occurrence_count = 703, status = 'NEW'")
    page = client.get("/change-set?id=1")
    assert "1 mapped, 0 of them still" in page.seen
    assert re.search(r"sportybet 29 GG/NG mapped [0-9.]+ 700 3 new", page.seen)
    assert 'href="/case?source=sportybet&amp;market=29"' in page.text


def test_a_reviewer_sees_the_events_of_the_miss_that_a_draft_is_made_for(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    query: ConsoleQuery,
    migrated: str,
) -> None:
    mapped(BTTS)
    miss("betpawa", "900", "GG", ["Yes", "No"])
    others = [{"platform": "sportybet", "canonical_id": "btts", "outcome": "yes", "odds": 1.83}]
    query(
        """INSERT INTO evidence_sample (subject, source, market, event, home, away, seen_at, prices, others)
        VALUES ('miss', 'betpawa', '900', 'e1', 'Reds', 'Blues', now(), $1, $2)""",
        json.dumps([{"label": HOSTILE, "odds": 1.8}]),
        json.dumps(others),
    )

    async def write() -> int:
        async with opened(migrated, pool_size=1) as engine, transaction(engine) as connection:
            proposal = await revised_mapping(
                connection,
                "btts",
                lambda state: parse_mapping(assign(state, ["betpawa_id=900"])),
            )
            made_for = proposal._replace(misses=[("betpawa", "900")])
            number, _ = await save_drafts(connection, [made_for], actor="ann", reason="sold")
            await propose(connection, number, actor="ann")
            return number

    page = client.get(f"/change-set?id={asyncio.run(write())}")
    assert "Last events with the prices of others Reds – Blues" in page.seen
    assert "yes 1.83" in page.seen
    assert 'href="/case?source=betpawa&amp;market=900"' in page.text
    assert HOSTILE not in page.text


def test_of_a_change_by_plain_sql_no_effect_is_made_up(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    assert "no miss" in client.get("/history").seen
    query("UPDATE user_market_mappings SET name = 'Both'")
    assert "not known" in client.get("/history").seen
    assert "not known" in client.get("/change-set?id=2").seen


def test_a_change_set_of_which_a_part_was_taken_back_says_so(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery, migrated: str
) -> None:
    mapped(BTTS)
    other = BTTS.replace("btts", "other").replace("29", "30")
    mapped(other)

    async def write() -> int:
        async with opened(migrated, pool_size=1) as engine, transaction(engine) as connection:
            proposals = [
                await revised_mapping(
                    connection, name, lambda state: parse_mapping(assign(state, ["name=GG"]))
                )
                for name in ("btts", "other")
            ]
            number, _ = await save_drafts(connection, proposals, actor="ann", reason="shorter")
            await propose(connection, number, actor="bob")
            return number

    number = asyncio.run(write())
    assert "ann" in client.get(f"/change-set?id={number}").seen.partition("authors")[2]
    assert decide(client, "review", number, "approve").status == 303
    query("UPDATE user_market_mappings SET priority = 5 WHERE canonical_id = 'other'")
    assert decide(client, "author", number, "revert", reason="no").status == 409
    answer = decide(client, "author", number, "revert", reason="no", rest="yes")
    assert "other was changed since" in client.follow(answer).seen
    seen = client.get(f"/change-set?id={number}").seen
    assert "taken back in part by" in seen
    assert "State: approved" in seen
    assert "approved, taken back in part" in client.get("/history").seen


def test_a_change_set_is_withdrawn_and_commented_on(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery
) -> None:
    number = proposed()
    assert (
        "why now?"
        in client.follow(decide(client, "author", number, "comment", reason="why now?")).seen
    )
    decide(client, "author", number, "withdraw", reason="not yet")
    assert query("SELECT state FROM change_set WHERE NOT is_direct") == [{"state": "WITHDRAWN"}]


def test_four_eyes_hold_in_the_console(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery, migrated: str
) -> None:
    number = proposed()

    async def require() -> None:
        async with opened(migrated, pool_size=1) as engine, transaction(engine) as connection:
            await sets.set_policy(connection, four_eyes=True, actor="olga", reason="audit")

    asyncio.run(require())
    assert "Four eyes are required" in client.get("/review").seen
    answer = decide(client, "review", number, "approve")
    assert answer.status == 409
    assert "cannot be approved" in answer.seen
    assert query(NAME) == [{"name": "Both Teams To Score"}]


def test_what_people_write_is_shown_as_text(client: ConsoleClient, proposed: Proposed) -> None:
    number = proposed(HOSTILE, HOSTILE)
    decide(client, "author", number, "comment", reason=HOSTILE)
    for path in ("/review", "/history", f"/change-set?id={number}"):
        page = client.get(path)
        assert HOSTILE not in page.text
        assert HOSTILE in page.seen or path != f"/change-set?id={number}"


def test_a_group_of_misses_is_decided_in_one_grid_and_taken_back_as_a_whole(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    mapped(BTTS)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    miss("sportybet", "900", "Goal Odd/Even", ["Odd", "Even"])
    page = client.get("/bulk")
    grid = unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)[1])  # type: ignore[index]
    outcomes = {"Y": "yes", "N": "no", "Odd": "odd", "Even": "even"}
    lines = grid.rstrip("\n").split("\n")
    for at, line in enumerate(lines[1:], start=1):
        cells = line.split("\t")
        name = "btts" if cells[0] == "bet9ja" else "odd_even"
        lines[at] = "\t".join([*cells[:4], name, outcomes[cells[3]]])
    sent = {"csrf": page.token, "grid": "\r\n".join(lines), "name": "Goals", "reason": "asked for"}
    assert "2 markets in 2 mappings" in client.post("/bulk", sent | {"decision": "check"}).seen
    assert query("SELECT count(*) AS n FROM change_draft") == [{"n": 0}]
    answer = client.post("/bulk", sent | {"decision": "save"})
    number = int(answer.location.split("id=")[1].split("&")[0])
    assert decide(client, "review", number, "approve").status == 303
    statuses = "SELECT status FROM unmapped_market_log ORDER BY id"
    assert [row["status"] for row in query(statuses)] == ["MAPPED", "MAPPED"]
    assert decide(client, "author", number, "revert", reason="no").status == 303
    assert [row["status"] for row in query(statuses)] == ["NEW", "NEW"]


def test_only_a_confident_suggestion_is_filled_into_a_grid(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    suggest: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    version = mapped(BTTS)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    suggest("bet9ja", "S_GGNG", version, {"Y": "yes", "N": "no"})
    assert "Y\tbtts\tyes" in unescape(client.get("/bulk").text)
    query("UPDATE suggestion SET is_confident = false, confidence = 0.01")
    page = unescape(client.get("/bulk").text)
    assert "GG/NG\tY\t\t" in page
    assert "btts" not in page


def test_every_fault_of_a_grid_is_named_and_what_was_typed_stays(
    client: ConsoleClient, mapped: Callable[[str], int], miss: Callable[..., None]
) -> None:
    mapped(BTTS)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    head = "platform,market_id,label,canonical_id,outcome"
    grid = f"{head}\nbet9ja,S_GGNG,Y,btts,nothing\nbet9ja,S_OTHER,Y,other,yes"
    page = client.get("/bulk")
    sent = {"csrf": page.token, "grid": grid, "reason": "r", "decision": "save"}
    answer = client.post("/bulk", sent)
    assert answer.status == 400
    assert "is not an outcome of the mapping" in answer.seen
    assert "never missed" in answer.seen
    assert "S_OTHER,Y,other,yes" in answer.seen


@pytest.mark.parametrize("number", ["", "0x1", "99999999999999999999", "7"])
def test_a_change_set_that_there_is_not_is_said(client: ConsoleClient, number: str) -> None:
    answer = client.get(f"/change-set?id={number}")
    assert answer.status == 404
    assert "There is no such change set." in answer.seen


@pytest.mark.parametrize("path", ["/change-set/author", "/change-set/review"])
def test_a_decision_without_the_token_of_the_page_is_refused(
    client: ConsoleClient, proposed: Proposed, path: str, query: ConsoleQuery
) -> None:
    number = proposed()
    answer = client.post(path, {"id": str(number), "decision": "approve", "reason": "r"})
    assert answer.status == 403
    assert query(NAME) == [{"name": "Both Teams To Score"}]


def test_a_reviewer_who_does_not_say_what_was_read_decides_nothing(
    client: ConsoleClient, proposed: Proposed, query: ConsoleQuery
) -> None:
    number = proposed("GG")
    for revision in ("", "x", "1" * 30):
        answer = decide(client, "review", number, "approve", revision=revision)
        assert answer.status == 400, revision
        assert "Load the page again" in answer.seen
    assert query(NAME) == [{"name": "Both Teams To Score"}]


def test_a_grid_that_is_too_long_is_refused_as_a_whole(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    grid = "platform,market_id,label,canonical_id,outcome\n" + "bet9ja,S_GGNG,Y,new,yes\n" * 25_000
    page = client.get("/bulk")
    assert "maxlength" not in page.text.partition("<textarea")[2].partition(">")[0]
    sent = {"csrf": page.token, "grid": grid, "reason": "r", "decision": "save"}
    answer = client.post("/bulk", sent)
    assert answer.status == 413
    assert "Nothing was saved" in answer.seen
    assert query("SELECT count(*) AS n FROM change_set") == [{"n": 0}]


def test_a_market_whose_id_looks_like_a_formula_comes_back_from_a_spreadsheet(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("bet9ja", "=GGNG", "GG/NG", ["=Yes", "No"], count=9)
    miss("bet9ja", "S_TURNED", "GG\u202e", ["Yes\u202e"])
    page = client.get("/bulk")
    assert "\u202e" not in page.text
    grid = unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)[1])  # type: ignore[index]
    head, *rows = grid.rstrip("\n").split("\n")
    lines = [row for row in rows if row.split("\t")[1] == "'=GGNG"]
    outcomes = ("yes", "no")
    filled = [
        "\t".join([*line.split("\t")[:4], "gg_ng", outcome])
        for line, outcome in zip(lines, outcomes, strict=True)
    ]
    # A spreadsheet begins a file with a byte order mark.
    text = "\r\n".join(["\ufeff" + head, *filled])
    sent = {"csrf": page.token, "grid": text, "reason": "r", "decision": "save"}
    answer = client.post("/bulk", sent)
    assert answer.status == 303, answer.seen
    (draft,) = query("SELECT mapping, misses FROM change_draft")
    assert json.loads(draft["misses"]) == [["bet9ja", "=GGNG"]]
    labels = [row["bet9ja_suffix"] for row in json.loads(draft["mapping"])["outcome_mapping"]]
    assert labels == ["=Yes", "No"]


def test_of_a_very_large_change_set_a_part_is_shown(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    query("""INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
        SELECT 'many_' || n, 'Many', 'm' || n, outcome_mapping
        FROM user_market_mappings, generate_series(1, 250) AS n""")
    (made,) = query("SELECT max(change_set_id) AS id FROM mapping_audit_log")
    page = client.get(f"/change-set?id={made['id']}")
    assert page.status == 200, page.seen
    assert page.text.count("<h3>") == 200
    assert "50 more are not shown here" in page.seen


def test_a_state_that_cannot_be_read_is_not_gone_back_to(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    yes = {"canonical_id": "yes", "sportybet_desc": "Yes"}
    no = {"canonical_id": "no", "sportybet_desc": "No"}
    for rows in ([yes, yes], [yes, no]):
        query("UPDATE user_market_mappings SET outcome_mapping = $1", json.dumps(rows))
    (made,) = query("SELECT max(change_set_id) AS id FROM mapping_audit_log")
    answer = decide(client, "author", made["id"], "revert", reason="wrong")
    assert answer.status == 409, answer.seen
    assert "Nothing was changed." in answer.seen


def test_a_row_of_a_grid_that_could_be_two_is_refused(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("bet9ja", "S_GGNG", "GG/NG", ["=Yes", "'=Yes"])
    miss("bet9ja", "=A", "A", ["Yes"])
    miss("bet9ja", "'=A", "A", ["Yes"])
    head = "platform,market_id,label,canonical_id,outcome"
    grid = f"{head}\nbet9ja,S_GGNG,'=Yes,gg_ng,yes\nbet9ja,'=A,Yes,a,yes"
    sent = {"csrf": client.get("/bulk").token, "grid": grid, "reason": "r", "decision": "save"}
    answer = client.post("/bulk", sent)
    assert answer.status == 400
    assert "several labels that look like '=Yes" in answer.seen
    assert "two markets that look like '=A" in answer.seen
    assert query("SELECT count(*) AS n FROM change_draft") == [{"n": 0}]
