"""Each page shows what there is, says when there is nothing, and is the same without scripts."""

import json
from collections.abc import Callable

import pytest

from tests.integration.console.conftest import BTTS, HOSTILE_MARKET, THREE_BOOKS, ConsoleQuery
from tests.support.editing.queue_rows import NOON
from tests.support.services.console import ConsoleClient

pytestmark = pytest.mark.services

OUTCOMES = {"Yes": "yes", "No": "no"}
SAMPLE = """
INSERT INTO evidence_sample (subject, source, market, event, home, away, seen_at, prices, others)
VALUES ('miss', $1, $2, '123', 'Reds', 'Blues', $3, $4, $5)
"""


def test_an_empty_installation_says_so_on_every_page(client: ConsoleClient) -> None:
    expected = {
        "/": "No market waits for a decision.",
        "/queue": "No market waits for a decision.",
        "/mappings": "No mapping matches.",
        "/alarms": "No alarm matches.",
    }
    for path, sentence in expected.items():
        page = client.get(path)
        assert page.status == 200, page.text
        assert sentence in page.seen
        assert "this machine alone" in page.seen


def test_the_queue_is_filtered_and_says_which_share_it_shows(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    miss("sportybet", "800", "Corners", count=300)
    miss("bet9ja", "S_X", "Cards", count=100)
    both = client.get("/queue").seen
    assert "2 markets" in both
    assert "100.0 % of all open misses" in both
    one = client.get("/queue?platform=bet9ja").seen
    assert "1 market," in one
    assert "25.0 % of all open misses" in one
    assert "S_X" in one
    assert "800" not in one
    assert "No market matches." in client.get("/queue?q=nothing").seen


def test_nonsense_in_the_address_of_the_queue_is_left_out(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    miss("sportybet", "800", "Corners")
    page = client.get("/queue?platform=x&status=y&why=z&order=w&place=-1&q=%00")
    assert page.status == 200
    assert "800" in page.seen


def test_a_case_shows_labels_events_and_suggestions(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    suggest: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    version = mapped(BTTS)
    miss("betpawa", "3795", "GG/NG")
    suggest("betpawa", "3795", version, OUTCOMES)
    other = {"platform": "sportybet", "canonical_id": "btts", "outcome": "yes", "odds": 1.8}
    prices = [{"qualifier": line, "label": "Yes", "odds": 1.79} for line in (None, "at half-time")]
    query(SAMPLE, "betpawa", "3795", NOON, json.dumps(prices), json.dumps([other]))
    page = client.get("/case?source=betpawa&market=3795")
    assert page.status == 200, page.text
    for words in (
        "GG/NG",
        "Reds – Blues",
        "1.79",
        "yes 1.8",
        "98.0 %, confident",
        "0.02 in 24 prices",
    ):
        assert words in page.seen
    assert (
        "at half-time" in page.text.partition('id="events"')[0]
    )  # of an event, next to the sampled ones
    assert "0.02 in 24 prices" in client.get("/queue").seen


def test_a_case_says_where_its_id_is_switched_off(
    client: ConsoleClient, miss: Callable[..., None], mapped: Callable[[str], int]
) -> None:
    further = """
also:
  - platform: bet9ja
    id: S_GGNG
    active: false
    grade: C
    labels: {yes: [Y], no: [N]}
"""
    mapped(BTTS + further)
    miss("bet9ja", "S_GGNG", "GG/NG")
    page = client.get("/case?source=bet9ja&market=S_GGNG")
    assert "this id is switched off in it, grade C" in page.seen


def test_a_market_that_was_never_missed_is_said_to_be_so(client: ConsoleClient) -> None:
    page = client.get("/case?source=betpawa&market=1")
    assert page.status == 404
    assert "This market was never missed." in page.seen


def test_a_market_whose_id_holds_a_specifier_is_reached(
    client: ConsoleClient, miss: Callable[..., None]
) -> None:
    miss("sportybet", "8?goalnr=2&x/../y", "Next goal")
    page = client.get("/queue")
    assert "market=8%3Fgoalnr%3D2%26x%2F..%2Fy" in page.text
    assert (
        "Next goal" in client.get("/case?source=sportybet&market=8%3Fgoalnr%3D2%26x%2F..%2Fy").seen
    )


def test_a_mapping_is_found_by_a_bookmakers_id_and_shown_with_its_history(
    client: ConsoleClient, mapped: Callable[[str], int]
) -> None:
    version = mapped(BTTS)
    assert "btts" in client.get("/mappings?q=29").seen
    page = client.get("/mapping?id=btts")
    assert page.status == 200, page.text
    assert f"create at version {version}" in page.seen
    assert "to begin with" in page.seen
    assert client.get("/mapping?id=none").status == 404


def test_a_page_that_is_not_there_is_said_to_be_so(client: ConsoleClient) -> None:
    page = client.get("/nowhere")
    assert page.status == 404
    assert "There is no such page." in page.seen


OWNED = """
INSERT INTO miss_case (source, external_market_id, owner, snoozed_until, regressed_at, regressed_from)
VALUES ('sportybet', $1, $2, CASE WHEN $3 THEN now() + interval '1 day' END, CASE WHEN $4 THEN now() END, 7)
"""


def test_the_queue_is_filtered_by_owner_snooze_and_what_is_missed_again(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    for name in ("mine-1", "hers-1", "free-1", "late-1", "back-1"):
        miss("sportybet", name, f"Name of {name}")
    query(OWNED, "mine-1", "ada", False, False)
    query(OWNED, "hers-1", "bea", False, False)
    query(OWNED, "late-1", None, True, False)
    query(OWNED, "back-1", None, False, True)
    expected = {
        "": {"mine-1", "hers-1", "free-1", "back-1"},
        "owner=me": {"mine-1"},
        "owner=bea": {"hers-1"},
        "owner=nobody": {"free-1", "back-1"},
        "snoozed=only": {"late-1"},
        "snoozed=with&owner=nobody": {"free-1", "back-1", "late-1"},
        "regressed=yes": {"back-1"},
    }
    for parameters, names in expected.items():
        seen = client.get(f"/queue?{parameters}").seen
        shown = {one for one in ("mine-1", "hers-1", "free-1", "late-1", "back-1") if one in seen}
        assert shown == names, parameters
    assert "snoozed until" in client.get("/queue?snoozed=only").seen
    assert (
        "missed again" in client.get("/queue?regressed=yes&q=back-1").seen.partition("last seen")[2]
    )


def test_groups_are_listed_and_decided_about_together(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "801", "Multi 1-2", count=30)
    miss("sportybet", "802", "Multi 4-5", count=20)
    miss("sportybet", "803", HOSTILE_MARKET, ["1", "X"], count=10)
    page = client.get("/queue?group=name")
    assert "2 groups" in page.seen
    assert "multi #-#" in page.seen
    assert HOSTILE_MARKET not in page.text
    together = json.dumps([["sportybet", "801"], ["sportybet", "802"]])
    fields = {"csrf": page.token, "markets": together, "decision": "ignore", "reason": "not sold"}
    assert "2 markets are ignored" in client.follow(client.post("/queue/decide", fields)).seen
    statuses = query("SELECT external_market_id, status FROM unmapped_market_log ORDER BY 1")
    assert [row["status"] for row in statuses] == ["IGNORED", "IGNORED", "NEW"]
    assert "1 group" in client.get("/queue?group=labels").seen
    assert "are in no group" in client.get("/queue?group=candidate").seen


@pytest.mark.parametrize("nonsense", ["x", "{}", "3", '[["a"]]', "[[1, 2]]", '[["\\ud800", "a"]]'])
def test_a_group_that_cannot_be_read_is_refused(client: ConsoleClient, nonsense: str) -> None:
    fields = {"csrf": client.get("/queue").token, "markets": nonsense, "decision": "take"}
    answer = client.post("/queue/decide", fields)
    assert answer.status == 400
    assert "The selected group cannot be read." in answer.seen


def test_a_market_that_somebody_took_is_taken_over_on_purpose_only(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "800", "Corners")
    query(OWNED, "800", "bea", False, False)
    fields = {"csrf": client.get("/queue").token, "market": "sportybet|800"}
    refused = client.post("/queue/decide", fields | {"decision": "take"})
    assert refused.status == 409
    assert "bea works on sportybet 800" in refused.seen
    taken = client.post("/queue/decide", fields | {"decision": "take-over"})
    assert "sportybet 800 is taken over" in client.follow(taken).seen
    assert query("SELECT owner FROM miss_case") == [{"owner": "ada"}]
    client.post("/queue/decide", fields | {"decision": "release"})
    assert query("SELECT owner FROM miss_case") == [{"owner": None}]


def test_a_snoozed_market_leaves_the_queue_and_comes_back_by_undo(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "800", "Corners")
    fields = {"csrf": client.get("/queue").token, "market": "sportybet|800", "reason": "later"}
    snoozed = client.post("/queue/decide", fields | {"decision": "snooze", "hours": "5"})
    page = client.follow(snoozed)
    assert "sportybet 800 is snoozed" in page.seen
    assert "No market waits for a decision." in page.seen
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]
    client.post("/queue/decide", fields | {"decision": "wake"})
    assert "Corners" in client.get("/queue").seen


def test_a_view_of_the_queue_is_kept_under_a_name_by_each_person(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "800", "Corners")
    where = "q=Corners&order=confidence&group=name"
    page = client.get(f"/queue?{where}&said=x")
    assert "Your views" not in page.text
    fields = {"csrf": page.token, "query": f"{where}&place=50&said=x", "name": " <b>surest</b> "}
    answer = client.post("/queue/view", fields | {"decision": "save"})
    again = client.follow(answer)
    assert "The view is kept as <b>surest</b>." in again.seen
    assert f'href="/queue?{where.replace("&", "&amp;")}" aria-current="true"' in again.text
    assert "&lt;b&gt;surest&lt;/b&gt;" in again.text
    (kept,) = query("SELECT actor, name, query FROM queue_view")
    assert kept == {"actor": "ada", "name": "<b>surest</b>", "query": where}
    query("INSERT INTO queue_view (name, query) VALUES ('of others', '')")
    assert "of others" not in client.get("/queue").seen
    removed = client.post("/queue/view", fields | {"decision": "remove"})
    assert "is removed" in client.follow(removed).seen
    assert query("SELECT name FROM queue_view") == [{"name": "of others"}]
    assert client.post("/queue/view", fields | {"name": " "}).status == 400
    assert client.post("/queue/view", fields | {"name": "n" * 101}).status == 400


def test_home_shows_coverage_by_the_hour_what_is_missed_again_and_what_changed(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    query: ConsoleQuery,
) -> None:
    assert "not sampled" in client.get("/").seen
    for number, resolved in enumerate((80, 90)):
        query(
            """INSERT INTO shape_hour
                (platform, hour, version, observations, unreadable, markets, unread, examples)
            VALUES ('sportybet', now() - make_interval(hours => $1), $2, 20, 0, $3, '[]', '{}')""",
            2 - number,
            number,
            json.dumps({"resolved": resolved, "UNKNOWN_MARKET": 100 - resolved}),
        )
    miss("sportybet", "again-1", "Corners")
    miss("sportybet", "mine-1", "Cards")
    query(OWNED, "again-1", None, False, True)
    query(OWNED, "mine-1", "ada", False, False)
    mapped(BTTS)
    page = client.get("/")
    assert "80.0 % to 90.0 % of the markets were resolved, 1 hour with changed" in page.text
    assert "90.0 %" in page.seen
    assert "Missed again (1) again-1 Corners" in page.seen.replace("  ", " ")
    assert "Taken by me (1) mine-1 Cards" in page.seen.replace("  ", " ")
    assert "In the last 24 hours: 1 change of mappings by 1 person" in page.seen


def test_the_queue_and_a_case_show_how_often_a_market_was_missed_in_the_last_week(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "29", "GG/NG", count=50)
    query("UPDATE unmapped_market_log SET first_seen_at = now() - interval '20 days'")
    pages = ("/queue", "/case?source=sportybet&market=29")
    assert not any("missed a day in the last 7 days" in client.get(one).text for one in pages)
    query(
        """INSERT INTO miss_day (miss_id, day, occurrences, taken_at)
        SELECT id, current_date - 2, 15, now() - interval '2 days' FROM unmapped_market_log"""
    )
    for page in pages:
        assert "missed a day in the last 7 days, the oldest first: 17.5" in client.get(page).text


def test_home_says_how_many_comparisons_decisions_have_unlocked_and_what_waits_would(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    suggest: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    nothing = client.get("/").seen
    assert "no market was mapped that still is" in nothing
    assert "not known: none of the markets below has a suggestion" in nothing
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    miss("bet9ja", "S_X", "GG/NG", ["Yes", "No"])
    events = "UPDATE unmapped_market_log SET event_hashes = ARRAY[7, 77777, 1234567]"
    query(events)
    (known,) = query("SELECT event_count FROM unmapped_market_log LIMIT 1")
    each = f"{2 * known['event_count']:.1f}"
    version = mapped(THREE_BOOKS)
    assert (
        f"{each} comparisons of prices a day, by 1 market that was mapped" in client.get("/").seen
    )
    suggest("bet9ja", "S_X", version, {"Yes": "yes", "No": "no"})
    # Which suggestions there are is kept for some seconds, or until somebody decides something.
    fields = {"csrf": client.get("/queue").token, "market": "bet9ja|S_X"}
    for decision in ("take", "release"):
        assert client.post("/queue/decide", fields | {"decision": decision}).status == 303
    sure = f"{2 * known['event_count'] * 0.98:.1f}"
    page = client.get("/").seen
    assert f"{sure} a day by the most urgent markets below" in page
    assert f"{sure} a day by the confident suggestions below" in page
    query("UPDATE user_market_mappings SET is_active = false")
    query("UPDATE unmapped_market_log SET status = 'NEW'")
    assert "no market was mapped that still is" in client.get("/").seen


def test_what_would_be_missed_without_a_mapping_is_said_before_it_is_switched_off(
    client: ConsoleClient,
    mapped: Callable[[str], int],
    miss: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    mapped(THREE_BOOKS)
    mapped(BTTS.replace("canonical_id: btts", "canonical_id: again\npriority: 1"))
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    query("UPDATE unmapped_market_log SET status = 'MAPPED'")
    path = "/mapping/impact?id=btts"
    assert path in client.get("/mapping?id=btts").text
    part = client.get(path, HX_Request="true")
    assert "<html" not in part.text
    assert "No mapping would read these ids any more: betpawa 3795 bet9ja S_GGNG" in part.seen
    assert "1 market of the queue would be open again: bet9ja S_GGNG" in part.seen
    assert (
        "Other mappings read all of its ids as well." in client.get("/mapping/impact?id=again").seen
    )
    query("UPDATE user_market_mappings SET is_active = false WHERE canonical_id = 'again'")
    for gone in ("again", "nowhere"):
        assert client.get(f"/mapping/impact?id={gone}").status == 404


def test_the_list_of_mappings_has_their_grades(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(THREE_BOOKS)
    mapped(BTTS.replace("canonical_id: btts", "canonical_id: other").replace("29", "30"))
    query(
        """INSERT INTO mapping_evidence (canonical_id, platform, against, version, events, comparisons,
        prices, median, p90, worst) VALUES ('btts', 'sportybet', 'betpawa', 1, 40, 400, 30, 0.02, 0.1, '{}'),
        ('btts', 'bet9ja', 'betpawa', 1, 40, 400, 30, 1.3, 1.5, '{}')"""
    )
    assert "bet9ja contradicted, sportybet verified" in client.get("/mappings").seen
    other = client.get("/mappings?q=other").seen
    assert "verified" not in other


def test_a_mapping_says_how_much_it_is_used_at_each_bookmaker(
    client: ConsoleClient, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    mapped(
        BTTS.replace("sportybet_id: 29", "sportybet_id: 29\nbetpawa_id: 3795")
        .replace("sportybet_desc: Yes", "sportybet_desc: Yes, betpawa_name: Yes")
        .replace("sportybet_desc: No", "sportybet_desc: No, betpawa_name: No")
    )
    assert "a day" not in client.get("/mappings").seen.split("canonical id")[1]
    # Half of 1,000 in one hour, a quarter of 400 in the next, and one that is too long ago.
    for hours_ago, on, records in ((1, 10, 1000), (2, 5, 400), (30, 20, 9000)):
        query(
            """INSERT INTO shape_hour (platform, hour, version, observations, unreadable, markets,
                unread, examples, records)
            SELECT platform, now() - make_interval(hours => $1), 1, 18, 2, '{}', '[]', '{}', $2
            FROM unnest(ARRAY['sportybet', 'betpawa', 'bet9ja']) AS platform""",
            hours_ago,
            records,
        )
        query(
            """INSERT INTO mapping_hour (canonical_id, platform, hour, observations)
            SELECT 'btts', platform, hour, $2 FROM shape_hour
            WHERE platform = 'sportybet' AND hour < now() - make_interval(hours => $1, mins => -1)
                AND hour > now() - make_interval(hours => $1, mins => 1)""",
            hours_ago,
            on,
        )
    listed = client.get("/mappings").seen.split("canonical id")[1]
    assert "29 ~600 a day, 37.5 %" in listed
    assert "3795 none of 40 sampled" in listed
    shown = client.get("/mapping?id=btts").seen
    assert (
        "sportybet on 15 of 40 sampled observations of the last 24 hours, about 600 of 1,400"
        in shown
    )
    assert "betpawa on 0 of 40 sampled observations of the last 24 hours" in shown
    assert "bet9ja on" not in shown


def test_a_hole_of_a_mapping_leads_to_its_editor(
    client: ConsoleClient, mapped: Callable[[str], int]
) -> None:
    mapped(
        BTTS + "also: [{platform: bet9ja, id: S_GG, active: false, labels: {yes: [Y], no: [N]}}]\n"
    )
    mapped(
        THREE_BOOKS.replace("canonical_id: btts", "canonical_id: btts_again").replace("29", "30")
    )
    page = client.get("/mappings?lacks=betpawa")
    assert "1 mapping" in page.seen
    assert "btts_again" not in page.seen
    assert "S_GG" in page.seen
    assert 'href="/edit?id=btts" aria-label="Add betpawa to btts"' in page.text
    assert "Add bet9ja to btts" not in page.text
    assert "No mapping matches." in client.get("/mappings?lacks=betpawa&lacks=sportybet").seen
    assert "2 mappings" in client.get("/mappings?lacks=elsewhere").seen


def test_home_counts_confident_suggestions_of_markets_that_nobody_has_decided_about(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    suggest: Callable[..., None],
) -> None:
    version = mapped(BTTS)
    for market in ("3795", "3796"):
        miss("betpawa", market, "GG/NG", ["Yes", "No"])
        suggest("betpawa", market, version, {"Yes": "yes", "No": "no"})
    assert "Confident suggestions (2)" in client.get("/").seen
    fields = {"csrf": client.get("/queue").token, "market": "betpawa|3795", "reason": "a special"}
    assert client.post("/queue/decide", fields | {"decision": "ignore"}).status == 303
    assert "Confident suggestions (1)" in client.get("/").seen


def test_a_mapping_is_found_by_a_whole_label_of_any_bookmaker(
    client: ConsoleClient, mapped: Callable[[str], int]
) -> None:
    further = "also: [{platform: bet9ja, id: S_GG, labels: {yes: [Goal], no: [No Goal]}}]\n"
    mapped(BTTS + further)
    for label, is_found in (("yes", True), ("no goal", True), ("Goa", False), ("29", False)):
        seen = client.get(f"/mappings?label={label.replace(' ', '+')}").seen
        assert ("Both Teams To Score" in seen) is is_found, label
