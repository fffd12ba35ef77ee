"""Structured logs on stderr: JSON lines for machines, readable lines for people.

An event's name is one of `log_events`; what varies is in its fields: `log.info("index_loaded", version=7)`.
Whatever a library says through the standard logging module arrives in the same form, as `library_message`.
"""

import logging
import os
import re
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

# At a lower level these log every request, at the rate of the stream.
LIBRARY_LEVELS = {
    "aiokafka": logging.WARNING,
    "alembic": logging.INFO,
    "asyncio": logging.WARNING,
    "faststream": logging.WARNING,
    "sqlalchemy": logging.WARNING,
}
# C0, DEL, C1, line separators, bidirectional overrides and lone surrogates can forge or hide a line.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def configure_logging(
    log_format: Literal["auto", "json", "console"] = "auto",
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Send all logs to `stream`, by default stderr. `auto` is console on a terminal and json elsewhere.

    Can be called again; the last call counts.
    """
    target = stream or sys.stderr
    readable = log_format == "console" or (log_format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(_console(target) if readable else _json()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten_libraries(root.level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _formatter(renderers: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder(), _name_library_message],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *renderers,
        ],
    )


def _json() -> list[Processor]:
    # The JSON encoder itself escapes control characters and everything outside ASCII.
    return [structlog.processors.JSONRenderer(sort_keys=False)]


def _console(target: TextIO) -> list[Processor]:
    colours = target.isatty() and not os.environ.get("NO_COLOR")
    return [_escape_values, structlog.dev.ConsoleRenderer(colors=colours)]


def _quieten_libraries(level: int) -> None:
    for name, least in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, least) if level > logging.DEBUG else level)


def _name_library_message(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {"event": "library_message", "message": event.pop("event"), **event}


def _escape_values(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {key: _escape(key, value) for key, value in event.items()}


def _escape(key: str, value: Any) -> Any:
    if key == "exception":
        return "\n".join(map(escape, str(value).split("\n")))
    return escape(value) if isinstance(value, str) else value


def escape(text: str) -> str:
    """Write control characters as escapes, so that one event stays one line."""
    return CONTROL_CHARACTERS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
