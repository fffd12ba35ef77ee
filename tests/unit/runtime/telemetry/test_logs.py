import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from worker.runtime.telemetry.logs import configure_logging


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_an_event_is_one_json_line_when_there_is_no_terminal() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    structlog.get_logger("worker").info("batch_done", records=7)
    line = only_line(stream)
    assert (line["event"], line["records"], line["level"]) == ("batch_done", 7, "info")


def test_a_terminal_gets_readable_lines() -> None:
    stream = Terminal()
    configure_logging(stream=stream)
    structlog.get_logger("worker").info("batch_done", records=7)
    assert "batch_done" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_no_color_is_respected(
    monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = Terminal()
    configure_logging(stream=stream)
    structlog.get_logger("worker").info("batch_done", records=7)
    assert ("\x1b[" in stream.getvalue()) == coloured


@pytest.mark.parametrize("hostile", ["a\nlevel=error b", "\x1b[2J", "\u202egnp", "\x85", "\ud800"])
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_control_characters_cannot_forge_a_line(log_format: Any, hostile: str) -> None:
    stream = io.StringIO()
    configure_logging(log_format, stream=stream)
    structlog.get_logger("worker").info("record_refused", market=hostile)
    assert len(stream.getvalue().splitlines()) == 1
    assert hostile not in stream.getvalue()


def test_a_library_message_arrives_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    logging.getLogger("aiokafka.consumer").warning("Heartbeat to %s failed", "node 1")
    line = only_line(stream)
    assert line["event"] == "library_message"
    assert line["message"] == "Heartbeat to node 1 failed"
    assert line["logger"] == "aiokafka.consumer"


def test_what_libraries_say_of_every_request_is_left_out() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    logging.getLogger("faststream.access").info("Received")
    logging.getLogger("sqlalchemy.engine").info("SELECT 1")
    assert not stream.getvalue()


def test_an_exception_stays_within_its_json_line() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    try:
        raise ValueError("bad\nvalue")  # noqa: TRY301  there must be one to log
    except ValueError:
        structlog.get_logger("worker").exception("batch_failed")
    assert "ValueError: bad" in only_line(stream)["exception"]


def test_the_last_configuration_counts() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging("json", stream=first)
    configure_logging("json", "warning", second)
    structlog.get_logger("worker").info("quiet")
    structlog.get_logger("worker").warning("loud")
    assert not first.getvalue()
    assert only_line(second)["event"] == "loud"
