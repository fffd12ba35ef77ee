"""The editor and a change set say what would become of the last observations, and publish them again."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas import REPLAY_HEADER
from tests.support.people.commands import command
from tests.support.services.console import ConsoleClient, ConsolePage, console_of
from tests.support.services.installation import Installation, until

pytestmark = pytest.mark.services

HOSTILE = "<b>Reds</b>"
MARKET = "900900"
FIELDS = [
    ("canonical_id", "corner_in_time"),
    ("name", "Corner in time"),
    ("line_kind", "none"),
    ("sportybet_id", MARKET),
    ("outcome", "yes"),
    ("sportybet_desc_label", "Yes"),
    ("outcome", "no"),
    ("sportybet_desc_label", "No"),
]
SWAPPED = [
    *FIELDS[:4],
    ("outcome", "yes"),
    ("sportybet_desc_label", "No"),
    ("outcome", "no"),
    ("sportybet_desc_label", "Yes"),
]


def observation() -> Any:
    return {
        "platform": "sportybet",
        "observed_at": datetime.now(UTC).isoformat(),
        "scrape_id": "s1",
        "event": {"id": "sr:match:1", "home": HOSTILE, "away": "Blues"},
        "markets": [
            {
                "id": MARKET,
                "desc": "Corner in time",
                "outcomes": [
                    {"id": "74", "desc": "Yes", "odds": "1.80", "isActive": 1},
                    {"id": "76", "desc": "No", "odds": "1.95", "isActive": 1},
                ],
            }
        ],
    }


def part(client: ConsoleClient, path: str, fields: list[tuple[str, str]] | None = None) -> Any:
    """What a page's script asks for: a part of a page."""
    page = (
        client.get(path, HX_Request="true")
        if fields is None
        else client.post(path, fields, HX_Request="true")
    )
    assert page.status == 200, page.seen
    assert HOSTILE not in page.text
    assert "<html" not in page.text
    return page.seen


async def replayed(client: ConsoleClient) -> ConsolePage:
    """The page of replays once nothing waits any more."""
    pages: list[ConsolePage] = []

    async def is_done() -> bool:
        pages.append(await asyncio.to_thread(client.get, "/replays"))
        return "not done yet" not in pages[-1].seen

    await until(is_done)
    return pages[-1]


async def test_a_change_is_foreseen_saved_published_again_and_a_draft_of_it_is_foreseen_too(
    installation: Installation,
) -> None:
    value = orjson.dumps(observation())
    await installation.publish([("observations.sportybet", b"sr:match:1", value, [])])
    with console_of(installation) as run:
        client = run.client()
        token = ("csrf", client.get("/edit").token)
        seen = part(client, "/edit/what-if", [token, *FIELDS])
        assert "Newly resolved: 1" in seen
        assert "corner_in_time" in seen
        assert HOSTILE in seen
        whole = client.post("/edit/what-if", [token, *FIELDS])
        assert "Go back in your browser" in whole.seen
        wrong = part(client, "/edit/what-if", [token, *FIELDS[1:]])
        assert "The mapping cannot be used" in wrong
        sent = [token, *FIELDS, ("reason", "as on the site"), ("republish", "yes")]
        saved = client.follow(client.post("/edit", sent))
        assert (
            "Events of the last 30 minutes that hold its markets are published again" in saved.seen
        )
        page = await replayed(client)
        assert "done" in page.seen, page.seen
        assert "backfill of corner_in_time: as on the site" in page.seen
        (record,) = await installation.consume("odds.resolved")
        assert REPLAY_HEADER in dict(record.headers)
        assert [one["canonical_id"] for one in orjson.loads(record.value or b"")["markets"]] == [
            "corner_in_time"
        ]
        version = client.get("/edit?id=corner_in_time").text
        seen_version = version.partition('name="version" value="')[2].partition('"')[0]
        into = [("into", "corner_in_time"), ("version", seen_version)]
        again = part(client, "/edit/what-if", [token, *FIELDS, *into])
        assert "No active mapping would change." in again
        drafted = [token, *SWAPPED, *into, ("reason", "swapped"), ("decision", "draft")]
        answer = client.post("/edit", drafted)
        number = answer.location.partition("id=")[2].partition("&")[0]
        seen = part(client, f"/change-set/what-if?id={number}")
        assert "Prices at other outcomes: 1" in seen
    said = await command(installation, "changes", "what-if", number, "--last", "1h", "--json")
    assert said.code == 0, said.stderr
    document = json.loads(said.stdout)
    assert document["counts"]["reassigned"] == 1
    assert document["mappings"] == ["corner_in_time"]


def test_without_brokers_the_page_says_why_it_foresees_and_publishes_nothing(
    client: ConsoleClient,
) -> None:
    token = ("csrf", client.get("/edit").token)
    assert "this console knows no brokers" in part(client, "/edit/what-if", [token, *FIELDS])
    sent = [token, *FIELDS, ("reason", "r"), ("republish", "yes")]
    answer = client.post("/edit", sent)
    assert answer.status == 503
    assert "Nothing was changed." in answer.seen
    assert client.get("/mapping?id=corner_in_time").status == 404
    assert client.get("/change-set/what-if?id=7").status == 404
