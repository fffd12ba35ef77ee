"""Watched events: listed, and one of them with the prices of three bookmakers side by side."""

import asyncio
import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from tests.integration.console.conftest import (
    HOSTILE_MARKET,
    THREE_BOOKS,
    WATCHED,
    ConsoleQuery,
    in_thread,
)
from tests.support.editing.queue_rows import NOON
from tests.support.services.console import ConsoleClient
from worker.cli.main import app

pytestmark = pytest.mark.services

EVENT = "sr:match:7"
# Of a market that ships, the meaning is known.
AS_SHIPPED = THREE_BOOKS.replace("canonical_id: btts", "canonical_id: btts_ft")


def test_three_bookmakers_are_side_by_side_with_the_best_price_and_what_disagrees(
    client: ConsoleClient, mapped: Callable[[str], int], watch: Callable[..., None]
) -> None:
    mapped(THREE_BOOKS)
    watch(
        EVENT,
        HOSTILE_MARKET,
        betpawa={"Yes": 1.4, "No": 2.9},
        sportybet={"Yes": 1.41, "No": 2.85},
        bet9ja={"Y": 2.9, "N": 1.4},  # swapped
    )
    page = client.get(f"/event?id={EVENT}")
    assert page.status == 200, page.text
    for words in ("1 of 1 market at a line", "prices of 1 disagree", "2.9 best price", "2.85"):
        assert words in page.seen
    assert HOSTILE_MARKET in page.seen
    assert HOSTILE_MARKET not in page.text
    assert "1.41 best price" not in page.seen
    assert "Both Teams To Score" in client.get(f"/event?id={EVENT}&show=disagreeing").seen
    assert "No market matches." in client.get(f"/event?id={EVENT}&q=corners").seen


def test_an_event_shows_the_markets_of_one_bookmaker(
    client: ConsoleClient, mapped: Callable[[str], int], watch: Callable[..., None]
) -> None:
    mapped(THREE_BOOKS)
    watch(EVENT, betpawa={"Yes": 1.4, "No": 2.9}, sportybet={"Yes": 1.41, "No": 2.85})
    sold = client.get(f"/event?id={EVENT}&platform=betpawa")
    assert "Both Teams To Score" in sold.seen
    assert '<option value="betpawa" selected>' in sold.text
    # Next to the bookmaker's own prices stand those of the others.
    assert "2.85" in sold.seen
    assert "No market matches." in client.get(f"/event?id={EVENT}&platform=bet9ja").seen
    assert "Both Teams To Score" in client.get(f"/event?id={EVENT}&platform=nobody").seen


def test_a_price_that_is_too_old_is_shown_and_is_not_the_best(
    client: ConsoleClient, mapped: Callable[[str], int], watch: Callable[..., None]
) -> None:
    mapped(THREE_BOOKS)
    watch(
        EVENT,
        betpawa={"Yes": 1.4, "No": 2.9},
        sportybet={"Yes": 1.41, "No": 2.85},
        bet9ja={"Y": 2.9, "N": 1.4},
        old=["bet9ja"],
    )
    page = client.get(f"/event?id={EVENT}")
    assert "too old to compare" in page.seen
    assert "1.41 best price" in page.seen
    assert "prices of 0 disagree" in page.seen
    assert "No price disagrees." in client.get(f"/event?id={EVENT}&show=disagreeing").seen


def test_events_are_listed_and_searched_by_team(
    client: ConsoleClient, watch: Callable[..., None]
) -> None:
    assert "No event is watched." in client.get("/events").seen
    prices = {"Yes": 1.8, "No": 1.9}
    watch(EVENT, betpawa=prices, sportybet=prices)
    watch("sr:match:8", "Lions", betpawa=prices, sportybet=prices)
    watch("betpawa:9", "Alone", betpawa=prices)
    both = client.get("/events").seen
    assert "2 events" in both
    assert "Alone" not in both
    one = client.get("/events?q=lion").seen
    assert "sr:match:8" in one
    assert EVENT not in one
    assert "No watched event matches." in client.get("/events?q=nobody").seen


def test_what_a_bookmaker_contradicts_by_itself_is_shown_when_it_is_asked_for(
    client: ConsoleClient, mapped: Callable[[str], int], watch: Callable[..., None]
) -> None:
    mapped(AS_SHIPPED)
    watch(EVENT, betpawa={"Yes": 1.4, "No": 2.9}, sportybet={"Yes": 1.1, "No": 1.05})
    assert "/event/proofs?id=sr%3Amatch%3A7" in client.get(f"/event?id={EVENT}").text
    page = client.get(f"/event/proofs?id={EVENT}")
    assert "1 contradiction between prices of one bookmaker" in page.seen
    assert "sportybet btts_ft partition 2 outcomes, of which 1 wins, come to 1.86" in page.seen
    watch("sr:match:8", betpawa={"Yes": 1.4, "No": 2.9})
    assert "Nothing contradicts itself." in client.get("/event/proofs?id=sr:match:8").seen
    assert client.get("/event/proofs?id=sr:match:1").status == 404


def test_an_event_that_is_not_watched_or_cannot_be_read_is_said_to_be_so(
    client: ConsoleClient, query: ConsoleQuery
) -> None:
    missing = client.get("/event?id=sr:match:1")
    assert missing.status == 404
    assert "This event is not watched, or no longer." in missing.seen
    query(WATCHED, EVENT, "Reds", NOON, 2, b"nothing of ours")
    broken = client.get(f"/event?id={EVENT}")
    assert broken.status == 503
    assert "The prices of this event cannot be read." in broken.seen


def test_a_case_leads_to_the_events_of_its_examples(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("betpawa", "3795", "GG/NG")
    query(
        """INSERT INTO evidence_sample (subject, source, market, event, home, away, seen_at, prices, others)
        VALUES ('miss', 'betpawa', '3795', $1, 'Reds', 'Blues', $2, '[]', '[]')""",
        EVENT,
        NOON,
    )
    assert "/event?id=sr%3Amatch%3A7" in client.get("/case?source=betpawa&market=3795").text


def test_the_commands_show_the_same(
    migrated: str,
    mapped: Callable[[str], int],
    watch: Callable[..., None],
) -> None:
    mapped(AS_SHIPPED)
    watch(EVENT, betpawa={"Yes": 1.4, "No": 2.9}, sportybet={"Yes": 1.41, "No": 2.85})

    def run(*arguments: str) -> Result:
        given = {"MARKETMAP_DATABASE_URL": migrated}
        return in_thread(asyncio.to_thread(CliRunner(env=given).invoke, app, arguments))

    assert EVENT in run("events", "list").stdout
    table = run("events", "show", EVENT).stdout
    assert "1.41*" in table
    found = json.loads(run("events", "show", EVENT, "--json").stdout)
    of_one = json.loads(run("events", "show", EVENT, "--platform", "bet9ja", "--json").stdout)
    assert (len(found["markets"]), of_one["markets"]) == (1, [])
    (market,) = found["markets"]
    assert market["canonical_id"] == "btts_ft"
    assert {one["outcome"]: one["best"] for one in market["outcomes"]} == {
        "yes": ["sportybet"],
        "no": ["betpawa"],
    }
    assert json.loads(run("events", "proofs", EVENT, "--json").stdout) == []
    watch("sr:match:8", sportybet={"Yes": 1.1, "No": 1.05})
    assert "come to 1.86" in " ".join(run("events", "proofs", "sr:match:8").stdout.split())
    missing = run("events", "show", "sr:match:1")
    assert missing.exit_code == 1
    assert "is not watched" in missing.stderr
