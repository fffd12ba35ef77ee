"""What people change together in a real browser: pasted, reviewed, taken back, refused, repaired."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.editing.watched import fill_watched
from tests.support.services.browser import WatchedPage
from tests.support.services.console import ConsoleRun, running_console
from worker.console.sign_in.users import hash_password
from worker.settings.console_users import ConsoleUser, write_users

pytestmark = pytest.mark.services

WIDE = {"viewport": {"width": 1280, "height": 800}}
SECRET = "correct horse battery"  # noqa: S105  (an example)
MANY = 50
HEAD = "platform\tmarket_id\tname\tlabel\tcanonical_id\toutcome"
ROLES = ("marketmap_editor", "marketmap_approver")
ALARM = """
INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events, canonical_id_instead,
    outcomes_instead, reason)
SELECT 'btts_ft', 'sportybet', max(id), 'assignment', 1.9, 0.02, 12, 'btts_ft', '{"yes": "yes", "no": "no"}',
    '1.90 from the odds of 12 events, and 0.02 with its labels assigned otherwise'
FROM mapping_audit_log WHERE canonical_id = 'btts_ft'
"""
STATUSES = "SELECT status, count(*) AS n FROM unmapped_market_log GROUP BY status"


@pytest.fixture
def two_logins(migrated: str, query: ConsoleQuery) -> Iterator[dict[str, str]]:
    """Addresses of a login that edits and of one that approves. They may do all else as well."""
    name = urlsplit(migrated).path[1:]
    addresses = {}
    for role in ROLES:
        if not query("SELECT FROM pg_roles WHERE rolname = $1", role):
            query(f"CREATE ROLE {role} NOLOGIN")
        login = f"{name}_{role}"
        query(f"CREATE ROLE {login} LOGIN SUPERUSER PASSWORD 'x'")
        address = urlsplit(migrated)
        place = address.netloc.rpartition("@")[2]
        addresses[role] = urlunsplit(address._replace(netloc=f"{login}:x@{place}"))
    yield addresses
    for role in ROLES:
        query(f"DROP ROLE {name}_{role}")


def signed_in(browser: Browser, run: ConsoleRun, name: str) -> WatchedPage:
    watched = WatchedPage(browser, run.address, **WIDE)
    watched.page.goto("/review")
    watched.page.get_by_label("Name").fill(name)
    watched.page.get_by_label("Password").fill(SECRET)
    watched.page.keyboard.press("Enter")
    expect(watched.page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    return watched


def paste(page: Page, lines: list[str], *, reason: str) -> None:
    page.goto("/bulk")
    page.locator("textarea[name=grid]").fill("\n".join([HEAD, *lines]))
    page.get_by_label("Name of the change set").fill("Pasted")
    page.get_by_label("Reason").fill(reason)


def open_change_set(page: Page, name: str) -> None:
    page.get_by_role("row").filter(has_text=name).get_by_role("link").first.click()


def test_with_four_eyes_a_second_person_approves_what_the_author_cannot(
    browser: Browser,
    migrated: str,
    two_logins: dict[str, str],
    tmp_path: Path,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    mapped(BTTS)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    query(
        "INSERT INTO review_policy (four_eyes, reason, actor, login) VALUES (true, 'audit', 'o', 'o')"
    )
    file = tmp_path / "users.txt"
    hashed = hash_password(SECRET)
    people = {name: ConsoleUser(name, ("editor", "approver"), hashed) for name in ("ann", "bob")}
    write_users(file, people)
    with running_console(
        migrated,
        console_sign_in="users",
        console_users_file=str(file),
        console_editor_database_url=two_logins["marketmap_editor"],
        console_approver_database_url=two_logins["marketmap_approver"],
    ) as run:
        ann, bob = signed_in(browser, run, "ann"), signed_in(browser, run, "bob")
        labels = {"Y": "yes", "N": "no"}
        rows = [f"bet9ja\tS_GGNG\tGG/NG\t{one}\tbtts\t{labels[one]}" for one in labels]
        paste(ann.page, rows, reason="as on its page")
        ann.page.get_by_role("button", name="Save and propose").click()
        expect(ann.page.locator("[role=status]")).to_contain_text("is proposed")
        ann.page.get_by_role("button", name="Approve", exact=True).click()
        expect(ann.page.get_by_text("cannot be approved")).to_be_visible()
        assert query(STATUSES) == [{"status": "NEW", "n": 1}]
        bob.page.goto("/review")
        expect(bob.page.get_by_text("Four eyes are required")).to_be_visible()
        open_change_set(bob.page, "Pasted")
        bob.page.get_by_role("button", name="Approve", exact=True).click()
        expect(bob.page.locator("[role=status]")).to_contain_text("is approved: 1 miss mapped")
    assert query(STATUSES) == [{"status": "MAPPED", "n": 1}]
    signed = query("SELECT created_by, approved_by FROM mapping_audit_log ORDER BY id DESC LIMIT 1")
    assert signed == [{"created_by": "ann", "approved_by": "bob"}]
    assert bob.faults == []


def test_fifty_pasted_markets_are_one_change_set_that_one_step_takes_back(
    browser: Browser, console: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    for number in range(MANY):
        miss("sportybet", str(900 + number), f"Pasted {number}", ["Odd", "Even"])
    rows = [
        f"sportybet\t{900 + number}\tPasted {number}\t{label}\tpasted_{number}\t{label.lower()}"
        for number in range(MANY)
        for label in ("Odd", "Even")
    ]
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    paste(page, [*rows, "sportybet\t1\tX\tOdd\tpasted_x\todd"], reason="odd and even")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("never missed")
    paste(page, rows, reason="odd and even")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text(f"{MANY} markets in {MANY} mappings")).to_be_visible()
    page.get_by_role("button", name="Save and propose").click()
    expect(page.locator("[role=status]")).to_contain_text("is proposed")
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text(f"is approved: {MANY} misses mapped")
    assert query(STATUSES) == [{"status": "MAPPED", "n": MANY}]
    page.goto("/history")
    page.get_by_label("Person").fill("ada")
    page.get_by_role("button", name="Show").click()
    open_change_set(page, "Pasted")
    page.get_by_label("Reason or comment").fill("it was another market")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("[role=status]")).to_contain_text("takes change set")
    assert query(STATUSES) == [{"status": "NEW", "n": MANY}]
    expect(page.get_by_role("heading", name=re.compile("Change set"))).to_be_visible()
    sets = query("SELECT id, state, reverts FROM change_set ORDER BY id")
    assert [one["state"] for one in sets] == ["REVERTED", "APPROVED"]
    assert [one["reverts"] for one in sets] == [None, sets[0]["id"]]
    assert watched.faults == [
        "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    ]


def test_swapped_labels_are_refused_by_the_prices(
    browser: Browser, console: ConsoleRun, migrated: str, query: ConsoleQuery
) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, fill_watched(migrated)).result()
    versions = "SELECT max(id) AS version FROM mapping_audit_log"
    before = query(versions)
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/edit?id=btts_ft")
    for place, label in ((1, "No"), (2, "Yes")):
        page.get_by_label(f"Label of outcome {place} at sportybet").fill(label)
    page.get_by_label("Reason").fill("as I think")
    expect(page.locator("#check")).to_contain_text("The prices contradict it")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("btts_ft at sportybet is")
    assert query(versions) == before
    expect(page.get_by_label("Save it against the prices")).to_be_visible()


def test_from_an_alarm_of_swapped_labels_one_step_leads_to_the_corrected_mapping(
    browser: Browser, console: ConsoleRun, migrated: str, query: ConsoleQuery
) -> None:
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, fill_watched(migrated)).result()
    read = "SELECT outcome_mapping FROM user_market_mappings WHERE canonical_id = 'btts_ft'"
    right = json.loads(query(read)[0]["outcome_mapping"])
    of_sportybet = [name for name in right[0] if name.startswith("sportybet")]
    swapped = [
        one | {name: other.get(name) for name in of_sportybet}
        for one, other in zip(right, reversed(right), strict=True)
    ]
    query(
        "UPDATE user_market_mappings SET outcome_mapping = $1 WHERE canonical_id = 'btts_ft'",
        json.dumps(swapped),
    )
    query(ALARM)
    watched = WatchedPage(browser, console.address, **WIDE)
    page = watched.page
    page.goto("/alarms")
    page.locator("[data-open]").click()
    page.get_by_role("link", name="Repair it").click()
    expect(page.get_by_label("Reason")).to_have_value(re.compile(r"alarm \d+: 1.90 from the odds"))
    expect(page.locator("#check")).to_contain_text("No fault")
    expect(page.locator("#check")).not_to_contain_text("The prices contradict it")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("[role=status]")).to_contain_text("btts_ft is changed")
    assert json.loads(query(read)[0]["outcome_mapping"]) == right
    page.goto("/alarms")
    page.locator("[data-open]").click()
    expect(page.get_by_text("Repaired, or changed otherwise")).to_be_visible()
    expect(page.get_by_role("link", name="Repair it")).to_have_count(0)
    page.get_by_role("link", name="What changed").click()
    expect(page.get_by_role("heading", name=re.compile("From version"))).to_be_visible()
    assert watched.faults == []
