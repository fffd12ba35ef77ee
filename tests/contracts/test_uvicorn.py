"""The names of uvicorn and h11 that the console's protocol relies on."""

import asyncio

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from worker.console.bounded_protocol import BoundedProtocol
from worker.console.process import server_config


async def test_a_connection_has_what_the_consoles_protocol_relies_on() -> None:
    state = ServerState()
    protocol = H11Protocol(uvicorn.Config(Starlette(), limit_concurrency=7), state, {})
    assert protocol.connections is state.connections
    assert protocol.limit_concurrency == 7
    assert protocol.loop is asyncio.get_running_loop()
    assert hasattr(protocol, "transport")
    assert callable(protocol.on_response_complete)
    states = [protocol.conn.their_state]
    for sent in (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", b"1"):
        protocol.conn.receive_data(sent)
        while isinstance(protocol.conn.next_event(), h11.Event):
            pass
        states.append(protocol.conn.their_state)
    assert states == [h11.IDLE, h11.SEND_BODY, h11.DONE]


def test_the_console_is_served_by_its_protocol() -> None:
    config = server_config(Starlette())
    config.load()
    assert config.http_protocol_class is BoundedProtocol
    assert config.ws_protocol_class is None
