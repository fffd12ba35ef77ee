"""A console as a process, and a client that keeps cookies and sends forms as a browser does."""

from __future__ import annotations

import http.client
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.support.services.installation import Installation
from tests.support.services.nursery import start_process

PATIENCE_S = 60
_ADDRESS = re.compile(r"The console is at (http://\S+)")
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


class ConsolePage(NamedTuple):
    """An answer of the console."""

    status: int
    headers: Mapping[str, str]
    cookies: Sequence[str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def token(self) -> str:
        """The token of the page's forms."""
        found = _TOKEN.search(self.text)
        assert found is not None, self.text
        return unescape(found[1])

    @property
    def seen(self) -> str:
        """The page as a person reads it: without tags, with characters for entities."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())


class ConsoleClient:
    """Asks a console, and keeps its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> ConsolePage:
        return self.ask("GET", path, None, headers)

    def post(
        self, path: str, fields: Sequence[tuple[str, str]] | Mapping[str, str], **headers: str
    ) -> ConsolePage:
        pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
        return self.ask("POST", path, urlencode(pairs), headers)

    def ask(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> ConsolePage:
        """Send one request; names of headers may have underscores for hyphens. Follows no redirect."""
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(
            where.hostname or "", where.port, timeout=PATIENCE_S
        )
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        cookies = [value for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        for one in cookies:
            for name, morsel in SimpleCookie(one).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        found = {name.lower(): value for name, value in answer.getheaders()}
        return ConsolePage(answer.status, found, cookies, text)

    def follow(self, page: ConsolePage) -> ConsolePage:
        """Return the page that a redirect leads to."""
        assert page.status == 303, page.seen
        return self.get(page.location)


class ConsoleRun(NamedTuple):
    """A console that runs."""

    address: str

    def client(self) -> ConsoleClient:
        return ConsoleClient(self.address)


@contextmanager
def console_of(installation: Installation) -> Iterator[ConsoleRun]:
    """A console of ada's on an installation's database and topics."""
    settings = installation.settings
    with running_console(
        settings.database_url,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        topic_prefix=settings.topic_prefix,
        group_id=settings.group_id,
        index_poll_s="1",
        actor="ada",
    ) as run:
        yield run


@contextmanager
def running_console(database_url: str, **settings: str) -> Iterator[ConsoleRun]:
    """A console on free ports; ``settings`` are its variables without the prefix, in any case."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MARKETMAP_")
    }
    given = {
        "database_url": database_url,
        "console_port": "0",
        "http_port": "0",
        "log_format": "json",
    } | settings
    environment |= {f"MARKETMAP_{name.upper()}": value for name, value in given.items()}
    with TemporaryDirectory() as folder:
        pipe = Path(folder) / "said"
        os.mkfifo(pipe)
        process = start_process("console", environment, pipe)
        with pipe.open() as said:
            # What it says after its address is read and dropped, so that a full pipe never blocks it.
            drain = threading.Thread(target=said.read, daemon=True)
            try:
                address = _address(said)
                drain.start()
                yield ConsoleRun(address)
            finally:
                process.terminate()
                try:
                    process.wait(PATIENCE_S)
                finally:
                    process.kill()
                if drain.ident is not None:
                    drain.join()


def _address(said: Iterable[str]) -> str:
    """Return the address that it prints; raise with what it said if it ends instead."""
    lines = []
    for line in said:
        lines.append(line)
        found = _ADDRESS.search(line)
        if found is not None:
            return found[1]
    raise AssertionError("the console ended: " + "".join(lines))
