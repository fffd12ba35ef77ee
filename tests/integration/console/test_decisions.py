"""Decisions are those of the commands: the same checks, the same audit, one way back."""

import json
import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.integration.console.test_drafts import fields_of_form
from tests.support.services.console import ConsoleClient, ConsolePage

pytestmark = pytest.mark.services

OUTCOMES = {"Yes": "yes", "No": "no"}
STATUS = "SELECT status, status_actor, notes FROM unmapped_market_log WHERE external_market_id = $1"
AUDIT = "SELECT id, action, created_by, reason FROM mapping_audit_log ORDER BY id DESC LIMIT 1"


GOALSCORER = """
canonical_id: anytime_goalscorer
name: Anytime Goalscorer
participant: {kind: player}
also:
- {platform: sportybet, id: '40'}
outcome_mapping:
- {canonical_id: yes, sportybet_desc: '{player}'}
"""


def editor_fields(page: ConsolePage) -> list[tuple[str, str]]:
    """What the form of the editor's page sends as it is, without a reason."""
    form = page.text.partition('<form id="editor"')[2].partition("</form>")[0]
    inputs = re.findall(r'<input[^>]*? name="([^"]+)"(?:[^>]*? value="([^"]*)")?', form)
    sent = [(name, unescape(value)) for name, value in inputs]
    selects = re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL)
    chosen = [
        (name, re.findall(r"<option[^>]* selected>([^<]+)", options)) for name, options in selects
    ]
    rest = re.findall(r'<textarea name="rest"[^>]*>([^<]*)', form)
    listed = {"reason", "force", "propose", "republish"}
    return [
        *(pair for pair in sent if pair[0] not in listed),
        *((name, unescape(found[0]) if found else "") for name, found in chosen),
        *(("rest", unescape(one)) for one in rest),
    ]


@pytest.fixture
def suggested(
    mapped: Callable[[str], int], miss: Callable[..., None], suggest: Callable[..., None]
) -> int:
    """The version of `btts`, which is suggested for BetPawa's 3795."""
    version = mapped(BTTS)
    miss("betpawa", "3795", "GG/NG", count=50)
    suggest("betpawa", "3795", version, OUTCOMES)
    return version


def read_case(client: ConsoleClient) -> dict[str, str]:
    """What the case of BetPawa's 3795 sends to accept its suggestion."""
    page = client.get("/case?source=betpawa&market=3795")
    return dict(fields_of_form(page.text, 'action="/case/accept"'))


def accept(client: ConsoleClient, **changed: str) -> ConsolePage:
    return client.post("/case/accept", read_case(client) | changed)


def test_a_suggestion_is_accepted_audited_and_the_next_case_comes(
    client: ConsoleClient, suggested: int, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("bet9ja", "S_X", "Cards", count=10)
    answer = accept(client)
    assert answer.status == 303, answer.seen
    assert answer.location.startswith("/case?source=bet9ja&market=S_X")
    following = client.follow(answer).seen
    assert "btts is changed" in following
    assert "betpawa 3795 is mapped now." in following
    (row,) = query(AUDIT)
    assert (row["action"], row["created_by"]) == ("UPDATE", "ada")
    assert row["reason"] == "suggested, rank 1, accepted in the console"
    assert query(STATUS, "3795")[0]["status"] == "MAPPED"


def test_what_too_few_events_can_judge_is_said_next_to_what_was_changed(
    client: ConsoleClient, suggested: int, watch: Callable[..., None], miss: Callable[..., None]
) -> None:
    miss("bet9ja", "S_X", "Cards", count=10)
    prices = {"Yes": 1.4, "No": 2.9}
    watch("sr:match:7", betpawa=prices, sportybet=prices)
    seen = client.follow(accept(client)).seen
    assert "btts is changed" in seen
    assert "btts at betpawa: too few events to judge:" in seen
    assert "of 10 needed" in seen
    fields = [(n, v) for n, v in editor_fields(client.get("/edit?id=btts")) if n != "priority"]
    checked = client.post("/edit/check", [*fields, ("priority", "7")])
    assert "No fault, no conflict" in checked.seen, checked.seen
    assert "too few events to judge:" in checked.seen


def test_what_is_accepted_is_undone_and_the_market_is_open_again(
    client: ConsoleClient, suggested: int, query: ConsoleQuery
) -> None:
    page = client.follow(accept(client))
    (row,) = query(AUDIT)
    undone = client.post(
        "/undo",
        {"csrf": page.token, "canonical_id": "btts", "version": str(row["id"]), "back": "/queue"},
    )
    assert "is undone" in client.follow(undone).seen
    assert query(STATUS, "3795")[0]["status"] == "NEW"
    twice = client.post(
        "/undo", {"csrf": page.token, "canonical_id": "btts", "version": str(row["id"])}
    )
    assert twice.status == 409
    assert "Somebody else was first" in twice.seen
    assert "btts is changed" in client.follow(accept(client)).seen
    assert query(STATUS, "3795")[0]["status"] == "MAPPED"


def test_a_suggestion_that_has_changed_since_it_was_seen_is_not_accepted(
    client: ConsoleClient, suggested: int, suggest: Callable[..., None], query: ConsoleQuery
) -> None:
    seen = read_case(client)
    query("UPDATE suggestion SET canonical_id = 'other'")
    answer = client.post("/case/accept", seen)
    assert answer.status == 404
    assert "the suggestion has changed since you saw it" in answer.seen
    assert query(STATUS, "3795")[0]["status"] == "NEW"


def test_of_two_editors_who_accept_at_once_the_second_is_told(
    client: ConsoleClient, suggested: int, query: ConsoleQuery
) -> None:
    before = query("SELECT count(*) AS n FROM mapping_audit_log")[0]["n"]
    seen = read_case(client)
    assert client.post("/case/accept", seen).status == 303
    second = client.post("/case/accept", seen)
    assert second.status == 409, second.seen
    assert "it reads betpawa 3795 now" in second.seen
    assert "map the market by hand" in second.seen
    assert "Somebody else was first" in second.seen
    assert query("SELECT count(*) AS n FROM mapping_audit_log")[0]["n"] == before + 1


def test_a_market_is_taken_ignored_and_opened_again(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "8?goalnr=2", "Next goal")
    page = client.get("/case?source=sportybet&market=8%3Fgoalnr%3D2")
    fields = {"csrf": page.token, "source": "sportybet", "market": "8?goalnr=2"}
    taken = client.post("/case/decide", fields | {"decision": "take"})
    assert "is taken" in client.follow(taken).seen
    assert query(STATUS, "8?goalnr=2")[0]["status"] == "ACKNOWLEDGED"
    refused = client.post("/case/decide", fields | {"decision": "ignore"})
    assert refused.status == 400
    assert "Say why" in refused.seen
    ignored = client.post("/case/decide", fields | {"decision": "ignore", "reason": "not sold"})
    assert "is ignored" in client.follow(ignored).seen
    assert query(STATUS, "8?goalnr=2")[0] == {
        "status": "IGNORED",
        "status_actor": "ada",
        "notes": "not sold",
    }
    client.post("/case/decide", fields | {"decision": "reopen"})
    assert query(STATUS, "8?goalnr=2")[0]["status"] == "NEW"


def test_several_markets_are_ignored_together_and_opened_by_one_undo(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    for number in range(3):
        miss("sportybet", f"90{number}", "Corners")
    token = client.get("/queue").token
    markets = [("market", f"sportybet|90{number}") for number in range(3)]
    decided = client.post(
        "/queue/decide",
        [("csrf", token), ("decision", "ignore"), ("reason", "not sold"), *markets],
    )
    page = client.follow(decided)
    assert "3 markets are ignored" in page.seen
    assert page.text.count('name="market" value="sportybet|90') == 3
    client.post("/queue/decide", [("csrf", token), ("decision", "reopen"), *markets])
    assert {row["status"] for row in query("SELECT status FROM unmapped_market_log")} == {"NEW"}


def test_one_unknown_market_among_several_changes_none(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    fields = [
        ("csrf", client.get("/queue").token),
        ("decision", "take"),
        ("market", "sportybet|900"),
        ("market", "sportybet|901"),
    ]
    answer = client.post("/queue/decide", fields)
    assert answer.status == 404
    assert "never missed: sportybet 901" in answer.seen
    assert query(STATUS, "900")[0]["status"] == "NEW"


def test_a_mapping_is_made_by_hand_of_the_draft_and_covers_the_market(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corner in time", ["Yes", "No"])
    page = client.get("/edit?source=sportybet&market=900")
    assert page.status == 200, page.seen
    fields = [
        ("csrf", page.token),
        ("source", "sportybet"),
        ("market", "900"),
        ("canonical_id", "corner_in_time"),
        ("name", "Corner in time"),
        ("priority", "0"),
        ("line_kind", "none"),
        ("sportybet_id", "900"),
        ("outcome", "yes"),
        ("sportybet_desc_label", "Yes"),
        ("outcome", "no"),
        ("sportybet_desc_label", "No"),
        ("outcome", ""),
        ("sportybet_desc_label", ""),
        ("rest", ""),
    ]
    checked = client.post("/edit/check", fields)
    assert "No fault, no conflict" in checked.seen
    assert "Would be mapped: sportybet 900" in checked.seen
    assert query("SELECT count(*) AS n FROM user_market_mappings")[0]["n"] == 0
    without = client.post("/edit", fields)
    assert without.status == 400
    assert "Say why" in without.seen
    assert 'value="corner_in_time"' in without.text
    saved = client.post("/edit", [*fields, ("reason", "labels compared")])
    assert saved.status == 303, saved.seen
    assert query(STATUS, "900")[0]["status"] == "MAPPED"
    (row,) = query(AUDIT)
    assert (row["action"], row["created_by"], row["reason"]) == ("CREATE", "ada", "labels compared")


def test_a_market_of_players_is_mapped_from_its_case(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    names = ["Antuna, Uriel (Pumas UNAM)", "Jiménez, Raúl (Cruz Azul)"]
    miss("sportybet", "40", "Anytime Goalscorer", [*names, "No Goal"], qualifier="type=prematch")
    case = client.get("/case?source=sportybet&market=40")
    assert "Map for each player" in case.seen
    page = client.get("/edit?source=sportybet&market=40&players=yes")
    fields = editor_fields(page)
    assert ("sportybet_desc_label", "{player}") in fields
    checked = client.post("/edit/check", fields)
    assert "No fault, no conflict" in checked.seen, checked.seen
    assert "Would be mapped: sportybet 40" in checked.seen
    unnamed = [(name, value.replace("{player}", "Yes")) for name, value in fields]
    refused = client.post("/edit", [*unnamed, ("reason", "as on its page")])
    assert refused.status == 400
    assert "one has {player} where the bookmaker writes the name" in refused.seen
    saved = client.post("/edit", [*fields, ("reason", "as on its page")])
    assert saved.status == 303, saved.seen
    assert query(STATUS, "40")[0]["status"] == "MAPPED"
    (row,) = query("SELECT participant, also, sportybet_id FROM user_market_mappings")
    assert json.loads(row["participant"]) == {"kind": "player"}
    assert json.loads(row["also"])[0]["fixed"] == {"type": "prematch"}
    assert row["sportybet_id"] is None


def test_a_market_of_players_is_added_to_a_mapping_of_players(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    query: ConsoleQuery,
) -> None:
    mapped(GOALSCORER)
    miss("betpawa", "129108", "Anytime Goalscorer", ["Uriel Antuna", "Raul Jimenez"])
    page = client.get("/edit?source=betpawa&market=129108&into=anytime_goalscorer")
    saved = client.post("/edit", [*editor_fields(page), ("reason", "as on its page")])
    assert saved.status == 303, saved.seen
    assert query(STATUS, "129108")[0]["status"] == "MAPPED"
    (row,) = query("SELECT also FROM user_market_mappings")
    assert json.loads(row["also"])[1]["labels"] == {"yes": ["{player}"]}


def test_a_mapping_that_claims_what_another_claims_is_refused_with_both_names(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    fields = [
        ("csrf", client.get("/edit").token),
        ("canonical_id", "again"),
        ("name", "Again"),
        ("line_kind", "none"),
        ("sportybet_id", "29"),
        ("outcome", "yes"),
        ("sportybet_desc_label", "Yes"),
        ("reason", "try"),
    ]
    answer = client.post("/edit", fields)
    assert answer.status == 409
    assert "It claims what another mapping claims" in answer.seen
    assert "btts" in answer.seen
    assert query("SELECT count(*) AS n FROM user_market_mappings")[0]["n"] == 1


def test_a_mapping_is_switched_off_and_its_deletion_is_refused_at_an_old_version(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    version = mapped(BTTS)
    token = client.get("/mapping?id=btts").token
    fields = {"csrf": token, "id": "btts", "version": str(version), "reason": "wrong"}
    answer = client.post("/mapping/switch", fields | {"decision": "deactivate"})
    assert "btts is deactivated" in client.follow(answer).seen
    late = client.post("/mapping/switch", fields | {"decision": "delete"})
    assert late.status == 409
    assert query("SELECT is_active FROM user_market_mappings")[0]["is_active"] is False


def test_a_deletion_is_undone_from_its_notice_and_from_the_page_of_the_mapping(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    version = mapped(BTTS)
    token = client.get("/mapping?id=btts").token
    fields = {"csrf": token, "id": "btts", "reason": "wrong"}
    deleted = client.post(
        "/mapping/switch", fields | {"version": str(version), "decision": "delete"}
    )
    page = client.follow(deleted)
    assert "btts is deleted" in page.seen
    (row,) = query(AUDIT)
    undo = {"csrf": token, "canonical_id": "btts", "version": str(row["id"]), "back": "/mappings"}
    assert f'name="version" value="{row["id"]}"' in page.text
    assert client.post("/undo", undo).status == 303
    (again,) = query("SELECT name, is_active FROM user_market_mappings")
    assert again == {"name": "Both Teams To Score", "is_active": True}
    (row,) = query(AUDIT)
    client.post("/mapping/switch", fields | {"version": str(row["id"]), "decision": "delete"})
    (row,) = query(AUDIT)
    assert "It can be created again" in client.get("/mapping?id=btts").seen
    restore = fields | {"version": str(row["id"]), "decision": "restore"}
    assert client.post("/mapping/switch", restore | {"reason": ""}).status == 400
    assert "btts is created" in client.follow(client.post("/mapping/switch", restore)).seen
    assert client.post("/mapping/switch", restore).status == 409
    assert query("SELECT count(*) AS n FROM user_market_mappings")[0]["n"] == 1


def test_an_alarm_on_a_form_says_what_it_is_about_and_is_closed(
    client: ConsoleClient, query: ConsoleQuery
) -> None:
    query(
        "INSERT INTO alarm (platform, kind, sign, first_hour, last_hour, events, reason)"
        " VALUES ('betpawa', 'drift', 'refused', '2026-01-01 12:00Z', '2026-01-01 13:00Z', 20, 'why')"
    )
    (row,) = query("SELECT id FROM alarm")
    for path in ("/", "/alarms", f"/alarm?id={row['id']}"):
        assert "form: refused" in client.get(path).seen
    page = client.get(f"/alarm?id={row['id']}")
    fields = {"csrf": page.token, "id": str(row["id"]), "decision": "close"}
    answer = client.post("/alarm/decide", fields | {"reason": "usual now"})
    assert "is closed" in client.follow(answer).seen
    assert [one["status"] for one in query("SELECT status FROM alarm")] == ["CLOSED"]


def test_an_alarm_by_proof_says_that_it_knows_nothing_instead_and_leads_to_the_editor(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    version = mapped(BTTS)
    query(
        "INSERT INTO alarm (canonical_id, platform, version, kind, events, reason)"
        " VALUES ('btts', 'bet9ja', $1, 'proof', 2, 'contradicted by its own prices')",
        version,
    )
    (row,) = query("SELECT id FROM alarm")
    assert "contradicted by its own prices" in client.get("/alarms").seen
    page = client.get(f"/alarm?id={row['id']}")
    assert "What is right instead, they do not say" in page.seen
    assert "What fits better" not in page.seen
    assert "/edit?id=btts&amp;alarm=" in page.text
    assert client.get(f"/edit?id=btts&alarm={row['id']}").status == 200


def test_an_alarm_is_closed_with_a_reason(client: ConsoleClient, query: ConsoleQuery) -> None:
    query(
        """INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events,
        canonical_id_instead, outcomes_instead, reason)
        VALUES ('btts', 'bet9ja', 1, 'assignment', 1.9, 0.02, 12, 'btts', '{"Yes": "no"}', 'swapped')"""
    )
    (row,) = query("SELECT id FROM alarm")
    page = client.get(f"/alarm?id={row['id']}")
    assert "swapped" in page.seen
    fields = {"csrf": page.token, "id": str(row["id"]), "decision": "close"}
    assert client.post("/alarm/decide", fields).status == 400
    answer = client.post("/alarm/decide", fields | {"reason": "the bookmaker is odd"})
    assert "is closed" in client.follow(answer).seen
    assert query("SELECT status, status_actor FROM alarm")[0] == {
        "status": "CLOSED",
        "status_actor": "ada",
    }
