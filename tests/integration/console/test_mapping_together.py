"""A group of missed markets, of every bookmaker that has it, becomes one mapping in the editor."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.console.conftest import ConsoleQuery
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleClient, ConsoleRun

pytestmark = pytest.mark.services

WIDE = {"viewport": {"width": 1280, "height": 1000}}
STATUSES = "SELECT source, status FROM unmapped_market_log ORDER BY source, external_market_id"
MAPPED = "SELECT sportybet_id, betpawa_id, outcome_mapping, also FROM user_market_mappings"


@pytest.fixture
def group(miss: Callable[..., None]) -> None:
    """One name at two bookmakers, one of which sells it twice."""
    miss("sportybet", "800", "Corner In Minute 1", ["Yes", "No"], count=9)
    miss("sportybet", "801", "Corner In Minute 2", ["Yes", "No"], count=5)
    miss("betpawa", "77", "Corner In Minute 1", ["Yes", "Nein"])


@pytest.mark.usefixtures("group")
def test_a_group_is_mapped_as_one_with_the_ids_and_labels_of_every_bookmaker(
    browser: Browser, console: ConsoleRun, query: ConsoleQuery
) -> None:
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/queue?group=name")
    assert watched.barriers() == []
    page.get_by_role("link", name="Map these: corner in minute # of sportybet").click()
    expect(page.get_by_label("Id at sportybet")).to_have_value("800")
    expect(page.get_by_label("Id at betpawa")).to_have_value("77")
    expect(page.get_by_label("Market of further id 1")).to_have_value("801")
    expect(page.get_by_label("Label of outcome 1 at betpawa")).to_have_value("Yes")
    assert watched.barriers() == []
    page.get_by_label("Canonical id").fill("corner_in_minute")
    page.get_by_label("Outcome of Nein at betpawa").select_option("no")
    expect(page.get_by_label("Label of outcome 2 at betpawa")).to_have_value("Nein")
    expect(page.locator("#check")).to_contain_text("betpawa 77")
    page.get_by_label("Reason").fill("the same at both")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("corner_in_minute is created")
    assert {one["status"] for one in query(STATUSES)} == {"MAPPED"}
    (row,) = query(MAPPED)
    assert (row["sportybet_id"], row["betpawa_id"]) == ("800", "77")
    assert watched.faults == []


@pytest.mark.usefixtures("group")
def test_selected_rows_are_mapped_together_and_a_link_that_is_wrong_says_so(
    client: ConsoleClient, query: ConsoleQuery
) -> None:
    page = client.get("/queue")
    fields = [("csrf", page.token), ("market", "betpawa|77"), ("market", "sportybet|800")]
    opened = client.post("/queue/decide", [*fields, ("decision", "map"), ("query", "q=corner")])
    assert opened.status == 303
    editor = client.get(opened.location)
    assert "For betpawa 77 sportybet 800" in editor.seen, editor.seen
    assert 'href="/queue?q=corner"' in editor.text
    # What is refused keeps the markets that it is for.
    draft = [
        ("csrf", editor.token),
        *(("m", one) for one in ("betpawa:77", "sportybet:800")),
        ("canonical_id", "corner"),
    ]
    refused = client.post("/edit", draft)
    assert refused.status == 400
    assert "For betpawa 77 sportybet 800" in refused.seen
    for link, says, status in (
        ("m=betpawa:77&m=betpawa:78", "These markets were never missed. betpawa 78", 404),
        ("m=betpawa", "A market is named as bookmaker:id", 400),
        ("m=:77", "A market is named as bookmaker:id", 400),
        ("&".join(f"m=betpawa:{one}" for one in range(51)), "At most 50 markets", 400),
    ):
        answer = client.get(f"/edit?{link}")
        assert (answer.status, says in answer.seen) == (status, True), answer.seen


@pytest.mark.usefixtures("group")
def test_a_group_or_selected_rows_become_a_grid_in_which_each_is_decided_for_itself(
    browser: Browser, console: ConsoleRun, client: ConsoleClient
) -> None:
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/queue?group=name")
    page.get_by_role("link", name="As a grid: corner in minute # of sportybet").click()
    grid = page.get_by_label("Grid")
    expect(grid).to_have_value(re.compile("sportybet\\t800\\t.*sportybet\\t801\\t", re.DOTALL))
    assert "betpawa" not in grid.input_value()
    assert watched.barriers() == []
    fields = [("csrf", client.get("/queue").token), ("market", "betpawa|77"), ("decision", "grid")]
    opened = client.post("/queue/decide", fields)
    assert (opened.status, opened.location) == (303, "/bulk?m=betpawa%3A77")
    assert "betpawa\t77\tCorner In Minute 1\tNein" in client.get(opened.location).text
    assert client.get("/bulk?m=betpawa:78").status == 404
    assert watched.faults == []
