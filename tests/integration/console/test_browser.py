"""People decide in a real browser: by keys, on a phone, without scripts, two at a time."""

import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.integration.console.conftest import BTTS, THREE_BOOKS, ConsoleQuery
from tests.support.editing.queue_rows import NOON
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleRun, running_console
from worker.console.sign_in.users import hash_password
from worker.domain.draft import slug
from worker.settings.console_users import ConsoleUser, write_users

pytestmark = pytest.mark.services

WIDE = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 780}, "device_scale_factor": 1}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SUGGESTED = """
INSERT INTO suggestion
    (source, external_market_id, rank, market_name, canonical_id, version, line_kind, outcomes, unmatched,
        evidence, events, likeness, confidence, is_confident, reason)
VALUES ('betpawa', $1, 1, $2, $3, $4, 'none', '{"Yes": "yes", "No": "no"}', '[]',
    '{}', 12, 0.9, $5, true, 'from other bookmakers 0.02 in 24 prices of 12 events')
"""
SAMPLE = """
INSERT INTO evidence_sample (subject, source, market, event, home, away, starts_at, seen_at, prices, others)
VALUES ('miss', 'betpawa', $1, $2, $3, $4, $5, $5, $6, $7)
"""
NAMES = (
    "Home Team To Score", "Away Team To Score", "Both Teams To Score - 1st Half",
    "Both Teams To Score - 2nd Half", "Penalty Awarded", "Red Card", "Own Goal", "Goal In Both Halves",
    "Home To Win To Nil", "Away To Win To Nil", "Clean Sheet Home", "Clean Sheet Away",
    "Goal In First 10 Minutes", "Goal In Last 10 Minutes", "Penalty Scored", "Penalty Missed",
    "Home To Win Either Half", "Away To Win Either Half", "Home To Win Both Halves",
    "Away To Win Both Halves",
)  # fmt: skip
NAMED = "SELECT canonical_id FROM user_market_mappings"
STATUSES = "SELECT status, count(*) AS n FROM unmapped_market_log GROUP BY status"


@pytest.fixture
def twenty(
    query: ConsoleQuery, miss: Callable[..., None], mapped: Callable[[str], int]
) -> list[str]:
    """Twenty missed markets of BetPawa, each with a confident suggestion; the most urgent first."""
    made = []
    for place, name in enumerate(NAMES):
        canonical_id, market = slug(name), str(4000 + place)
        version = mapped(
            BTTS.replace("btts", canonical_id)
            .replace("Both Teams To Score", name)
            .replace("29", str(9000 + place))
        )
        miss("betpawa", market, name, count=2000 - 50 * place)
        query(SUGGESTED, market, name, canonical_id, version, 0.99 - place / 200)
        prices = json.dumps([{"label": "Yes", "odds": 1.8}, {"label": "No", "odds": 1.95}])
        others = json.dumps(
            [
                {
                    "platform": "sportybet",
                    "canonical_id": canonical_id,
                    "outcome": "yes",
                    "odds": 1.83,
                },
                {
                    "platform": "sportybet",
                    "canonical_id": canonical_id,
                    "outcome": "no",
                    "odds": 1.91,
                },
            ]
        )
        for event, (home, away) in enumerate([("Rangers", "Enyimba"), ("Leopards", "Gor Mahia")]):
            query(SAMPLE, market, str(event), home, away, NOON, prices, others)
        made.append(market)
    return made


def statuses(query: ConsoleQuery) -> dict[str, int]:
    return {row["status"]: row["n"] for row in query(STATUSES)}


def test_twenty_markets_are_mapped_by_keys_alone_in_less_than_three_minutes(
    browser: Browser, console: ConsoleRun, twenty: list[str], query: ConsoleQuery
) -> None:
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/queue")
    begun_s = time.monotonic()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    for market in twenty:
        expect(page.locator("h1 .id")).to_have_text(market)
        press(page, "Enter")
    expect(page.get_by_text("No market waits for a decision.")).to_be_visible()
    took_s = time.monotonic() - begun_s
    assert statuses(query) == {"MAPPED": 20}
    assert took_s < 180
    assert watched.faults == []


def press(page: Page, key: str) -> None:
    """Press a key on the page that is being shown, once it has its script: the keys are those of a script."""
    page.wait_for_load_state()
    page.locator("body").press(key)


def on_the_first_row(page: Page, key: str) -> None:
    press(page, "j")
    expect(page.locator("tr.current")).to_have_count(1)
    press(page, key)


def test_rows_are_chosen_ignored_and_opened_again_by_keys(
    browser: Browser, console: ConsoleRun, twenty: list[str], query: ConsoleQuery
) -> None:
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/queue")
    for key in ("j", "x", "j", "j", "x", "k"):
        page.keyboard.press(key)
    assert page.locator("[data-rows] input:checked").count() == 2
    page.keyboard.press("i")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("sold by one bookmaker only")
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("2 markets are ignored")
    assert statuses(query) == {"NEW": 18, "IGNORED": 2}
    press(page, "u")
    expect(page.locator("[role=status]")).to_contain_text("2 markets are open again")
    assert statuses(query) == {"NEW": 20}
    press(page, "?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("penalty")
    expect(page.locator("[data-rows] tbody tr")).to_have_count(3)
    page.keyboard.press("Escape")
    on_the_first_row(page, "a")
    expect(page.locator("[role=status]")).to_contain_text("is taken")
    assert query("SELECT owner FROM miss_case") == [{"owner": "ada"}]
    on_the_first_row(page, "s")
    page.keyboard.type("next week")
    page.keyboard.press("Enter")
    expect(page.locator("[role=status]")).to_contain_text("is snoozed")
    on_the_first_row(page, "m")
    expect(page.get_by_label("Canonical id")).to_be_visible()
    assert watched.faults == []


def test_a_mapping_is_built_by_hand_and_the_page_says_what_saving_would_do(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corner In Time")
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/case?source=sportybet&market=900")
    page.keyboard.press("m")
    expect(page.locator("#check")).to_contain_text("Would be mapped: sportybet 900")
    page.get_by_label("Canonical id").fill("corner_in_time_ft")
    page.get_by_label("Outcome 1", exact=True).fill("")
    page.get_by_label("Label of outcome 1 at sportybet").press("Tab")
    expect(page.locator("#check")).to_contain_text("The mapping cannot be used")
    page.get_by_label("Outcome 1", exact=True).fill("yes")
    page.get_by_label("Reason").fill("labels compared")
    expect(page.locator("#check")).to_contain_text("No fault, no conflict")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("corner_in_time_ft is created")
    assert statuses(query) == {"MAPPED": 1}
    assert watched.faults == []


def test_a_market_of_players_becomes_a_draft_and_a_deletion_is_undone(
    browser: Browser,
    console: ConsoleRun,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    query: ConsoleQuery,
) -> None:
    mapped(BTTS)
    miss("sportybet", "40", "Anytime Goalscorer", ["Antuna, Uriel (Pumas UNAM)", "No Goal"])
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/case?source=sportybet&market=40")
    page.keyboard.press("p")
    expect(page.get_by_label("Label of outcome 1 at sportybet")).to_have_value("{player}")
    expect(page.locator("#check")).to_contain_text("Would be mapped: sportybet 40")
    page.get_by_label("Reason").fill("as on its page")
    page.get_by_role("button", name="Save as draft").click()
    expect(page.locator("[role=status]")).to_contain_text(
        "A draft of anytime_goalscorer waits for a reviewer"
    )
    assert statuses(query) == {"NEW": 1}
    press(page, "u")
    expect(page.locator("[role=status]")).to_contain_text("withdrawn")
    page.goto("/mapping?id=btts")
    page.get_by_label("Reason").fill("not sold")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("[role=status]")).to_contain_text("btts is deleted")
    press(page, "u")
    expect(page.locator("[role=status]")).to_contain_text("is undone")
    assert [one["canonical_id"] for one in query(NAMED)] == ["btts"]
    assert watched.faults == []


def test_names_that_hold_markup_run_nothing(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None]
) -> None:
    miss("sportybet", "900", HOSTILE, [HOSTILE])
    watched = WatchedPage(browser, console.address, **WIDE)
    for path in (
        "/",
        "/queue",
        "/case?source=sportybet&market=900",
        "/edit?source=sportybet&market=900",
    ):
        watched.page.goto(path)
        assert watched.page.locator("main img, main script").count() == 0
    assert watched.faults == []


def test_of_two_editors_on_one_case_the_second_sees_that_it_is_decided(
    browser: Browser, console: ConsoleRun, twenty: list[str]
) -> None:
    first = WatchedPage(browser, console.address, **WIDE)
    second = WatchedPage(browser, console.address, **WIDE)
    path = f"/case?source=betpawa&market={twenty[0]}"
    for one in (first, second):
        one.page.goto(path)
    first.page.keyboard.press("Enter")
    expect(first.page.locator("[role=status]")).to_contain_text("is changed")
    expect(second.page.locator("#changed")).to_be_visible()
    press(second.page, "Enter")
    expect(second.page.get_by_text("Somebody else was first")).to_be_visible()


def test_everything_is_read_and_decided_without_scripts(
    browser: Browser, console: ConsoleRun, twenty: list[str], query: ConsoleQuery
) -> None:
    page = WatchedPage(browser, console.address, java_script_enabled=False, **WIDE).page
    page.goto("/queue")
    page.get_by_label("Search").fill("Red Card")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="4005", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Red Card")
    page.get_by_role("button", name="Accept").click()
    expect(page.locator("[role=status]")).to_contain_text("betpawa 4005 is mapped now.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[role=status]")).to_contain_text("is undone")
    assert statuses(query) == {"NEW": 20}


# Each market has been missed 30 to 50 times a day for five days.
DAYS = """
WITH older AS (
    UPDATE unmapped_market_log
    SET occurrence_count = 200 + id, first_seen_at = now() - interval '20 days', last_seen_at = now()
    RETURNING id, occurrence_count
)
INSERT INTO miss_day (miss_id, day, occurrences, taken_at)
SELECT id, current_date - days_ago, occurrence_count - days_ago * (30 + (id + days_ago) % 10),
    now() - make_interval(days => days_ago)
FROM older CROSS JOIN generate_series(1, 5) AS days_ago
"""


def test_a_session_that_ends_while_a_page_is_open_decides_nothing(
    browser: Browser,
    migrated: str,
    tmp_path: Path,
    miss: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    miss("sportybet", "900", "Corners")
    file = tmp_path / "users.txt"
    secret = "correct horse battery"  # noqa: S105  (an example)
    write_users(file, {"ada": ConsoleUser("ada", ("editor",), hash_password(secret))})
    with running_console(migrated, console_sign_in="users", console_users_file=str(file)) as run:
        watched = WatchedPage(browser, run.address, **WIDE)
        page = watched.page
        page.goto("/case?source=sportybet&market=900")
        assert watched.barriers() == []
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill(secret)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Corners")
        other = watched.context.new_page()
        other.goto("/")
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        page.get_by_role("button", name="Take").click()
        expect(page.get_by_text("Your session has ended")).to_be_visible()
    assert statuses(query) == {"NEW": 1}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_every_page_can_be_used_by_everybody_and_is_pictured(
    browser: Browser,
    console: ConsoleRun,
    twenty: list[str],
    query: ConsoleQuery,
    mapped: Callable[[str], int],
    watch: Callable[..., None],
    scheme: Any,
    device: str,
) -> None:
    mapped(THREE_BOOKS)
    watch("sr:match:7", betpawa={"Yes": 1.4, "No": 2.9}, bet9ja={"Y": 2.9, "N": 1.4})
    query(
        """INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events,
        canonical_id_instead, outcomes_instead, reason)
        VALUES ('home_team_to_score', 'sportybet', 1, 'assignment', 1.9, 0.02, 12, 'home_team_to_score',
        '{"Yes": "no", "No": "yes"}', 'contradicted: the outcomes are swapped')"""
    )
    query(DAYS)
    (alarm,) = query("SELECT id FROM alarm")
    options = WIDE if device == "desktop" else PHONE
    watched = WatchedPage(browser, console.address, color_scheme=scheme, **options)
    pages = {
        "home": "/",
        "queue": "/queue",
        "groups": "/queue?group=name",
        "case": f"/case?source=betpawa&market={twenty[0]}",
        "editor": f"/edit?source=betpawa&market={twenty[0]}&into=home_team_to_score",
        "editor of players": f"/edit?source=betpawa&market={twenty[0]}&players=yes",
        "mappings": "/mappings",
        "mapping": "/mapping?id=home_team_to_score",
        "alarms": "/alarms",
        "alarm": f"/alarm?id={alarm['id']}",
        "events": "/events",
        "event": "/event?id=sr:match:7",
        "explain": "/explain",
        "refusal": "/nowhere",
    }
    pictures = os.environ.get("MARKETMAP_PICTURES")
    for name, path in pages.items():
        watched.page.goto(path)
        if name == "editor":
            expect(watched.page.locator("#check")).to_contain_text("Would be mapped")
        assert watched.barriers() == [], name
        assert watched.too_wide() <= 0, name
        if pictures and name in {"queue", "case"} and (scheme, device) != ("dark", "phone"):
            file = Path(pictures) / f"console-{name}-{scheme}-{device}.png"
            watched.page.screenshot(path=file)
    assert [fault for fault in watched.faults if "404" not in fault] == []


class HeldRequests:
    """Requests of a page that are on their way until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._held: list[Route] | None = []
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        if self._held is None:
            route.continue_()
        else:
            self._held.append(route)

    def let_go(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


def test_a_list_that_is_read_again_can_be_read_meanwhile(
    browser: Browser, console: ConsoleRun, twenty: list[str]
) -> None:
    watched = WatchedPage(browser, console.address, color_scheme="dark", **PHONE)
    watched.page.goto("/queue")
    requests = HeldRequests(watched.page, "**/queue?*")
    with watched.page.expect_request("**/queue?*"):
        watched.page.get_by_label("Bookmaker").select_option("sportybet")
    expect(watched.page.locator("form.filters[role=search]")).to_have_class(
        re.compile("htmx-request")
    )
    assert watched.barriers() == []
    # What the list asks for by itself meanwhile is answered, too.
    requests.let_go()
    expect(watched.page.locator("form.filters[role=search]")).not_to_have_class(
        re.compile("htmx-request")
    )
    assert twenty[0] not in watched.page.content()


def test_a_key_that_is_held_accepts_only_what_was_seen(
    browser: Browser, console: ConsoleRun, twenty: list[str], query: ConsoleQuery
) -> None:
    page = WatchedPage(browser, console.address, **WIDE).page
    page.goto(f"/case?source=betpawa&market={twenty[0]}")
    page.keyboard.down("Enter")
    expect(page.locator("h1 .id")).to_have_text(twenty[1])
    page.wait_for_load_state()  # the keys are those of a script
    for _ in range(5):
        page.keyboard.down("Enter")  # the second time and later it is a repetition
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("h1 .id")).to_have_text(twenty[1])
    assert statuses(query) == {"MAPPED": 1, "NEW": 19}
    page.keyboard.up("Enter")
    page.goto(f"/case?source=betpawa&market={twenty[1]}")
    page.keyboard.press("Enter")
    expect(page.locator("h1 .id")).to_have_text(twenty[2])


def open_and_listen(page: Page, path: str) -> None:
    """Open a page and wait until it is told of what changes from now on."""
    with page.expect_response("**/live?*"):
        page.goto(path)


def test_a_row_that_is_selected_while_the_list_loads_itself_again_stays_selected(
    browser: Browser, console: ConsoleRun, twenty: list[str], mapped: Callable[[str], int]
) -> None:
    page = WatchedPage(browser, console.address, **WIDE).page
    open_and_listen(page, "/queue")
    requests = HeldRequests(page, "**/queue?*")
    with page.expect_request("**/queue?*"):
        mapped(BTTS)
    page.locator("[data-rows] tbody input").first.check()
    requests.let_go()
    expect(page.locator("#changed")).to_be_visible()
    assert page.locator("[data-rows] input:checked").count() == 1


def test_a_list_that_loads_itself_again_says_so(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None], mapped: Callable[[str], int]
) -> None:
    """What no person asked for does not prolong a session."""
    page = WatchedPage(browser, console.address, **WIDE).page
    open_and_listen(page, "/queue")
    with page.expect_request(lambda one: one.headers.get("hx-request") == "true") as by_itself:
        mapped(BTTS)
    assert by_itself.value.headers["x-live"] == "true"
    with page.expect_request(lambda one: one.headers.get("hx-request") == "true") as asked:
        page.get_by_role("button", name="Show").click()
    assert "x-live" not in asked.value.headers
