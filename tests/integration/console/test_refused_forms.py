"""A form that is refused comes back: with what was typed, and with each fault at its input."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleClient, ConsolePage, ConsoleRun

pytestmark = pytest.mark.services

CASE = "/case?source=sportybet&market=900"
ALARM = """
INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events,
    canonical_id_instead, outcomes_instead, reason)
VALUES ('btts', 'sportybet', 1, 'assignment', 1.9, 0.02, 12, 'btts', '{"Yes": "no"}', 'swapped')
RETURNING id
"""
VIEWPORTS = {"desktop": (1280, 800), "phone": (390, 780)}


class Input(NamedTuple):
    """A field of a page, as a person and a reader of screens meet it."""

    attributes: dict[str, str]

    @property
    def is_marked(self) -> bool:
        return self.attributes.get("aria-invalid") == "true"


class _Forms(HTMLParser):
    """The fields of each form of a page by its address; `form=` moves one into the form of that id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[Input]] = {}
        self.ids: set[str] = set()
        self._open = ""
        self._by_id: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "form":
            self._open = given.get("action", "")
            self._by_id[given.get("id", "")] = self._open
        elif tag in {"input", "select", "textarea"}:
            action = self._by_id.get(given.get("form", ""), self._open)
            if "form" not in given:
                action = self._open
            self.found.setdefault(action, []).append(Input(given))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = ""


def forms_of(page: ConsolePage) -> _Forms:
    found = _Forms()
    found.feed(page.text)
    return found


def hidden(page: ConsolePage, action: str) -> list[tuple[str, str]]:
    """What a form of the page sends without anybody typing."""
    return [
        (one.attributes["name"], one.attributes.get("value", ""))
        for one in forms_of(page).found[action]
        if one.attributes.get("type") == "hidden"
    ]


def marked(page: ConsolePage, action: str) -> Iterator[Input]:
    return (one for one in forms_of(page).found[action] if one.is_marked)


def send(client: ConsoleClient, where: str, action: str, **typed: str) -> ConsolePage:
    return client.post(action, [*hidden(client.get(where), action), *typed.items()])


def assert_comes_back(page: ConsolePage, action: str, name: str, words: str) -> None:
    """The input is marked, described by what is wrong, and reached from the summary."""
    (one,) = marked(page, action)
    assert one.attributes["name"] == name
    assert page.text.count('role="alert"') == 1
    assert f'href="#{one.attributes["id"]}"' in page.text
    assert one.attributes["aria-describedby"] in forms_of(page).ids
    assert words in page.seen
    ids = re.findall(r'\bid="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


def value_of(page: ConsolePage, action: str, name: str) -> str:
    return next(
        one.attributes.get("value", "")
        for one in forms_of(page).found[action]
        if one.attributes.get("name") == name
    )


def test_decisions_about_a_case_and_its_alarm_come_back_with_what_was_typed(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    query: ConsoleQuery,
) -> None:
    miss("sportybet", "900", "Corners")
    mapped(BTTS)
    without = send(client, CASE, "/case/decide", decision="snooze", hours="48")
    assert without.status == 400
    assert_comes_back(without, "/case/decide", "reason", "Say why: the reason is kept")
    assert value_of(without, "/case/decide", "hours") == "48"
    long = send(client, CASE, "/case/decide", decision="snooze", reason="wait", hours="9999")
    assert_comes_back(long, "/case/decide", "hours", "Snooze for 1 hour to 1 year.")
    assert value_of(long, "/case/decide", "reason") == "wait"
    # What came back can be sent as it is.
    fields = [*hidden(long, "/case/decide"), ("reason", "wait"), ("hours", "48")]
    assert client.post("/case/decide", [*fields, ("decision", "snooze")]).status == 303
    (alarm,) = query(ALARM)
    closed = send(client, f"/alarm?id={alarm['id']}", "/alarm/decide", decision="close", reason=" ")
    assert_comes_back(closed, "/alarm/decide", "reason", "Say why")
    switched = send(
        client,
        "/mapping?id=btts",
        "/mapping/switch",
        decision="delete",
        republish="yes",
        reason="r",
    )
    assert_comes_back(switched, "/mapping/switch", "republish", "Nothing was changed.")
    assert value_of(switched, "/mapping/switch", "reason") == "r"
    assert 'value="yes" checked' in switched.text


def test_the_queue_comes_back_with_its_filter_and_what_was_selected(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    for market in ("900", "901"):
        miss("sportybet", market, "Corners")
    miss("sportybet", "902", "Cards")
    queue = "/queue?q=Corners"
    none = send(client, queue, "/queue/decide", decision="ignore", reason="not sold")
    assert none.status == 400
    assert "Select at least one market." in none.seen
    assert "Cards" not in none.seen
    assert value_of(none, "/queue/decide", "reason") == "not sold"
    assert {one.attributes["name"] for one in marked(none, "/queue/decide")} == {"market"}
    without = send(client, queue, "/queue/decide", decision="ignore", market="sportybet|901")
    assert_comes_back(without, "/queue/decide", "reason", "Say why")
    (ticked,) = [
        one for one in forms_of(without).found["/queue/decide"] if "checked" in one.attributes
    ]
    assert ticked.attributes["value"] == "sportybet|901"
    view = send(client, queue, "/queue/view", decision="save", name="x" * 300)
    assert_comes_back(view, "/queue/view", "name", "A view has a name of 1 to")


def test_a_decision_about_what_is_gone_is_said_on_the_page_that_it_came_from(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    fields = hidden(client.get("/queue"), "/queue/decide")
    query("DELETE FROM unmapped_market_log")
    sent = [*fields, ("market", "sportybet|900"), ("decision", "ignore"), ("reason", "not sold")]
    gone = client.post("/queue/decide", sent)
    assert gone.status == 404
    assert "Nothing was changed." in gone.seen
    assert value_of(gone, "/queue/decide", "reason") == "not sold"


def test_a_page_that_is_gone_as_well_leaves_the_refusal_alone(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    fields = hidden(client.get(CASE), "/case/decide")
    query("DELETE FROM unmapped_market_log")
    gone = client.post("/case/decide", [*fields, ("decision", "ignore"), ("reason", "not sold")])
    assert (gone.status, "Not possible" in gone.seen) == (404, True)


@pytest.mark.parametrize(
    "where", ["/live", "/case/next", "//elsewhere.example/", "/sign-in", "/static/console.css"]
)
def test_only_a_page_of_the_console_comes_back(
    client: ConsoleClient, miss: Callable[..., None], where: str
) -> None:
    miss("sportybet", "900", "Corners")
    fields = dict(hidden(client.get(CASE), "/case/decide")) | {"here": where, "decision": "ignore"}
    answer = client.post("/case/decide", fields)
    assert answer.status == 400
    assert "Say why" in answer.seen


def test_the_editor_comes_back_as_it_was_sent_with_each_fault_at_its_input(
    client: ConsoleClient, miss: Callable[..., None], mapped: Callable[[str], int]
) -> None:
    mapped(BTTS)
    miss("sportybet", "900", "Corners", ["Over", "Under"])
    where = "/edit?source=sportybet&market=900"
    page = client.get(where)
    fields = [
        (one.attributes["name"], one.attributes.get("value", ""))
        for one in forms_of(page).found["/edit"]
        if one.attributes.get("type") != "checkbox" and one.attributes["name"] not in CHANGED
    ]
    sent = [
        *fields,
        ("canonical_id", "No Id!"),
        ("phase", "later"),
        ("rest", "{"),
        ("reason", "as on its page"),
    ]
    refused = client.post("/edit", sent)
    assert refused.status == 400
    assert [one.attributes["name"] for one in marked(refused, "/edit")] == ["rest"]
    assert value_of(refused, "/edit", "canonical_id") == "No Id!"
    assert value_of(refused, "/edit", "reason") == "as on its page"
    later = [*fields, ("canonical_id", "corners"), ("phase", "later"), ("reason", "r")]
    read = client.post("/edit", later)
    assert "phase" in [one.attributes["name"] for one in marked(read, "/edit")]
    taken = client.post("/edit", [*fields, ("canonical_id", "btts"), ("reason", "r")])
    assert taken.status == 409
    assert_comes_back(taken, "/edit", "canonical_id", "there is a mapping btts already")
    nowhere = client.get(f"{where}&into=nothing_like_it")
    assert nowhere.status == 404
    assert "There is no mapping nothing_like_it." in nowhere.seen
    assert 'id="edit-into-into" aria-invalid="true"' in nowhere.text


CHANGED = {"canonical_id", "phase", "rest", "reason"}


def test_the_check_next_to_the_editor_leads_to_the_input(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    miss("sportybet", "900", "Corners", ["Over", "Under"])
    page = client.get("/edit?source=sportybet&market=900")
    fields = [
        (one.attributes["name"], one.attributes.get("value", ""))
        for one in forms_of(page).found["/edit"]
        if one.attributes["name"] not in CHANGED
    ]
    checked = client.post("/edit/check", [*fields, ("canonical_id", "corners"), ("phase", "later")])
    assert '<li id="check-1"><a href="#edit-phase">scope.phase = "later"' in checked.text.replace(
        "&#34;", '"'
    )


def test_other_forms_come_back_as_well(client: ConsoleClient) -> None:
    explained = send(client, "/explain", "/explain", text="{", market="18")
    assert_comes_back(explained, "/explain", "text", "This is not JSON")
    assert value_of(explained, "/explain", "market") == "18"
    grid = send(client, "/bulk", "/bulk", grid="x", name="a name", decision="save")
    assert {one.attributes["name"] for one in marked(grid, "/bulk")} == {"grid", "reason"}
    assert value_of(grid, "/bulk", "name") == "a name"
    short = client.get("/history?q=ab")
    assert_comes_back(short, "/history", "q", "Search for 3 characters or more.")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("device", VIEWPORTS)
def test_from_the_summary_a_person_comes_to_the_input_by_keys(
    browser: Browser,
    console: ConsoleRun,
    miss: Callable[..., None],
    device: str,
    scripts: bool,
) -> None:
    miss("sportybet", "900", "Corners")
    width, height = VIEWPORTS[device]
    watched = WatchedPage(
        browser,
        console.address,
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
    )
    page = watched.page
    page.goto(CASE)
    page.get_by_label("Snooze for hours").fill("48")
    page.get_by_role("button", name="Snooze").click()
    expect(page.locator("#refused")).to_be_focused()
    if scripts:
        assert watched.barriers() == []
        assert watched.too_wide() <= 0
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Say why")).to_be_focused()
    page.keyboard.press("Enter")
    reason = page.get_by_label("Reason")
    expect(reason).to_be_focused()
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(reason).to_have_accessible_description("Say why: the reason is kept in the history.")
    page.keyboard.type("wait for the season")
    expect(page.get_by_label("Snooze for hours")).to_have_value("48")
    page.get_by_role("button", name="Snooze").click()
    expect(page.locator("[role=status]")).to_contain_text("is snoozed")
    assert [one for one in watched.faults if "400" not in one] == []


def test_what_the_check_says_marks_the_input_until_it_is_right(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None]
) -> None:
    miss("sportybet", "900", "Corners", ["Over", "Under"])
    watched = WatchedPage(browser, console.address, viewport={"width": 1280, "height": 800})
    page = watched.page
    page.goto("/edit?source=sportybet&market=900")
    field = page.get_by_label("Label of outcome 2 at sportybet")
    field.fill("Over")
    field.press("Tab")
    expect(page.locator("#check")).to_contain_text("is used twice")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("is used twice"))
    field.fill("Under")
    field.press("Tab")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert watched.faults == []
