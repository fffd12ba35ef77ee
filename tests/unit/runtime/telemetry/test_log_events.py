"""What the code can log is what the list of events has."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from worker.runtime.telemetry.log_events import EVENTS, Event

CODE = Path(__file__).parents[4] / "worker"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def event_of(call: ast.Call) -> ast.expr | None:
    """What a call names as the event of a log line, if it is one that logs."""
    match call.func:
        case ast.Attribute(ast.Name("log"), level) if level in LEVELS:
            return call.args[0]
        case ast.Name("until_done"):
            return call.args[-1]
        case _:
            return None


def events_of_the_code() -> Iterator[tuple[str, ast.expr]]:
    for path in sorted(CODE.rglob("*.py")):
        for call in calls(path):
            if event := event_of(call):
                yield f"{path.relative_to(CODE)}:{call.lineno}", event


def test_every_event_of_the_code_is_in_the_list_and_there_is_no_other() -> None:
    named = {event.value for _, event in events_of_the_code() if isinstance(event, ast.Constant)}
    assert named | {"library_message"} == set(EVENTS)


def test_an_event_is_named_where_it_is_logged_or_has_its_type() -> None:
    computed = [
        (at, event) for at, event in events_of_the_code() if not isinstance(event, ast.Constant)
    ]
    assert [(at.partition(":")[0], ast.unparse(event)) for at, event in computed] == [
        ("runtime/process.py", "event")
    ]


def test_every_name_of_the_type_has_a_sentence_in_the_order_of_the_alphabet() -> None:
    assert list(get_args(Event)) == list(EVENTS) == sorted(EVENTS)
    assert all(sentence.endswith(".") for sentence in EVENTS.values())


@pytest.mark.parametrize(
    "path", [p for p in CODE.rglob("*.py") if "get_logger" in p.read_text()], ids=str
)
def test_a_logger_is_called_log(path: Path) -> None:
    assert path.read_text().count("get_logger") == path.read_text().count(
        "\nlog = structlog.get_logger()\n"
    )
