"""Who a request comes from: what a page asks by itself, what a proxy adds, and who is still in the file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from worker.console.sign_in.door import Door, require_safe_settings
from worker.domain.errors import FatalError
from worker.settings.console_access import ConsoleRole
from worker.settings.console_users import ConsoleUser, write_users
from worker.settings.settings import Settings

IDLE_S = 60.0
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def request(
    path: str = "/queue",
    headers: Sequence[tuple[str, str]] = (),
    cookies: Mapping[str, str] | None = None,
) -> Request:
    listed = [*headers, *(("cookie", f"{name}={value}") for name, value in (cookies or {}).items())]
    raw = [(name.encode(), value.encode()) for name, value in listed]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": raw,
        "client": ("10.1.2.3", 4000),
        "server": ("127.0.0.1", 8090),
        "scheme": "http",
    }
    return Request(scope)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "users.txt"
    write(found, "editor")
    return found


def write(file: Path, *roles: ConsoleRole) -> None:
    users = {"ada": ConsoleUser("ada", roles, HASH)} if roles else {}
    write_users(file, users)


def signed_in(file: Path, clock: Clock) -> tuple[Door, dict[str, str]]:
    settings = Settings(
        console_sign_in="users", console_users_file=str(file), console_idle_s=IDLE_S
    )
    door = Door(settings, clock)
    answer = Response()
    door.begin(request("/sign-in"), answer, "ada", ("editor",))
    cookies = [value for name, value in answer.headers.items() if name == "set-cookie"]
    (identifier,) = [
        one.partition("=")[2].partition(";")[0]
        for one in cookies
        if one.startswith("marketmap_session=") and "Max-Age=0" not in one
    ]
    return door, {"marketmap_session": identifier}


@pytest.mark.parametrize(("path", "live"), [("/live", ()), ("/queue", (("x-live", "true"),))])
def test_a_page_that_is_only_open_does_not_keep_its_person_signed_in(
    file: Path, path: str, live: Sequence[tuple[str, str]]
) -> None:
    clock = Clock()
    door, cookies = signed_in(file, clock)
    for now_s in (20.0, 40.0, 59.0):
        clock.now_s = now_s
        assert door.viewer(request(path, live, cookies)) is not None
    clock.now_s = IDLE_S
    assert door.viewer(request(path, live, cookies)) is None


@pytest.mark.parametrize("roles", [(), ("reader",), ("editor", "approver")])
def test_who_is_removed_from_the_file_or_has_other_roles_signs_in_again(
    file: Path, roles: tuple[ConsoleRole, ...]
) -> None:
    door, cookies = signed_in(file, Clock())
    assert door.viewer(request(cookies=cookies)) is not None
    write(file, *roles)
    assert door.viewer(request(cookies=cookies)) is None
    write(file, "editor")
    assert door.viewer(request(cookies=cookies)) is None


def test_nobody_is_let_in_while_the_file_of_users_cannot_be_read(file: Path) -> None:
    door, cookies = signed_in(file, Clock())
    file.rename(file.with_suffix(".away"))
    assert door.viewer(request(cookies=cookies)) is None
    file.with_suffix(".away").rename(file)
    assert door.viewer(request(cookies=cookies)) is not None


def test_every_line_of_the_proxy_counts() -> None:
    door = Door(Settings(console_proxy_addresses="10.0.0.0/8"), Clock())
    lines = [("x-forwarded-for", "198.51.100.66"), ("x-forwarded-for", "203.0.113.5")]
    assert door.address(request(headers=lines)) == "203.0.113.5"
    assert door.address(request()) == "10.1.2.3"


@pytest.mark.parametrize(
    ("public", "is_refused"),
    [
        (None, False),
        ("http://127.0.0.1:8090", False),
        ("https://console.example.com", False),
        ("http://console.example.com", True),
    ],
)
def test_a_proxy_on_the_same_machine_has_to_speak_https(
    public: str | None, *, is_refused: bool
) -> None:
    settings = Settings(
        console_sign_in="users", console_users_file="users.txt", console_public_url=public
    )
    if not is_refused:
        require_safe_settings(settings)
        return
    with pytest.raises(FatalError, match="passwords and cookies need https"):
        require_safe_settings(settings)
