"""The status page, read as a browser reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from schemas import DeadReason
from tests.support.records import place
from worker.ingest.partitions.owned import Lag
from worker.kafka.client.introductions import Introduction
from worker.kafka.cluster.groups import Group, Member
from worker.kafka.record import Partition
from worker.runtime.telemetry.group_status import (
    GroupStatus,
    GroupTopic,
    ShownMember,
    group_topics,
    shown_member,
)
from worker.runtime.telemetry.status import (
    Index,
    Own,
    StatusPage,
    Stored,
    TopicLag,
    render,
    topic_lags,
)
from worker.runtime.telemetry.totals import BookTotals, Rates
from worker.storage.access.relay_sessions import RelaySessions
from worker.storage.audit import AuditRow
from worker.storage.engine import create_engine
from worker.storage.misses import QueuedMiss

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWN = Own(
    group="market-mapping-worker",
    against=(),
    notes=(),
    books=(BookTotals("betpawa", 4, 90, 9, 1), BookTotals("bet9ja", 0, 0, 0, 0)),
    rates=Rates(113.9, 20_000, 3_400_000),
    dead=(("EMPTY", 2),),
    lags=(Lag(place(2), 40, 1.5, 12_017),),
    mappings=Index(4711, 127, 0, 3.2),
    trend=(0, 1, 4000, 8000),
)
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "{{ 7 * 7 }}",
    "&lt;b&gt;",
    "\u202egnp.exe",
    "\x1b[2J\x00",
    "</td></table><h1>",
)
INLINE = {"html", "head", "meta", "title", "style", "body"}
SHOWN = {
    "h1",
    "h2",
    "p",
    "strong",
    "span",
    "code",
    "ul",
    "li",
    "table",
    "tr",
    "th",
    "td",
    "meter",
    "a",
}


class Reader(HTMLParser):
    """Collects the elements, their attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def miss(**fields: Any) -> QueuedMiss:
    values: dict[str, Any] = dict.fromkeys(QueuedMiss._fields, None)
    values |= {"first_seen_at": NOW, "last_seen_at": NOW, "occurrence_count": 1204}
    values |= {"occurrences_per_hour": 57.4, "source": "bet9ja", "external_market_id": "S_XY"}
    return QueuedMiss(**(values | fields))


def change(**fields: Any) -> AuditRow:
    row = AuditRow(4711, 1, "btts_ft", "UPDATE", None, None, "label", NOW, "ada")
    return replace(row, **fields)


STORED = Stored([miss()], [change()], RelaySessions(2, 1, "10.0.0.8", NOW))
PLACES = [TopicPartition("observations.sportybet", number) for number in range(3)]
SAID = Introduction("1.2.3", datetime(2026, 11, 21, 8, 30, tzinfo=UTC))
MEMBER = Member("client", "10.0.0.7", frozenset(PLACES[:2]), "w-0-4711", SAID)
GROUP = GroupStatus(
    "Stable",
    [shown_member(MEMBER)],
    group_topics({place: 1000 * place.partition for place in PLACES}, Group("Stable", [MEMBER])),
)


async def unknown_group() -> GroupStatus:
    return GroupStatus("unknown", (), (), silence="Kafka is unavailable")


def read(own: Own = OWN, stored: Stored = STORED, group: GroupStatus = GROUP) -> Reader:
    return Reader(render(own, stored, group, NOW))


def test_the_page_says_who_is_in_the_group_and_who_leads_the_relays() -> None:
    page = read().text
    for told in (
        "w-0-4711",
        "10.0.0.7",
        "1.2.3",
        "2026-11-21 08:30:00 UTC",
        "observations.sportybet 0-1",
        "A relay publishes changes of mappings on 10.0.0.8, connected since 2026-11-22 12:00:00 UTC",
    ):
        assert told in page
    silent = shown_member(Member("client", "10.0.0.7", frozenset(), "another program"))
    stored = Stored((), (), RelaySessions(1, 1))
    page = read(stored=stored, group=GROUP._replace(members=[silent])).text
    assert page.count("not known") == 2
    assert "A relay publishes changes of mappings; 1 connected." in " ".join(page.split())


def test_partitions_that_follow_one_another_are_a_range() -> None:
    places = [TopicPartition("b", number) for number in (7, 0, 1, 2, 5)] + [TopicPartition("a", 3)]
    shown = shown_member(Member("client", "host", frozenset(places), "name"))
    assert shown.reads == [("a", "3"), ("b", "0-2, 5, 7")]


def test_the_page_tells_all_that_it_is_for() -> None:
    text = read().text
    for told in (
        "Ready",
        "90.0 %",
        "nothing seen yet",
        "113.9 records/s",
        "3.40 MB/s",
        "EMPTY",
        "S_XY",
    ):
        assert told in text
    for told in (
        "observations.sportybet",
        "partition 2",
        "1\u202f204",
        "Version 4711",
        "127 mappings",
        "btts_ft",
        "ada",
    ):
        assert told in text


def test_the_whole_group_is_shown_with_what_nobody_reads_and_its_relay() -> None:
    text = read().text
    for told in ("Stable, 1 member", "w-0-4711", "10.0.0.7", "3\u202f000", "partition 2"):
        assert told in text
    assert GROUP.topics == [GroupTopic("observations.sportybet", 3, 1, 3000, 2)]
    assert "A relay publishes" in text
    assert "2 connected" in text
    assert "No relay publishes" in read(stored=STORED._replace(relays=RelaySessions(1, 0))).text


async def test_of_a_group_that_nobody_describes_the_page_says_why() -> None:
    text = read(group=await unknown_group()).text
    assert "Not known: Kafka is unavailable" in text
    assert "90.0 %" in text


def test_the_last_minutes_are_drawn_with_what_is_little_above_nothing() -> None:
    text = read().text
    assert "_▁▄█" in text
    assert "highest 8\u202f000" in text
    assert "Records by minute" not in read(OWN._replace(trend=())).text


def test_on_a_phone_every_number_has_its_name_next_to_it() -> None:
    page = render(OWN, STORED, GROUP, NOW)
    assert "<td" in page
    assert page.count("<td data-l=") == page.count("<td")


def test_reasons_and_notes_are_shown() -> None:
    text = read(OWN._replace(against=["a partition is stopped"], notes=["the index is old"])).text
    assert "Not ready" in text
    assert "a partition is stopped" in text
    assert "the index is old" in text


def test_a_worker_that_has_just_started_has_a_page() -> None:
    text = read(OWN._replace(lags=(), dead=(), mappings=None), Stored((), ())).text
    assert "no open partition" in text
    assert "not loaded" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_senders_and_editors_write_stays_text(hostile: str) -> None:
    place = Partition(hostile, 0, "id")
    own = Own(
        hostile,
        [hostile],
        [hostile],
        OWN.books,
        OWN.rates,
        [(cast("DeadReason", hostile), 1)],
        [Lag(place, 1, 1, 1)],
        None,
    )
    misses = [miss(source=hostile, external_market_id=hostile, market_name=hostile, reason=hostile)]
    changes = [change(canonical_id=hostile, action=hostile, reason=hostile, created_by=hostile)]
    member = ShownMember(hostile, hostile, hostile, NOW, [(hostile, hostile)])
    group = GroupStatus(hostile, [member], [GroupTopic(hostile, 1, 1, 1, 0)])
    for stored in (Stored(misses, changes), Stored((), (), silence=hostile)):
        page = read(own, stored, group)
        assert set(page.tags) <= INLINE | SHOWN
        assert page.tags.count("h1") == 1
        assert not {name for name in page.attributes if name.startswith("on")}
        assert not set(page.text) & {"\u202e", "\x1b", "\x00"}


def test_the_page_asks_for_nothing_else() -> None:
    page = read()
    assert not page.attributes & {"src", "action", "srcset", "data"}
    assert page.links == ["/readyz", "/livez", "/metrics"]
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_the_page_leads_to_the_console_and_each_miss_to_its_case() -> None:
    own = OWN._replace(console="https://console.example.com")
    page = read(own, Stored([miss(source="betpawa", external_market_id='a&b=<"> 1')], ()))
    assert page.links[3:] == [
        "https://console.example.com/",
        "https://console.example.com/case?source=betpawa&market=a%26b%3D%3C%22%3E%201",
    ]


def test_the_page_is_bounded() -> None:
    endless = "x" * 100_000
    lags = [Lag(place(number), number, 0, 0) for number in range(1000)]
    page = render(
        OWN._replace(lags=lags),
        Stored([miss(market_name=endless)] * 10, [change()] * 10),
        GROUP,
        NOW,
    )
    assert len(page) < 20_000


def test_the_partitions_of_a_topic_are_told_together_with_the_one_that_is_furthest_behind() -> None:
    lags = [Lag(place(0), 5, 9.5, 0), Lag(place(1), 40, 1.5, 0), Lag(place(7, "other"), 0, 0, 0)]
    assert topic_lags(lags) == [
        TopicLag("observations.sportybet", 2, 45, 9.5, 1),
        TopicLag("other", 1, 0, 0, 7),
    ]


async def test_without_a_database_the_page_says_so_and_shows_the_rest() -> None:
    engine = create_engine("postgresql://user:secret@127.0.0.1:1/none")
    text = Reader(await StatusPage(engine, lambda: OWN, unknown_group).html()).text
    assert "The database does not answer" in text
    assert "90.0 %" in text
    assert "secret" not in text


async def test_asked_again_at_once_it_is_the_same_page() -> None:
    asked: list[int] = []

    def own() -> Own:
        asked.append(1)
        return OWN

    page = StatusPage(
        create_engine("postgresql://user:secret@127.0.0.1:1/none"), own, unknown_group
    )
    assert await page.html() == await page.html()
    assert len(asked) == 1
