"""Nobody holds the connections of the console by sending nothing, half a request, or by reading nothing."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from worker.console import bounded_protocol
from worker.console.process import server_config

PATIENCE_S = 60
REQUEST_S = 0.5
MOST = 5
# More than the buffers of the system take.
LARGE = 12 * 1024 * 1024

Open = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def page(_: Request) -> Response:
    return PlainTextResponse("served")


async def form(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def live(_: Request) -> Response:
    async def events() -> AsyncIterator[bytes]:
        while True:
            yield b": still here\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(events(), media_type="text/event-stream")


async def large(_: Request) -> Response:
    return Response(b"x" * LARGE)


async def parts(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b"x" * (LARGE // 32)

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route("/", page),
        Route("/form", form, methods=["POST"]),
        Route("/live", live),
        Route("/large", large),
        Route("/parts", parts),
    ]
)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server that takes few connections, and waits for a request a short time."""
    monkeypatch.setattr(bounded_protocol, "REQUEST_S", REQUEST_S)
    config = server_config(APP, MOST)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def opened(port: int, sent: bytes = b"") -> Open:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    return reader, writer


async def unread(port: int, path: str) -> Open:
    """A client that asks for this, and reads none of it until it is asked to."""
    with contextlib.closing(socket.socket()) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=client.dup())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader, writer


async def ask(port: int) -> bytes:
    """The status of an answer, on a connection of its own."""
    reader, writer = await opened(
        port, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    try:
        return (await reader.readline()).split(b" ")[1]
    finally:
        writer.close()


async def answered(port: int, status: bytes) -> None:
    """Wait until it is answered so: connections are counted when the server has seen them."""
    async with asyncio.timeout(PATIENCE_S):
        while await ask(port) != status:
            pass


async def stream(port: int) -> Open:
    """A live stream that has begun."""
    reader, writer = await opened(port, b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"still here")
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server cuts the connection off."""
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(PATIENCE_S):
            while part := await reader.read(65536):
                received += part
    return bytes(received)


def close_all(connections: list[Open]) -> None:
    for _, writer in connections:
        writer.transport.abort()


async def test_silent_connections_beyond_the_limit_keep_nobody_out(port: int) -> None:
    silent = [await opened(port) for _ in range(3 * MOST)]
    silent += [await opened(port, b"GET / HTTP/1.1\r\nHost:") for _ in range(MOST)]
    for _ in range(MOST):
        assert await ask(port) == b"200"
    close_all(silent)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
    ],
    ids=["nothing", "half a header", "half a body"],
)
async def test_who_does_not_send_a_whole_request_is_cut_off(port: int, sent: bytes) -> None:
    reader, writer = await opened(port, sent)
    assert await rest(reader) == b""
    writer.close()


async def test_half_a_header_after_an_answer_is_cut_off(port: int) -> None:
    reader, writer = await opened(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"served")
    writer.write(b"GET / HTTP/1.1\r\n")
    assert await rest(reader) == b""
    writer.close()


async def test_a_form_that_comes_steadily_over_a_slow_line_is_read(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_protocol, "_BYTES_PER_S", 1)
    reader, writer = await opened(
        port, b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
    )
    for _ in range(10):
        await asyncio.sleep(REQUEST_S / 4)
        writer.write(b"1")
    await reader.readuntil(b"10 bytes")
    writer.close()


async def test_a_live_stream_stays_open_and_makes_no_room_for_silent_connections(port: int) -> None:
    reader, writer = await stream(port)
    silent = [await opened(port) for _ in range(3 * MOST)]
    await asyncio.sleep(3 * REQUEST_S)
    silent += [await opened(port) for _ in range(3 * MOST)]
    assert await ask(port) == b"200"
    for _ in range(20):
        assert await reader.readuntil(b"still here")
    close_all([*silent, (reader, writer)])


async def test_while_all_connections_are_answered_others_get_503(port: int) -> None:
    streams = [await stream(port) for _ in range(MOST)]
    assert await ask(port) == b"503"
    close_all(streams)
    await answered(port, b"200")


@pytest.mark.parametrize("path", ["/large", "/parts"])
async def test_who_does_not_read_an_answer_keeps_nobody_out(port: int, path: str) -> None:
    unread_ = [await unread(port, path) for _ in range(2 * MOST)]
    await answered(port, b"200")
    close_all(unread_)


@pytest.mark.parametrize("path", ["/large", "/parts"])
async def test_a_slow_download_is_not_cut_off(port: int, path: str) -> None:
    reader, writer = await unread(port, path)
    await asyncio.sleep(3 * REQUEST_S)
    received = await rest(reader)
    assert received.count(b"x") >= LARGE
    writer.close()


def test_the_console_has_a_limit() -> None:
    assert server_config(Starlette()).limit_concurrency == 1000 + 1
