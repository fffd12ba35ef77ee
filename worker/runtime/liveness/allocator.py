"""glibc's allocator, told that a process needs again what it frees."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_MIB: Final = 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 64 * _MIB
_LARGEST_FROM_HEAP: Final = 32 * _MIB  # more is not to be had
_CHOSEN_BY: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Keep up to 64 MiB of what is freed: it would go back to the system with every batch, to be mapped again
    page by page for the next one. False where glibc's own variables choose, or there is no glibc.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in _CHOSEN_BY):
        return False
    chosen = (_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_MMAP_THRESHOLD, _LARGEST_FROM_HEAP)
    return all(mallopt(*each) == 1 for each in chosen)
