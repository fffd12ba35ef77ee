"""Labels without an outcome are paired in the editor: by choosing, by dragging, and without scripts."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleClient, ConsoleRun

pytestmark = pytest.mark.services

HOSTILE = "<img src=x onerror=alert(1)>"
WIDE = {"viewport": {"width": 1280, "height": 1000}}
MAPPED = """
SELECT outcome_mapping -> 0 ->> 'betpawa_name' AS first, outcome_mapping -> 1 ->> 'betpawa_name' AS second
FROM user_market_mappings WHERE canonical_id = 'btts'
"""
PATH = "/edit?source=betpawa&market=3795&into=btts"


@pytest.fixture
def loose(mapped: Callable[[str], int], miss: Callable[..., None]) -> None:
    """A missed market of BetPawa, whose labels the mapping does not have yet."""
    mapped(BTTS)
    miss("betpawa", "3795", "GG/NG", ["Ja", "Nein", HOSTILE])


@pytest.mark.usefixtures("loose")
def test_labels_are_paired_by_keys_and_by_dragging_and_saved(
    browser: Browser, console: ConsoleRun, query: ConsoleQuery
) -> None:
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto(PATH)
    loose = page.locator("#pairing li")
    expect(loose).to_have_count(3)
    assert page.locator("#pairing img").count() == 0
    expect(page.locator("#check")).to_contain_text("knows none of the labels")
    assert watched.barriers() == []
    # By keys alone: the choice of the first label, its outcome by the first letter.
    page.get_by_label("Outcome of Ja at betpawa").focus()
    page.keyboard.type("yes")
    expect(loose).to_have_count(2)
    expect(page.get_by_label("Label of outcome 1 at betpawa")).to_have_value("Ja")
    expect(page.get_by_label("Outcome of Nein at betpawa")).to_be_focused()
    expect(page.locator("#check")).to_contain_text("Would be mapped: betpawa 3795")
    expect(page.locator("#check #what-if")).to_contain_text("this console knows no brokers")
    expect(page.locator("#check")).to_contain_text("Would be mapped: betpawa 3795")
    target = page.get_by_label("Label of outcome 2 at sportybet")
    loose.filter(has_text="Nein").drag_to(target)
    expect(page.get_by_label("Label of outcome 2 at betpawa")).to_have_value("Nein")
    expect(target).to_have_value("No")
    expect(loose).to_have_count(1)
    page.get_by_label("Reason").fill("labels compared")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("btts is changed")
    assert query(MAPPED) == [{"first": "Ja", "second": "Nein"}]
    assert watched.faults == []


@pytest.mark.usefixtures("loose")
def test_labels_are_paired_without_scripts(
    browser: Browser, console: ConsoleRun, query: ConsoleQuery
) -> None:
    page = WatchedPage(browser, console.address, java_script_enabled=False, **WIDE).page
    page.goto(PATH)
    page.get_by_label("Outcome of Ja at betpawa").select_option("no")
    page.get_by_role("button", name="Put them into the table").click()
    expect(page.get_by_label("Label of outcome 2 at betpawa")).to_have_value("Ja")
    expect(page.locator("#pairing li")).to_have_count(2)
    # What is chosen when the form is saved is paired, too.
    page.get_by_label("Outcome of Nein at betpawa").select_option("yes")
    page.get_by_label("Reason").fill("labels compared")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("btts is changed")
    assert query(MAPPED) == [{"first": "Nein", "second": "Ja"}]


@pytest.mark.usefixtures("loose")
def test_a_label_for_an_outcome_that_has_one_is_refused_and_stays_loose(
    client: ConsoleClient,
) -> None:
    page = client.get(PATH)
    assert HOSTILE not in page.text
    fields = [
        ("csrf", page.token),
        ("canonical_id", "btts"),
        ("name", "Both"),
        ("betpawa_id", "3795"),
        ("outcome", "yes"),
        ("betpawa_name_label", "Ja"),
        ("pair", "0"),
        ("pair_column", "betpawa_name"),
        ("pair_label", "Nein"),
    ]
    answer = client.post("/edit/pair", fields)
    assert answer.status == 400
    assert 'has the label "Ja" already' in answer.seen, answer.seen
    assert 'data-label="Nein"' in answer.text


def test_the_line_rule_says_what_it_reads_from_samples_and_recent_reasons_are_offered(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(BTTS)
    query(
        """INSERT INTO unmapped_market_log (source, external_market_id, market_name, sample_outcomes,
        first_seen_at, last_seen_at, occurrence_count, status, reason)
        VALUES ('sportybet', '18', 'Over/Under', $1, now(), now(), 1, 'NEW', 'UNKNOWN_MARKET')""",
        """[{"label": "Over 2.5", "qualifier": "total=2.5", "odds": "1.8"},
        {"label": "Under 2.5", "qualifier": "total=two", "odds": "1.8"}]""",
    )
    page = client.get("/edit")
    assert '<option value="to begin with">' in page.text
    fields = [
        ("csrf", page.token),
        ("canonical_id", "total_goals"),
        ("name", "Total"),
        ("sportybet_id", "18"),
        ("outcome", "over"),
        ("sportybet_desc_label", "Over"),
    ]
    with_line = client.post("/edit/check", [*fields, ("line_kind", "total")]).seen
    assert "total=2.5 line 2.5" in with_line, with_line
    assert "total=two total is not a line" in with_line
    without = client.post("/edit/check", [*fields, ("line_kind", "none")]).seen
    assert "total=2.5 another market" in without
