"""The editor's form: what a mapping says in a word is chosen, and what is refused names its field."""

import json
from collections.abc import Callable

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.integration.console.test_decisions import editor_fields
from tests.support.services.console import ConsoleClient

pytestmark = pytest.mark.services

TRAITS = "SELECT traits FROM user_market_mappings WHERE canonical_id = 'btts_ft'"
CHOSEN = {
    "trait_family": "both_score",
    "trait_period": "ft",
    "trait_subject": "match",
    "trait_counts": "goals",
    "trait_line": "none",
}


def test_traits_are_chosen_and_what_follows_from_when_outcomes_win_is_derived(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS.replace("canonical_id: btts", "canonical_id: btts_ft"))
    page = client.get("/edit?id=btts_ft")
    assert "Never do two outcomes win yes derived" in page.seen, page.seen
    fields = dict(editor_fields(page)) | {"reason": "as it is paid"}
    rows = [pair for pair in editor_fields(page) if pair[0] in ROW_FIELDS]
    others = {name: text for name, text in fields.items() if name not in ROW_FIELDS}
    refused = client.post("/edit", [*(others | CHOSEN | {"trait_family": "Total!"}).items(), *rows])
    assert refused.status == 400
    assert 'traits.family = "Total!"' in refused.seen, refused.seen
    assert '<option value="Total!" selected>' in refused.text
    saved = client.post("/edit", [*(others | CHOSEN).items(), *rows])
    assert saved.status == 303, saved.seen
    assert '"exclusive": true' in query(TRAITS)[0]["traits"]


def test_further_ids_are_rows_and_what_is_refused_names_its_field(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    fields = [pair for pair in editor_fields(client.get("/edit?id=btts")) if pair[0] not in ROW]
    fields += [("reason", "sold under a second id"), *ROW.items()]
    refused = client.post("/edit", [*fields, *(ROW | {"further_phase": "later"}).items()])
    assert refused.status == 400
    assert 'also[1].phase = "later"' in refused.seen, refused.seen
    unread = client.post("/edit", [*fields, *(ROW | {"further_more": "{labels"}).items()])
    assert "also[1].more" in unread.seen, unread.seen
    assert 'value="{labels"' in unread.text
    saved = client.post("/edit", fields)
    assert saved.status == 303, saved.seen
    (row,) = query("SELECT also FROM user_market_mappings")
    assert json.loads(row["also"]) == [
        {
            "platform": "sportybet",
            "id": "290",
            "active": True,
            "phase": "live",
            "fixed": {"goalnr": "1"},
            "labels": {"no": ["No"], "yes": ["Yes", "Both"]},
        }
    ]


def test_the_form_of_a_missed_market_stands_next_to_what_its_case_shows(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    suggest: Callable[..., None],
) -> None:
    version = mapped(BTTS)
    miss("betpawa", "3795", "GG/NG", ["Ja", "Nein"])
    suggest("betpawa", "3795", version, {"Ja": "yes", "Nein": "no"})
    page = client.get("/edit?source=betpawa&market=3795")
    assert "What is known of it" in page.seen, page.seen
    assert "Ja 2.0 unknown" in page.seen, page.seen
    assert "1. btts 98.0 %, confident" in page.seen
    assert "from other bookmakers 0.02 in 24 prices of 12 events" in page.seen
    assert "/edit?source=betpawa&amp;market=3795&amp;into=btts" in page.text
    # What is refused keeps it.
    refused = client.post("/edit", editor_fields(page))
    assert refused.status == 400
    assert "What is known of it" in refused.seen
    assert "What is known of it" not in client.get("/edit?id=btts").seen


ROW = {
    "further_platform": "sportybet",
    "further_id": "290",
    "further_active": "on",
    "further_grade": "",
    "further_phase": "live",
    "further_kind": "",
    "further_line_from": "",
    "further_constant": "",
    "further_specifiers": "goalnr=1",
    "further_more": "{labels: {yes: [Yes, Both], no: [No]}}",
}
ROW_FIELDS = {
    "outcome",
    "more",
    "betpawa_name_label",
    "sportybet_desc_label",
    "bet9ja_suffix_label",
}
