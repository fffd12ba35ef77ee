"""A market that is sold for each player is mapped by its fields, in a real browser: nobody writes YAML."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.console.conftest import ConsoleQuery
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleRun

pytestmark = pytest.mark.services

VARIANT = "variant=pre:playerprops:61301157:1051111"
MEANING = {
    "trait_family": "player",
    "trait_period": "ft",
    "trait_subject": "player",
    "trait_counts": "shots",
    "trait_line": "at_least",
    "trait_exhaustive": "no",
    "trait_exclusive": "yes",
}
MAPPED = "SELECT traits, participant, also FROM user_market_mappings WHERE canonical_id = $1"


def test_a_market_of_players_is_mapped_by_its_fields(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss(
        "sportybet",
        "776",
        "Player Shots",
        ["Antuna, Uriel (Pumas UNAM) 1+", "Antuna, Uriel (Pumas UNAM) 2+"],
        qualifier=VARIANT,
    )
    watched = WatchedPage(browser, console.address, viewport={"width": 1280, "height": 800})
    page = watched.page
    page.goto("/queue")
    page.get_by_role("link", name="776", exact=True).click()
    page.get_by_role("link", name="Map for each player").click()
    page.get_by_label("Canonical id").fill("player_shots_ft")
    page.get_by_label("Name", exact=True).fill("Shots Of A Player")
    for name, word in MEANING.items():
        page.locator(f"select[name={name}]").select_option(word)
    page.get_by_label("Grade of further id 1").select_option("B")
    expect(page.locator("#check")).to_contain_text("Would be mapped: sportybet 776")
    # What is forgotten is said at its field, and all that was chosen is still there.
    page.locator("select[name=trait_counts]").select_option("")
    page.get_by_label("Reason").fill("compared with the page of the bookmaker")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#refused")).to_be_focused()
    page.locator("#refused").get_by_role("link", name="traits.counts").click()
    counts = page.locator("select[name=trait_counts]")
    expect(counts).to_be_focused()
    expect(page.locator("select[name=trait_family]")).to_have_value("player")
    assert watched.barriers() == []
    counts.select_option("shots")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("player_shots_ft is created")
    page.get_by_role("link", name="History").click()
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("direct change of player_shots_ft")
    expect(row).to_contain_text("1 mapped")
    expect(row).to_contain_text("compared with the page of the bookmaker")
    (mapping,) = query(MAPPED, "player_shots_ft")
    traits, also = json.loads(mapping["traits"]), json.loads(mapping["also"])
    assert (traits["family"], traits["counts"], traits["exclusive"]) == ("player", "shots", True)
    assert (also[0]["free"], also[0]["grade"]) == (["variant"], "B")
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "MAPPED"}]
    assert [one for one in watched.faults if "400" not in one] == []
