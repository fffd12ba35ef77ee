"""What an outsider tries against the console, each with what holds it."""

import http.client
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.console.conftest import BTTS, ConsoleQuery
from tests.support.editing.queue_rows import NOON
from tests.support.services.console import ConsoleClient, ConsolePage, ConsoleRun, running_console
from worker.console.sign_in.users import hash_password
from worker.settings.console_users import ConsoleUser, write_users

pytestmark = pytest.mark.services

PASSWORD = "correct horse battery"  # noqa: S105  (an example)
WRONG = {"password": "another horse battery"}
ANYWHERE = "0.0.0.0"  # noqa: S104  (refused)
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}\u202e"
STATUS = "SELECT status FROM unmapped_market_log WHERE external_market_id = $1"


@pytest.fixture
def guarded(migrated: str, tmp_path: Path) -> Iterator[ConsoleRun]:
    """A console with users, who sign in."""
    file = tmp_path / "users.txt"
    hashed = hash_password(PASSWORD)
    people = {
        "ada": ConsoleUser("ada", ("editor",), hashed),
        "rita": ConsoleUser("rita", ("reader",), hashed),
    }
    write_users(file, people)
    with running_console(migrated, console_sign_in="users", console_users_file=str(file)) as run:
        yield run


def sign_in(client: ConsoleClient, name: str = "ada", **fields: str) -> ConsolePage:
    token = client.get("/sign-in").token
    return client.post("/sign-in", {"csrf": token, "name": name, "password": PASSWORD} | fields)


def take(client: ConsoleClient, token: str, **headers: str) -> ConsolePage:
    fields = {"csrf": token, "decision": "take", "market": "sportybet|900"}
    return client.post("/queue/decide", fields, **headers)


def test_markup_in_names_of_markets_teams_and_players_is_shown_as_text(
    client: ConsoleClient,
    miss: Callable[..., None],
    mapped: Callable[[str], int],
    suggest: Callable[..., None],
    query: ConsoleQuery,
) -> None:
    version = mapped(BTTS)
    query("UPDATE user_market_mappings SET name = $1", MARKUP)
    miss("betpawa", MARKUP[:60], MARKUP, [MARKUP])
    suggest("betpawa", MARKUP[:60], version, {MARKUP: MARKUP})
    prices = json.dumps([{"label": MARKUP, "qualifier": MARKUP, "odds": 2.0}])
    others = json.dumps(
        [{"platform": MARKUP, "canonical_id": MARKUP, "outcome": MARKUP, "odds": 2}]
    )
    query(
        """INSERT INTO evidence_sample (subject, source, market, event, home, away, seen_at, prices, others)
        VALUES ('miss', 'betpawa', $1, '1', $2, $2, $3, $4, $5)""",
        MARKUP[:60],
        MARKUP,
        NOON,
        prices,
        others,
    )
    case = client.get("/queue").text.partition('data-open href="')[2].partition('"')[0]
    paths = ["/", "/queue", case.replace("&amp;", "&"), "/mappings", "/mapping?id=btts"]
    for path in [*paths, paths[2].replace("/case", "/edit")]:
        page = client.get(path)
        assert page.status == 200, (path, page.seen)
        assert "<script>alert" not in page.text, path
        assert "<img src=x" not in page.text, path
        # A field holds the text as it is: it is saved as it is.
        assert path.startswith("/edit") or "\u202e" not in page.text, path
    assert "<script>alert(1)</script>" in client.get(paths[2]).seen


def test_every_answer_lets_a_browser_run_nothing_but_our_own_file(client: ConsoleClient) -> None:
    for path in ("/", "/nowhere", "/static/console.css", "/sign-in", "/case"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    assert client.get("/").headers["cache-control"] == "no-store"
    page = client.get("/").text
    assert "<style" not in page
    assert " style=" not in page
    assert " onclick=" not in page


def test_a_form_without_the_token_of_the_session_changes_nothing(
    guarded: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    client = guarded.client()
    sign_in(client)
    for forged in ("", "guess", "é"):
        assert take(client, forged).status == 403
    assert query(STATUS, "900")[0]["status"] == "NEW"
    assert take(client, client.get("/queue").token).status == 303


def test_a_form_of_another_or_an_ended_session_is_not_replayed(
    guarded: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    client = guarded.client()
    sign_in(client)
    old = client.get("/queue").token
    session = dict(client.cookies)
    client.post("/sign-out", {"csrf": old})
    sign_in(client)
    assert take(client, old).status == 403
    client.cookies = session
    assert take(client, old).status == 401
    assert query(STATUS, "900")[0]["status"] == "NEW"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
    ],
)
def test_a_form_of_another_site_is_refused(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery, headers: dict[str, str]
) -> None:
    miss("sportybet", "900", "Corners")
    assert take(client, client.get("/queue").token, **headers).status in {403, 415}
    assert query(STATUS, "900")[0]["status"] == "NEW"


def test_another_name_that_leads_to_this_machine_is_not_answered(client: ConsoleClient) -> None:
    """DNS rebinding: a page of evil.example whose name now leads to 127.0.0.1."""
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        assert client.get("/queue", Host=host).status in {400, 421}, host


def test_headers_of_a_sender_that_is_no_trusted_proxy_sign_nobody_in(migrated: str) -> None:
    with running_console(
        migrated, console_sign_in="proxy", console_proxy_addresses="192.0.2.1"
    ) as run:
        page = run.client().get("/", X_Forwarded_User="ada", X_Forwarded_Groups="approver")
        assert page.status == 401
        assert "not a trusted one" in page.seen


def test_a_trusted_proxy_names_the_person_and_their_groups(
    migrated: str, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    with running_console(
        migrated,
        console_sign_in="proxy",
        console_proxy_addresses="127.0.0.0/8",
        console_roles="team-odds=editor",
    ) as run:
        client = run.client()
        editor = {"X_Forwarded_User": "eve", "X_Forwarded_Groups": "other, team-odds"}
        token = client.get("/queue", **editor).token
        reader = {"X_Forwarded_User": "eve", "X_Forwarded_Groups": "approver"}
        assert client.get("/queue", **reader).status == 403
        assert client.get("/live", **reader).status == 403
        assert client.get("/live", X_Forwarded_User="").status == 401
        assert take(client, token, **reader).status == 403
        assert (
            take(client, token, X_Forwarded_User="bob", X_Forwarded_Groups="team-odds").status
            == 403
        )
        assert take(client, token, **editor).status == 303
        assert client.get("/", X_Forwarded_User="").status == 401
    row = query("SELECT status_actor FROM unmapped_market_log")[0]
    assert row["status_actor"] == "eve"


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(guarded: ConsoleRun) -> None:
    client = guarded.client()
    client.cookies["marketmap_session"] = "planted"
    answer = sign_in(client)
    assert answer.status == 303
    assert client.cookies["marketmap_session"] != "planted"
    first = dict(client.cookies)
    again = guarded.client()
    again.cookies = dict(first)
    client.post("/sign-out", {"csrf": client.get("/").token})
    assert again.get("/queue").location.startswith("/sign-in")


def test_a_cookie_is_kept_from_scripts_and_from_other_sites(
    guarded: ConsoleRun, migrated: str, tmp_path: Path
) -> None:
    (cookie,) = [
        one
        for one in sign_in(guarded.client()).cookies
        if "session=" in one and "Max-Age=0" not in one
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    with running_console(
        migrated,
        console_sign_in="users",
        console_users_file=str(tmp_path / "users.txt"),
        console_public_url="https://console.example.com",
    ) as run:
        client = run.client()
        page = client.get("/sign-in", Host="console.example.com")
        assert "max-age=" in page.headers["strict-transport-security"]
        answer = client.post(
            "/sign-in",
            {"csrf": page.token, "name": "ada", "password": PASSWORD},
            Host="console.example.com",
            Origin="https://console.example.com",
        )
        assert answer.status == 303, answer.seen
        (cookie,) = [one for one in answer.cookies if "session=" in one and "Max-Age=0" not in one]
        assert cookie.startswith("__Host-marketmap_session=")
        assert "Secure" in cookie
        assert "Domain" not in cookie


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "/sign-out",
        "",
    ],
)
def test_a_sign_in_leads_to_no_other_site(guarded: ConsoleRun, wanted: str) -> None:
    assert sign_in(guarded.client(), next=wanted).location == "/"


def test_a_sign_in_leads_to_the_page_that_was_asked_for(guarded: ConsoleRun) -> None:
    client = guarded.client()
    first = client.get("/queue?platform=bet9ja")
    assert first.location == "/sign-in?next=%2Fqueue%3Fplatform%3Dbet9ja"
    page = client.follow(first)
    fields = {"csrf": page.token, "name": "ada", "password": PASSWORD}
    answer = client.post("/sign-in", fields | {"next": "/queue?platform=bet9ja"})
    assert answer.location == "/queue?platform=bet9ja"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/....//app.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/",
    ],
)
def test_no_other_file_is_served(console: ConsoleRun, path: str) -> None:
    where = urlsplit(console.address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    connection.request("GET", path)  # as it is: no client tidies it
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 404, path
    assert "make_app" not in text
    assert "root:" not in text


def test_passwords_are_not_tried_without_limit(guarded: ConsoleRun) -> None:
    client = guarded.client()
    for _ in range(5):
        refused = sign_in(client, **WRONG)
        assert refused.status == 401
        assert "Name or password is wrong." in refused.seen
    limited = sign_in(client)  # with the right one
    assert limited.status == 429
    assert int(limited.headers["retry-after"]) > 200
    assert sign_in(guarded.client(), "rita").status == 303


def test_an_unknown_name_is_refused_in_the_same_words(guarded: ConsoleRun) -> None:
    known = sign_in(guarded.client(), **WRONG)
    unknown = sign_in(guarded.client(), "nobody")
    assert known.status == unknown.status == 401
    assert "Name or password is wrong." in unknown.seen


def test_a_sign_in_form_of_another_browser_is_refused(guarded: ConsoleRun) -> None:
    """Signing somebody in under another's name, to see what they do there."""
    token = guarded.client().get("/sign-in").token
    victim = guarded.client()
    fields = {"csrf": token, "name": "ada", "password": PASSWORD}
    assert victim.post("/sign-in", fields).status == 403
    victim.get("/sign-in")
    assert victim.post("/sign-in", fields).status == 403


def test_a_reader_reads_and_decides_nothing(
    guarded: ConsoleRun, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    client = guarded.client()
    sign_in(client, "rita")
    page = client.get("/queue")
    assert "900" in page.seen
    assert 'action="/queue/decide"' not in page.text
    refused = take(client, page.token)
    assert refused.status == 403
    assert "It needs the right to edit. Your roles: reader." in refused.seen
    assert client.get("/edit").status == 403
    assert query(STATUS, "900")[0]["status"] == "NEW"


def test_a_form_that_is_too_large_is_not_read(client: ConsoleClient) -> None:
    token = client.get("/queue").token
    answer = client.post("/queue/decide", {"csrf": token, "reason": "x" * (9 * 1024 * 1024)})
    assert answer.status == 413


def test_a_form_of_somebody_who_has_not_signed_in_stays_small(guarded: ConsoleRun) -> None:
    """A name is kept for as long as its failures count: ten thousand long ones would fill the memory."""
    client = guarded.client()
    assert sign_in(client, name="n" * 100_000).status == 413
    assert sign_in(client, password="p" * 100_000).status == 413
    assert sign_in(client).status == 303


def test_a_proxy_in_front_of_a_console_without_a_sign_in_is_refused(client: ConsoleClient) -> None:
    for name in ("Forwarded", "X_Forwarded_For", "X_Real_IP"):
        page = client.get("/queue", **{name: "203.0.113.5"})
        assert page.status == 403, name
        assert "for this machine alone" in page.seen
    assert client.get("/queue").status == 200


def test_who_is_removed_from_the_file_of_users_is_signed_out(
    guarded: ConsoleRun, tmp_path: Path, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    client, other = guarded.client(), guarded.client()
    sign_in(client)
    sign_in(other, "rita")
    token = client.get("/queue").token
    rita = ConsoleUser("rita", ("reader",), hash_password(PASSWORD))
    write_users(tmp_path / "users.txt", {"rita": rita})
    assert take(client, token).status == 401
    assert query(STATUS, "900")[0]["status"] == "NEW"
    assert other.get("/queue").status == 200


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/alarm?id=", "There is no such alarm."),
        ("/change-set?id=", "There is no such change set."),
    ],
)
def test_numbers_beyond_all_bounds_are_refused_in_words(
    client: ConsoleClient, path: str, sentence: str
) -> None:
    for number in ("0" * 5000, "9" * 19, "9" * 20, "1" + "0" * 5000):
        page = client.get(path + number)
        assert page.status == 404, number
        assert sentence in page.seen


def test_nobody_snoozes_for_hundreds_of_millions_of_hours(
    client: ConsoleClient, miss: Callable[..., None], query: ConsoleQuery
) -> None:
    miss("sportybet", "900", "Corners")
    sent = {"csrf": client.get("/queue").token, "decision": "snooze", "market": "sportybet|900"}
    for hours in ("00000187600", "9999999", "8761", "0" * 5000):
        answer = client.post("/queue/decide", sent | {"hours": hours, "reason": "later"})
        assert answer.status == 400, hours
    assert query(STATUS, "900")[0]["status"] == "NEW"
    assert client.post("/queue/decide", sent | {"hours": "8760", "reason": "r"}).status == 303


def test_a_zero_byte_is_no_part_of_a_name(client: ConsoleClient) -> None:
    for path in (
        "/case?source=%00&market=1",
        "/case?source=betpawa&market=%00",
        "/edit?source=%00",
    ):
        assert client.get(path).status in {200, 404}, path


def test_nobody_takes_all_the_live_streams(console: ConsoleRun) -> None:
    where = urlsplit(console.address)
    opened = []
    for _ in range(21):
        one = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        one.request("GET", "/live")
        opened.append((one, one.getresponse()))
    assert [answer.status for _, answer in opened] == [*[200] * 20, 503]
    for one, answer in opened:
        answer.close()
        one.close()


def test_only_a_file_that_there_is_may_be_kept_by_browsers(client: ConsoleClient) -> None:
    assert "immutable" in client.get("/static/console.css").headers["cache-control"]
    assert client.get("/static/nothing.css").headers["cache-control"] == "no-store"


def test_twenty_people_of_one_office_sign_in_at_once(guarded: ConsoleRun) -> None:
    for _ in range(21):
        assert sign_in(guarded.client()).status == 303


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            {"console_host": ANYWHERE},
            "without a sign-in the console listens on this machine alone",
        ),
        ({"console_public_url": "https://console.example.com"}, "without a sign-in"),
        (
            {"console_sign_in": "users", "console_host": ANYWHERE, "console_users_file": "x"},
            "passwords and cookies need https",
        ),
        (
            {
                "console_sign_in": "users",
                "console_users_file": "x",
                "console_public_url": "http://console.example.com",
            },
            "passwords and cookies need https",
        ),
        ({"console_sign_in": "users"}, "MARKETMAP_CONSOLE_USERS_FILE"),
        ({"console_sign_in": "proxy"}, "MARKETMAP_CONSOLE_PROXY_ADDRESSES"),
        ({"console_sign_in": "oidc"}, "MARKETMAP_CONSOLE_OIDC_ISSUER"),
    ],
)
def test_settings_under_which_people_would_sign_in_unsafely_are_refused(
    migrated: str, settings: dict[str, str], fault: str
) -> None:
    environment = {f"MARKETMAP_{name.upper()}": value for name, value in settings.items()}
    ended = subprocess.run(
        [sys.executable, "-m", "worker.cli", "run", "console"],
        env={"MARKETMAP_DATABASE_URL": migrated, "PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert fault in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
