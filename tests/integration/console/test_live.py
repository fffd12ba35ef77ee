"""An open page is told of what has changed since it was made: once, and not of what was decided on it."""

import http.client
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.integration.console.conftest import BTTS
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleClient, ConsolePage, ConsoleRun

pytestmark = pytest.mark.services


def number_of(page: ConsolePage) -> int:
    """The number of the last change that a page was made from."""
    found = re.search(r'<body data-live="(\d+)">', page.text)
    assert found is not None, page.text
    return int(found[1])


def first_event(console: ConsoleRun, since: int, last_id: int | None = None) -> int:
    """The number of the first change after this one."""
    where = urlsplit(console.address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=60)
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    try:
        connection.request("GET", f"/live?since={since}", headers=headers)
        answer = connection.getresponse()
        while not (line := answer.readline()).startswith(b"data: "):
            assert line, "the stream has ended"
        return int(line.removeprefix(b"data: "))
    finally:
        connection.close()


def decide(client: ConsoleClient, decision: str) -> ConsolePage:
    page = client.get("/case?source=betpawa&market=3795")
    fields = {"csrf": page.token, "source": "betpawa", "market": "3795", "decision": decision}
    return client.post("/case/decide", fields)


def test_the_page_after_a_decision_is_told_of_the_next_change_only(
    client: ConsoleClient,
    console: ConsoleRun,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
) -> None:
    version = mapped(BTTS)
    undo = {"canonical_id": "btts", "version": str(version), "back": "/queue"}
    made = client.post("/undo", {"csrf": client.get("/queue").token, **undo})
    after = number_of(client.follow(made))
    miss("bet9ja", "S_X", "Cards")
    # The console has looked at the database since then, and found nothing but the missed market.
    assert first_event(console, after) == after + 1


def test_what_has_changed_before_the_stream_was_open_is_told_at_once(
    client: ConsoleClient, console: ConsoleRun, miss: Callable[..., None]
) -> None:
    miss("betpawa", "3795", "GG/NG")
    number = number_of(client.get("/queue"))
    decide(client, "take")
    now = number_of(client.get("/queue"))
    assert first_event(console, number) == now > number
    # A stream that is opened again says how far it came, and the page what it was made from.
    decide(client, "release")
    assert first_event(console, number, last_id=now) > now


def test_in_a_browser_a_change_between_page_and_stream_is_seen_and_an_own_one_is_not_news(
    browser: Browser, console: ConsoleRun, client: ConsoleClient, miss: Callable[..., None]
) -> None:
    miss("betpawa", "3795", "GG/NG")
    page = WatchedPage(browser, console.address, viewport={"width": 1280, "height": 800}).page
    page.goto("/case?source=betpawa&market=3795")
    with page.expect_response("**/live?*"):
        page.get_by_role("button", name="Take").click()
    shown = page.locator("#changed")
    expect(page.get_by_role("button", name="Release")).to_be_visible()
    expect(shown).to_be_hidden()

    def decided_meanwhile(route: Route) -> None:
        decide(client, "release")
        route.continue_()

    page.route("**/live?*", decided_meanwhile)
    page.reload()
    expect(shown).to_be_visible()
