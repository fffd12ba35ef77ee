"""What a command says of a file, or an output, that cannot be read or written."""

from __future__ import annotations

import errno
import os
import sys
from typing import Final

_WRITING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}
_READING: Final = {errno.EIO, errno.EISDIR}


def file_failure(error: OSError) -> str | None:
    """Return a sentence for people; None if the error is of no file, such as one of the network."""
    if isinstance(error, BrokenPipeError):  # whoever read the output has seen enough
        return None
    if error.filename is not None:
        return f"{error.filename} cannot be read or written: {error.strerror}"
    if error.errno in _WRITING:
        return f"The output cannot be written: {error.strerror}"
    if error.errno in _READING:
        return f"A file cannot be read or written: {error.strerror}"
    return None


def drop_unwritable_output() -> None:
    """Let go of what stdout still holds if it cannot be written: Python would fail on it again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
