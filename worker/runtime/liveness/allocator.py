"""Settings of glibc's allocator, for a process that soon needs again what it frees."""

from __future__ import annotations

import ctypes
import os
from typing import Final

_MIB: Final = 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 64 * _MIB
_LARGEST_FROM_HEAP: Final = 32 * _MIB  # the largest value that glibc takes
_CHOSEN_BY: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Keep up to 64 MiB of freed memory, and return True; do nothing if glibc's own variables are set.

    Otherwise the memory would go back to the system after every batch, and be mapped again page by page for
    the next one. Without glibc nothing is done either.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in os.environ for name in _CHOSEN_BY):
        return False
    chosen = (_M_TRIM_THRESHOLD, _KEPT_BYTES), (_M_MMAP_THRESHOLD, _LARGEST_FROM_HEAP)
    return all(mallopt(*each) == 1 for each in chosen)
