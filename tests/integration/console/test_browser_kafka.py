"""What a real browser does that needs Kafka: dead letters are sent back, and a change publishes again."""

import asyncio

import orjson
import pytest
from playwright.sync_api import expect

from tests.integration.console.test_explain_and_dead_letters import publish_letters
from tests.integration.console.test_what_if import MARKET, observation, replayed
from tests.support.services.browser import WatchedPage, chromium
from tests.support.services.console import console_of
from tests.support.services.installation import Installation

pytestmark = pytest.mark.services

WIDE = {"viewport": {"width": 1280, "height": 800}}


def decide(address: str) -> list[str]:
    """Send a letter back, and save a mapping whose events are published again; return faults of the page."""
    with chromium() as browser:
        watched = WatchedPage(browser, address, **WIDE)
        page = watched.page
        page.goto("/dead-letters?hours=1")
        page.get_by_label("Choose letter").first.check()
        page.get_by_role("button", name="Try it").click()
        expect(page.locator("[role=status]")).to_contain_text("1 letter would be sent back")
        page.get_by_label("Choose letter").first.check()
        page.get_by_label("Reason", exact=True).last.fill("read by this release")
        page.get_by_role("button", name="Send back").click()
        expect(page.locator("[role=status]")).to_contain_text("1 letter was sent back")
        page.goto("/edit")
        page.get_by_label("Canonical id").fill("corner_in_time")
        page.get_by_label("Name", exact=True).fill("Corner in time")
        page.get_by_label("Id at sportybet").fill(MARKET)
        for place, name in ((1, "yes"), (2, "no")):
            page.get_by_label(f"Outcome {place}", exact=True).fill(name)
            page.get_by_label(f"Label of outcome {place} at sportybet").fill(name.title())
        page.get_by_label("Reason").fill("as on its page")
        page.get_by_label("Publish the last 30 minutes again").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("[role=status]")).to_contain_text("are published again")
        return watched.faults


async def test_letters_are_sent_back_and_a_change_is_published_again_if_that_is_chosen(
    installation: Installation,
) -> None:
    await publish_letters(installation, count=2)
    value = orjson.dumps(observation())
    await installation.publish([("observations.sportybet", b"sr:match:1", value, [])])
    with console_of(installation) as run:
        assert await asyncio.to_thread(decide, run.address) == []
        page = await replayed(run.client())
        assert "backfill of corner_in_time: as on its page" in page.seen
    (record,) = await installation.consume("odds.resolved")
    markets = orjson.loads(record.value or b"")["markets"]
    assert [one["canonical_id"] for one in markets] == ["corner_in_time"]
