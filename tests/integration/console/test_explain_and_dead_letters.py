"""A pasted payload is explained, and dead letters of a real topic are counted and shown."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.console.conftest import BTTS
from tests.support.records import TOPIC_ID, FakeRecord
from tests.support.services.console import ConsoleClient, running_console
from tests.support.services.installation import Installation
from worker.console.sign_in.users import hash_password
from worker.ingest.planning.encode import Encoder
from worker.settings.console_users import ConsoleUser, write_users

pytestmark = pytest.mark.services

SECRET = "correct horse battery"  # noqa: S105  (an example)
OBSERVATION = {
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00Z",
    "scrape_id": "s1",
    "event": {"id": "sr:match:1", "home": "<b>Reds</b>", "away": "Blues"},
    "markets": [
        {
            "id": "29",
            "desc": "GG/NG",
            "outcomes": [
                {"id": "74", "desc": "Yes", "odds": "1.80", "isActive": 1},
                {"id": "76", "desc": "Perhaps", "odds": "1.95", "isActive": 1},
            ],
        }
    ],
}


def explained(client: ConsoleClient, text: str, market: str) -> Any:
    token = client.get("/explain").token
    return client.post("/explain", {"csrf": token, "text": text, "market": market})


def test_a_pasted_observation_is_explained_by_the_mappings_in_use(
    client: ConsoleClient, mapped: Any
) -> None:
    mapped(BTTS)
    page = explained(client, json.dumps(OBSERVATION), "29")
    assert page.status == 200, page.seen
    assert "<b>Reds</b>" in page.seen
    assert "<b>Reds" not in page.text
    for words in ("btts", "MATCHED", "UNKNOWN_LABEL", "Missed: 29"):
        assert words in page.seen


@pytest.mark.parametrize(
    ("text", "market", "fault"),
    [
        ("{", "29", "This is not JSON"),
        ("[1]", "29", "."),
        (
            json.dumps(OBSERVATION | {"observed_at": "yesterday"}),
            "29",
            "A worker would not read it",
        ),
        (json.dumps(OBSERVATION), "30", "It has no market 30."),
        (" ", "29", "Give a market, and an observation or the bookmaker."),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_sentence(
    client: ConsoleClient, text: str, market: str, fault: str
) -> None:
    page = explained(client, text, market)
    assert page.status == 400
    assert fault in page.seen
    assert "failed to make this page" not in page.seen


def test_without_a_payload_the_last_watched_observation_of_the_market_is_explained(
    client: ConsoleClient, mapped: Callable[[str], int], watch: Callable[..., None]
) -> None:
    mapped(BTTS)
    watch("sr:match:7", betpawa={"Yes": 1.4, "No": 2.9}, sportybet={"Yes": 1.8, "Perhaps": 1.95})
    link = "/explain?platform=sportybet&amp;market=29"
    assert link in client.get("/mapping?id=btts").text
    page = client.get(link.replace("&amp;", "&"))
    assert page.status == 200, page.seen
    for words in ("watched event", "Reds – Blues", "MATCHED", "UNKNOWN_LABEL", "btts yes", "1.8"):
        assert words in page.seen
    fields = {"csrf": page.token, "text": " ", "platform": "sportybet", "market": "29"}
    assert "Reds – Blues" in client.post("/explain", fields).seen


def test_of_a_market_that_no_watched_event_sells_the_sample_of_its_miss_is_explained(
    client: ConsoleClient, mapped: Callable[[str], int], miss: Callable[..., None]
) -> None:
    mapped(BTTS)
    miss("sportybet", "29", "GG/NG", ["Yes", "<i>Perhaps"])
    link = "/explain?platform=sportybet&amp;market=29"
    assert link in client.get("/case?source=sportybet&market=29").text
    page = client.get(link.replace("&amp;", "&"))
    for words in ("As it was last missed", "MATCHED", "UNKNOWN_LABEL", "<i>Perhaps"):
        assert words in page.seen
    assert "<i>" not in page.text


def test_of_a_market_of_which_nothing_is_stored_the_page_says_so(client: ConsoleClient) -> None:
    for market in ("4242", "<b>", "29?total=2.5", "18?@basketball"):
        page = client.get(f"/explain?platform=sportybet&market={quote(market)}")
        assert page.status == 404
        assert f"Nothing is stored of market {market} at sportybet" in page.seen
    assert "Nothing is stored" not in client.get("/explain?platform=elsewhere&market=29").seen


async def publish_letters(installation: Installation, count: int = 3) -> None:
    """Letters of records that a worker could not read, as it writes them."""
    encoder = Encoder(
        resolved_topic="r", dead_topic="d", group="g", max_bytes=2**20, max_dead_bytes=2**16
    )
    letters = []
    for offset in range(count):
        topic = installation.settings.topics.observations["sportybet"]
        record = FakeRecord(topic=topic, offset=offset, key=b"k", value=b"<i>%d" % offset)
        made = encoder.dead(f"{TOPIC_ID}/0/{offset}", record, "INVALID_JSON", "<u>no value")
        letters.append(("observations.dead", made.key, made.value, made.headers))
    await installation.publish(letters)


async def test_dead_letters_are_counted_listed_and_shown(installation: Installation) -> None:
    await publish_letters(installation)
    settings = installation.settings
    with running_console(
        settings.database_url,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        topic_prefix=settings.topic_prefix,
    ) as run:
        client = run.client()
        page = client.get("/dead-letters?hours=1")
        assert page.status == 200, page.seen
        assert "3 dead letters" in page.seen
        assert "INVALID_JSON" in page.seen
        assert "<u>no value" not in page.text
        way = page.text.partition('data-open href="')[2].partition('"')[0]
        letter = client.get(way)
        assert letter.status == 200, letter.seen
        assert "<i>" in letter.seen
        assert "&lt;i&gt;" in letter.text
        assert client.get("/dead-letters?reason=OVERSIZED").status == 200
        assert client.get("/dead-letter?at=0:999").status == 404
        assert client.get("/dead-letter?at=x").status == 404


async def test_dead_letters_are_sent_back_by_an_operator_once_and_with_their_name(
    installation: Installation, tmp_path: Path
) -> None:
    await publish_letters(installation)
    settings = installation.settings
    file = tmp_path / "users.txt"
    write_users(
        file,
        {
            "olga": ConsoleUser("olga", ("operator",), hash_password(SECRET)),
            "ed": ConsoleUser("ed", ("editor",), hash_password(SECRET)),
        },
    )
    with running_console(
        settings.database_url,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        topic_prefix=settings.topic_prefix,
        console_sign_in="users",
        console_users_file=str(file),
    ) as run:
        editor = signed_in(run.client(), "ed")
        page = editor.get("/dead-letters?hours=1")
        assert "Send back" not in page.seen
        place = page.text.partition("/dead-letter?at=")[2].partition('"')[0]
        fields = {"csrf": page.token, "letter": place, "decision": "send", "reason": "fixed"}
        assert editor.post("/dead-letters/redrive", fields).status == 403
        client = signed_in(run.client(), "olga")
        page = client.get("/dead-letters?hours=1&reason=INVALID_JSON")
        assert "is not JSON" in client.get(f"/dead-letter?at={place}").seen
        fields = {"csrf": page.token, "letter": place, "decision": "try"}
        assert client.post("/dead-letters/redrive", fields | {"csrf": "x"}).status == 403
        tried = client.follow(client.post("/dead-letters/redrive", fields))
        assert "1 letter would be sent back" in tried.seen
        assert "Say why" in client.post("/dead-letters/redrive", fields | {"decision": "send"}).seen
        fields |= {"decision": "send", "reason": "<b>fixed"}
        sent = client.follow(client.post("/dead-letters/redrive", fields))
        assert "1 letter was sent back" in sent.seen
        shown = client.get(f"/dead-letter?at={place}")
        assert "It was sent back by olga: <b>fixed." in shown.seen
        assert "<b>fixed" not in shown.text
        again = client.follow(client.post("/dead-letters/redrive", fields))
        assert "0 letters were sent back" in again.seen
        assert "1 had been sent back before." in again.seen
        whole = {
            name: page.text.partition(f'name="{name}" value="')[2].partition('"')[0]
            for name in ("since_ms", "until_ms")
        }
        rest = {"csrf": page.token, "which": "all", "of": "INVALID_JSON", "reason": "fixed"}
        sent = client.follow(
            client.post("/dead-letters/redrive", rest | whole | {"decision": "send"})
        )
        assert "2 letters were sent back" in sent.seen
        assert client.post("/dead-letters/redrive", rest | {"decision": "send"}).status == 400
    records = await installation.consume("observations.sportybet")
    assert sorted(record.value or b"" for record in records) == [b"<i>0", b"<i>1", b"<i>2"]


def signed_in(client: ConsoleClient, name: str) -> ConsoleClient:
    token = client.get("/sign-in").token
    answer = client.post("/sign-in", {"csrf": token, "name": name, "password": SECRET})
    assert answer.status == 303, answer.seen
    return client


def test_a_console_without_brokers_says_that_it_knows_none(client: ConsoleClient) -> None:
    page = client.get("/dead-letters")
    assert page.status == 503
    assert "This console knows no brokers." in page.seen
