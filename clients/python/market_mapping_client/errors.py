"""What can go wrong with brokers, settings and input: one sentence each, with a code and a fix."""

from __future__ import annotations

from typing import Final, Literal, get_args

ErrorCode = Literal[
    "SETTING_INVALID",
    "INPUT_INVALID",
    "BROKERS_UNREACHABLE",
    "TLS_FAILED",
    "CREDENTIALS_REFUSED",
    "CONNECTION_CLOSED",
    "TOPIC_NOT_FOUND",
    "NOT_AUTHORIZED",
    "TOO_LARGE",
    "NO_ANSWER",
]
ERROR_CODES: Final[tuple[ErrorCode, ...]] = get_args(ErrorCode)


class ClientError(Exception):
    """An error that a person can act on. ``str`` gives one sentence: the code, what is wrong, and the fix."""

    def __init__(self, code: ErrorCode, problem: str, fix: str) -> None:
        super().__init__(f"{code}: {problem}; {fix}")
        self.code = code
        self.problem = problem
        self.fix = fix
