"""The editor's form: what a mapping says in a word is chosen, and what is refused names its field."""

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


ROW_FIELDS = {
    "outcome",
    "more",
    "betpawa_name_label",
    "sportybet_desc_label",
    "bet9ja_suffix_label",
}
