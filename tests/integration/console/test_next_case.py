"""After a decision comes the next case of the list that the editor came from; a case says who works on it."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.services.console import ConsoleClient, ConsolePage

pytestmark = pytest.mark.services

OUTCOMES = {"Yes": "yes", "No": "no"}
OWNED = "INSERT INTO miss_case (source, external_market_id, owner) VALUES ($1, $2, $3)"


def case_links(page: ConsolePage, part: str = "") -> list[str]:
    """The links to cases of a page, or of the section that is labelled so."""
    text = page.text.partition(f'aria-labelledby="{part}"')[2].partition("</section>")[0]
    found = re.findall(r'href="(/case\?[^"]+)"', text if part else page.text)
    return list(dict.fromkeys(map(unescape, found)))


def market_of(path: str) -> str:
    return parse_qs(urlsplit(path).query)["market"][0]


def decided(client: ConsoleClient, path: str, decision: str) -> ConsolePage:
    """Decide about a case as its page does, with the fields of its form."""
    page = client.get(path)
    form = page.text.partition('action="/case/decide"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    fields = [(name, unescape(value)) for name, value in hidden]
    return client.post("/case/decide", [*fields, ("decision", decision), ("reason", "not sold")])


@pytest.fixture
def lists(
    miss: Callable[..., None], mapped: Callable[[str], int], suggest: Callable[..., None]
) -> None:
    """Four misses, the most urgent first; the last two have confident suggestions, the second one another."""
    version = mapped(BTTS)
    for number in range(4):
        miss("betpawa", f"70{number}", f"Pick {number}", ["Yes", "No"], count=100 - number * 10)
    for market in ("702", "703"):
        suggest("betpawa", market, version, OUTCOMES)
    suggest("betpawa", "701", version, OUTCOMES, rank=1)


@pytest.mark.usefixtures("lists")
def test_a_decision_leads_to_the_next_one_of_the_list_it_was_opened_from(
    client: ConsoleClient, query: ConsoleQuery
) -> None:
    query(
        "UPDATE suggestion SET is_confident = false, confidence = 0.0001 WHERE external_market_id = '701'"
    )
    sure = case_links(client.get("/"), "sure")
    assert [market_of(one) for one in sure] == ["702", "703"]
    answer = decided(client, sure[0], "ignore")
    assert market_of(answer.location) == "703"
    answer = decided(client, answer.location, "ignore")
    assert market_of(answer.location) == "701"
    page = client.get("/queue?order=confidence")
    assert [market_of(one) for one in case_links(page)] == ["701", "700"]
    assert "no confident suggestion" in page.seen
    assert 'class="sure"' not in page.text
    shown = client.get(answer.location)
    assert "not confident" in shown.seen
    assert 'data-key="Enter"' not in shown.text
    # What is looked at and not decided stays, and the next one is beyond it.
    urgent = case_links(client.get("/"), "urgent")
    assert [market_of(one) for one in urgent] == ["700", "701"]
    following = client.get(urgent[0]).text.partition("next case")[0].rpartition('href="')[2]
    path = unescape(following.partition('"')[0])
    assert market_of(path) == "701"
    assert 'data-key="n"' not in client.get(path).text


def test_a_decision_in_a_group_leads_to_the_next_one_of_the_group_and_then_back_to_the_groups(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    for market, name, count in (
        ("1", "Multi 1", 50),
        ("2", "Corners", 90),
        ("3", "Multi 2", 40),
        ("4", "Multi 3", 30),
    ):
        miss("bet9ja", market, name, count=count)
    groups = client.get("/queue?group=name&platform=bet9ja")
    multi = [one for one in case_links(groups) if market_of(one) != "2"]
    assert [market_of(one) for one in multi] == ["1", "3", "4"]
    answer = decided(client, multi[1], "ignore")
    assert market_of(answer.location) == "4"
    answer = decided(client, multi[0], "ignore")
    assert market_of(answer.location) == "4"
    assert "platform=bet9ja" in answer.location
    answer = decided(client, answer.location, "ignore")
    assert answer.location.startswith("/queue?platform=bet9ja&group=name")


def test_a_case_says_who_works_on_it_and_is_taken_given_back_and_taken_over(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "800", "Corners")
    path = "/case?source=sportybet&market=800"
    assert "Nobody works on this market." in client.get(path).seen
    taken = client.follow(decided(client, path, "take"))
    assert "You work on this market" in taken.seen
    assert 'value="take"' not in taken.text
    back = client.follow(decided(client, path, "release"))
    assert "Nobody works on this market." in back.seen
    query("DELETE FROM miss_case")
    query(OWNED, "sportybet", "800", "bob")
    held = client.get(path)
    assert "bob works on this market" in held.seen
    assert "take it over" in held.seen
    refused = decided(client, path, "take")
    assert refused.status == 409
    assert "bob works on sportybet 800" in refused.seen
    over = client.follow(decided(client, path, "take-over"))
    assert "You work on this market" in over.seen
    assert [one["owner"] for one in query("SELECT owner FROM miss_case")] == ["ada"]
