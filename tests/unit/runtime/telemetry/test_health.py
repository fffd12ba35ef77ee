import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from worker.domain.errors import FatalError
from worker.runtime.telemetry.bounded_http import MOST_CONNECTIONS
from worker.runtime.telemetry.health import HealthServer
from worker.runtime.telemetry.metric_list import METRICS
from worker.runtime.telemetry.metrics import Metrics

PATIENCE_S = 60


class Server:
    """A started server whose reasons not to be ready the test sets."""

    def __init__(self, **options: Any) -> None:
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.stalled: list[str] = []
        self.not_started: list[str] = []
        self.health = HealthServer(
            "127.0.0.1",
            0,
            Metrics(),
            not_ready=lambda: self.reasons,
            notes=lambda: self.notes,
            stalled=lambda: self.stalled,
            not_started=lambda: self.not_started,
            status=self.page,
            **options,
        )

    async def page(self) -> str:
        return "<!doctype html>"

    async def get(self, path: str) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(self.health.address + path) as response,
        ):
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text())


class Waiting(Server):
    """One whose page takes as long as the test wants."""

    def __init__(self, page: Callable[[], Awaitable[str]]) -> None:
        self._page = page
        super().__init__()

    async def page(self) -> str:
        return await self._page()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    await server.health.start()
    yield server
    await server.health.stop()


async def test_a_port_that_somebody_else_has_is_a_sentence_with_the_setting(server: Server) -> None:
    port = int(server.health.address.rpartition(":")[2])
    second = HealthServer("127.0.0.1", port, Metrics(), not_ready=tuple)
    with pytest.raises(FatalError, match=rf"127.0.0.1:{port} .*MARKETMAP_HTTP_PORT"):
        await second.start()
    await second.stop()


async def test_a_free_port_is_taken_and_told(server: Server) -> None:
    scheme, _, port = server.health.address.rpartition(":")
    assert scheme == "http://127.0.0.1"
    assert int(port) > 0


async def test_without_a_reason_against_it_the_worker_is_ready(server: Server) -> None:
    status, body = await server.get("/readyz")
    assert (status, body["ready"], body["reasons"]) == (200, True, [])


async def test_every_reason_against_it_is_named(server: Server) -> None:
    server.reasons = ["no index", "no database"]
    status, body = await server.get("/readyz")
    assert (status, body["ready"], body["reasons"]) == (503, False, ["no index", "no database"])


async def test_a_worker_that_is_not_ready_is_alive(server: Server) -> None:
    server.reasons = ["no index"]
    assert await server.get("/livez") == (200, {"alive": True, "reasons": []})


async def test_a_stall_is_neither_alive_nor_ready_and_says_what_stands(server: Server) -> None:
    server.stalled = ["nothing moves"]
    assert await server.get("/livez") == (503, {"alive": False, "reasons": ["nothing moves"]})
    status, body = await server.get("/readyz")
    assert (status, body["reasons"]) == (503, ["nothing moves"])


async def test_what_is_worth_knowing_is_told_and_is_no_reason_against_being_ready(
    server: Server,
) -> None:
    server.notes = ["the index is old"]
    status, body = await server.get("/readyz")
    assert (status, body["ready"], body["notes"]) == (200, True, ["the index is old"])


async def test_before_it_has_started_it_says_what_is_missing(server: Server) -> None:
    server.not_started = ["no partitions yet"]
    assert await server.get("/startupz") == (
        503,
        {"started": False, "reasons": ["no partitions yet"]},
    )
    server.not_started = []
    assert await server.get("/startupz") == (200, {"started": True, "reasons": []})


async def test_the_metrics_are_served_as_text(server: Server) -> None:
    status, body = await server.get("/metrics")
    assert status == 200
    assert METRICS["marketmap_records_total"].sentence in body


async def test_the_status_page_is_html_that_may_load_nothing(server: Server) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.health.address + "/status") as response,
    ):
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert await response.text() == "<!doctype html>"


async def test_there_is_nothing_else(server: Server) -> None:
    status, _ = await server.get("/")
    assert status == 404


async def raw(server: Server, request: bytes) -> bytes:
    """All that is answered to these bytes until the server closes the connection."""
    host, _, port = server.health.address.removeprefix("http://").rpartition(":")

    def ask() -> bytes:
        answer = b""
        # A server that closes before it has read all resets the connection, after what it has answered.
        with (
            socket.create_connection((host, int(port)), PATIENCE_S) as connection,
            suppress(ConnectionError),
        ):
            connection.sendall(request)
            while part := connection.recv(65536):
                answer += part
        return answer

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_nothing_can_be_sent(server: Server, method: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, server.health.address + "/livez", data=b"x" * 2000) as response,
    ):
        assert response.status == 405


async def test_an_endless_request_is_refused(server: Server) -> None:
    assert (await raw(server, b"GET /" + b"a" * 100_000)).startswith(b"HTTP/1.0 400")


async def test_a_client_that_never_ends_its_request_is_dropped() -> None:
    server = Server(connection_s=0.1)
    await server.health.start()
    assert await raw(server, b"GET /livez HTTP/1.1\r\nHost: x\r\n") == b""
    await server.health.stop()


@pytest.mark.parametrize("path", [b"/livez", b"/metrics", b"/nothing"])
async def test_a_connection_serves_one_request_and_says_so(server: Server, path: bytes) -> None:
    answer = await raw(
        server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert b"aiohttp" not in answer


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def opened(server: Server, number: int, request: bytes = b"") -> list[Connection]:
    """So many connections that have sent these bytes and wait."""
    host, _, port = server.health.address.removeprefix("http://").rpartition(":")
    held = [await asyncio.open_connection(host, int(port)) for _ in range(number)]
    for _, writer in held:
        writer.write(request)
        await writer.drain()
    return held


async def closed(held: list[Connection]) -> None:
    for _, writer in held:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def is_cut_off(connection: Connection) -> bool:
    with suppress(ConnectionError):
        return await connection[0].read() == b""
    return True


@pytest.mark.parametrize("sent", [b"", b"GET /livez HTTP/1.1\r\nHost:"])
async def test_connections_that_send_nothing_keep_out_no_probe(server: Server, sent: bytes) -> None:
    held = await opened(server, 2 * MOST_CONNECTIONS, sent)
    for path in ("/livez", "/readyz", "/startupz", "/metrics"):
        status, _ = await server.get(path)
        assert status == 200
    async with asyncio.timeout(PATIENCE_S):
        assert await is_cut_off(held[0])
    newest = held[-1]
    assert not newest[0].at_eof()
    newest[1].write(b" x\r\n\r\n" if sent else b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert (await newest[0].read()).startswith(b"HTTP/1.1 200")
    await closed(held)


async def test_a_request_that_is_being_answered_is_not_cut_off_for_a_newer_one() -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def page() -> str:
        begun.set()
        await end.wait()
        return "the page"

    server = Waiting(page)
    await server.health.start()
    slow = asyncio.create_task(server.get("/status"))
    await begun.wait()
    held = await opened(server, 2 * MOST_CONNECTIONS)
    end.set()
    assert await slow == (200, "the page")
    await closed(held)
    await server.health.stop()


async def test_a_connection_is_refused_while_all_others_are_being_answered() -> None:
    begun, end = asyncio.Semaphore(0), asyncio.Event()

    async def page() -> str:
        begun.release()
        await end.wait()
        return "the page"

    server = Waiting(page)
    await server.health.start()
    held = await opened(server, MOST_CONNECTIONS, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(MOST_CONNECTIONS):
        await begun.acquire()
    assert await raw(server, b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    end.set()
    for reader, _ in held:
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
    await closed(held)
    await server.health.stop()


async def test_stopping_twice_is_stopping_once(server: Server) -> None:
    await server.health.stop()
    await server.health.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await server.get("/livez")


async def test_a_server_that_was_never_started_can_be_stopped() -> None:
    await Server().health.stop()
