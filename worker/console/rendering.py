"""Pages from templates. All that they are given is escaped: senders choose the names of markets and teams."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from worker.cli.words import noun_of
from worker.console.faults import form_state
from worker.domain.books.platforms import PLATFORMS
from worker.operations.what_if.difference import CHANGE_KINDS

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"


def printable(value: object) -> str:
    """Return a text without control characters and marks that turn the direction of writing round."""
    text = "" if value is None else str(value)
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode()
        for character in text
    )


def moment(at: datetime | str | None) -> Markup:
    """A time in UTC; the script shows it in the viewer's zone, with UTC in its title."""
    if at is None:
        return Markup("")
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    utc = when.astimezone(UTC)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        utc.strftime("%Y-%m-%d %H:%M UTC"),
    )


def count(number: float) -> str:
    """A whole number with narrow spaces between the thousands."""
    return f"{round(number):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """A whole number and what it counts."""
    return f"{count(number)} {noun_of(round(number), noun, plural)}"


def rate(number: float) -> str:
    """A number an hour: one decimal while it is small."""
    return f"{number:.1f}" if number < 100 else count(number)


def percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def query(**values: object) -> str:
    """A query string of the values that are not empty."""
    return urlencode({name: value for name, value in values.items() if value not in {None, ""}})


@cache
def asset(name: str) -> str:
    """The path of a static file, with a mark of its content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "text": printable,
        "moment": moment,
        "count": count,
        "number_of": counted,
        "noun_of": noun_of,
        "rate": rate,
        "percent": percent,
        "as_json": as_json,
    }
    environment.globals |= {
        "asset": asset,
        "query": query,
        "platforms": PLATFORMS,
        "change_kinds": CHANGE_KINDS,
        "form_state": form_state,
    }
    return environment


def render(template: str, **values: Any) -> str:
    return templates().get_template(template).render(**values)
