"""What a browser sends with a form: read up to a limit, and never as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from worker.storage.changes.sets import LONGEST_TEXT

# A pasted payload of a large event has a few MB.
LARGEST_FORM: Final = 8 * 1024 * 1024
# Before anybody has signed in.
LARGEST_SIGN_IN: Final = 64 * 1024
_MOST_FIELDS: Final = 20_000
_TYPE: Final = "application/x-www-form-urlencoded"


class FormRefusedError(Exception):
    """A form cannot be read; ``status`` is that of the answer."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class SentForm:
    """The fields of a form, in order; a name may come more than once."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = fields

    def get(self, name: str, default: str = "") -> str:
        """Return the first value without spaces around it."""
        return next((value.strip() for key, value in self._fields if key == name), default)

    def raw(self, name: str) -> str:
        """Return the first value as it was sent: a label may begin with a space, a password too."""
        return next((value for key, value in self._fields if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)


async def read_form(request: Request, most: int = LARGEST_FORM) -> SentForm:
    """Read the body of a form of at most ``most`` bytes. Raises FormRefusedError."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != _TYPE:
        raise FormRefusedError("a form is sent as application/x-www-form-urlencoded", 415)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise FormRefusedError(f"this form holds at most {most // 1024} KiB", 413)
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise FormRefusedError("the form cannot be read") from error
    if any(name == "reason" and len(value) > LONGEST_TEXT for name, value in pairs):
        raise FormRefusedError(f"a reason has at most {LONGEST_TEXT:,} characters", 413)
    # Postgres takes no text with a zero byte.
    return SentForm([(name.replace("\0", ""), value.replace("\0", "")) for name, value in pairs])
