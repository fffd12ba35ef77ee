"""What an examination finds: one line for each thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Subject = Literal[
    "settings",
    "kafka",
    "database",
    "sessions",
    "connections",
    "topics",
    "acls",
    "migrations",
    "roles",
    "locks",
    "snapshots",
    "clock",
    "timestamps",
    "group",
    "offsets",
    "mappings",
    "shapes",
    "evidence",
    "sign-in",
    "logins",
]
Level = Literal["OK", "WARNING", "FAILURE"]


class Finding(NamedTuple):
    """``remedy`` says what to do: a command, or where to look; None when nothing is to be done."""

    subject: Subject
    level: Level
    message: str
    remedy: str | None


def fine(subject: Subject, message: str) -> Finding:
    return Finding(subject, "OK", message, None)


def warning(subject: Subject, message: str, remedy: str) -> Finding:
    return Finding(subject, "WARNING", message, remedy)


def failure(subject: Subject, message: str, remedy: str) -> Finding:
    return Finding(subject, "FAILURE", message, remedy)


def has_failure(findings: Iterable[Finding]) -> bool:
    return any(finding.level == "FAILURE" for finding in findings)
